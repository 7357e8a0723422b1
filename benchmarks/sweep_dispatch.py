"""What a trial costs beside its training: `python benchmarks/sweep_dispatch.py [most trials]`.

Targets: composing and dispatching a trial costs at most 1.2 times what Hydra's basic sweeper takes on the
same configuration, at 10 trials and at 1,000. The job does nothing but enter its result into the ledger, so
that what is measured is the sweeper, the launcher, the ledger and the parent run; starting Python and opening
the tracking store are left out for both.
"""

import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from commands import load
from hydra import version
from hydra._internal.utils import _run_hydra
from omegaconf import DictConfig
from targets import Figure, show

from bcdl.configs import HYDRA_VERSION_BASE, config_folder
from bcdl.parsers import hydra_parser
from bcdl.sweeps.member import Member
from bcdl.tracking import TrackingStore

TARGET = 1.2
TRIALS = (10, 1000)
RESULT = {"best/val/auroc": 0.5, "test/auroc": 0.5}


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else max(TRIALS)
    logging.disable(logging.WARNING)
    print(load())
    figures = []
    with TemporaryDirectory() as folder:
        TrackingStore.open(folder)
        for trials in [count for count in TRIALS if count <= most]:
            basic = seconds_a_trial(trials, Path(folder), "hydra/sweeper=basic")
            ours = seconds_a_trial(trials, Path(folder), f"sweep.name=dispatch-{trials}")
            print(f"{trials} trials: {ours:.3f} s each, basic sweeper {basic:.3f} s")
            figures.append(Figure(f"a trial of {trials}, of the basic sweeper's", ours / basic, TARGET, ""))
    show(figures)


def seconds_a_trial(trials: int, root: Path, override: str) -> float:
    """Return the seconds that a sweep of jobs which do nothing takes for each."""
    version.setbase(HYDRA_VERSION_BASE)
    parser = hydra_parser("train")
    typed = ["-m", f"seed=range({trials})", f"tracking.root={root}", override]
    options = parser.parse_intermixed_args(typed)
    started = time.perf_counter()
    _run_hydra(options, parser, job, str(config_folder()), "train")
    return (time.perf_counter() - started) / trials


def job(cfg: DictConfig) -> None:
    """Do nothing, and tell it to the ledger where there is one."""
    member = Member.of(cfg)
    if member is not None:
        member.claim()
        member.opened("0" * 32)
        member.finished(RESULT)


if __name__ == "__main__":
    main()
