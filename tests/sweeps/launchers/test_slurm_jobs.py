import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra.core.utils import JobStatus
from omegaconf import DictConfig

from bcdl.errors import UserError
from bcdl.sweeps.ledger import Ledger
from tests.launching import checkpoints, endings, once, set_up, when
from tests.slurm import slurm_cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    with slurm_cluster() as configuration:
        yield configuration


@pytest.fixture
def slurm(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder from which commands reach the cluster."""
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _queued() -> list[list[str]]:
    said = subprocess.run(
        ["squeue", "--noheader", "--format=%i %T %r"], capture_output=True, text=True, check=True
    )
    return [line.split() for line in said.stdout.splitlines()]


def test_every_job_has_an_end_of_its_own(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_MARK", "passed-on")
    monkeypatch.setattr(sys, "argv", ["/bin/bcdl", "train"])
    launcher = set_up("submitit_slurm", endings(slurm), slurm / "sweep", "hydra.launcher.name=one")

    def cancel() -> None:
        (name,) = [name for name, *_ in _queued() if name.endswith("_3")]
        subprocess.run(["scancel", name], check=True)

    watcher = once([slurm / "3"], cancel)
    well, raised, killed, cancelled = launcher.launch([[f"seed={seed}"] for seed in range(4)], 0)
    watcher.join(60)

    assert well.status == JobStatus.COMPLETED
    assert well.return_value == f"0 /bin/bcdl {slurm} passed-on 1 {vars(well)['log']}"
    sent = list((slurm / "sweep" / ".submitit").glob("*_submitted.pkl"))
    assert len(sent) == 4
    assert not any(b"passed-on" in path.read_bytes() for path in sent)
    assert [job.status for job in (raised, killed, cancelled)] == [JobStatus.FAILED] * 3
    assert "no such breast" in str(raised._return_value)
    assert "killed by signal 9" in str(killed._return_value)
    assert "scancel" in str(cancelled._return_value)
    assert (slurm / "3.told").read_text() == "Stopped"
    assert all(Path(vars(job)["log"]).is_file() for job in (well, raised, killed, cancelled))
    assert _queued() == []


def test_a_job_that_is_put_back_into_the_queue_runs_again(slurm: Path) -> None:
    def task(cfg: DictConfig) -> str:
        if "BCDL_JOB_RESTARTED" in os.environ:
            return "again"
        (slurm / "first").touch()
        time.sleep(120)
        return "not put back"

    def requeue() -> None:
        ((name, *_),) = _queued()
        subprocess.run(["scontrol", "requeue", name], check=True)
        for _ in range(600):  # Slurm lets two minutes pass before it starts the job again
            if _queued()[0][1:] == ["PENDING", "BeginTime"]:
                time.sleep(2)  # Slurm refuses a job that starts in the second in which it was killed
                subprocess.run(["scontrol", "update", f"job={name}", "StartTime=now"], check=True)
                return
            time.sleep(0.1)

    watcher = once([slurm / "first"], requeue)
    (job,) = set_up("submitit_slurm", task, slurm / "sweep").launch([[]], 0)
    watcher.join(60)
    assert job.return_value == "again"


def test_an_interrupted_launch_cancels_its_jobs(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = set_up("submitit_slurm", endings(slurm), slurm / "sweep", "hydra.launcher.array_parallelism=1")
    asked = _interrupting(slurm / "3", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        launcher.launch([["seed=3"], ["seed=4"]], 0)
    assert asked
    assert (slurm / "3.told").read_text() == "Stopped"
    assert not (slurm / "4").exists()
    assert _queued() == []


def test_a_job_that_reaches_its_time_limit_is_told_to_end(slurm: Path) -> None:
    launcher = set_up("submitit_slurm", endings(slurm), slurm / "sweep", "hydra.launcher.timeout_min=1")
    (job,) = launcher.launch([["seed=3"]], 0)
    assert "timeout_min" in str(job._return_value)
    assert (slurm / "3.told").read_text() == "Stopped"


def test_a_sweep_outlives_scancel(
    slurm: Path, bcdl_in_process: Callable[..., int], tiny: tuple[str, ...], tracking_root: Path
) -> None:
    typed = (
        "seed=1,2",
        "hydra/launcher=submitit_slurm",
        "sweep.name=s",
        "sweep.retries=1",
        f"data.store={slurm}",
    )

    def cancel() -> None:
        (name,) = [name for name, *_ in _queued() if name.endswith("_0")]
        subprocess.run(["scancel", name], check=True)

    watcher = when(checkpoints(tracking_root, 2), cancel)
    assert bcdl_in_process("train", "-m", *tiny, *typed, "trainer.max_epochs=60") == 0
    watcher.join(60)
    trials = Ledger.open("s", tracking_root).trials()
    assert [(trial.number, trial.told) for trial in trials] == [
        (0, "failed"),
        (1, "finished"),
        (0, "finished"),
    ]
    assert trials[2].jobs[0].run == trials[0].jobs[0].run  # it went on where it was


def test_a_job_starts_the_further_processes_of_its_fit_itself(
    slurm: Path, tiny: tuple[str, ...], tracking_root: Path
) -> None:
    launcher = ("hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=2")
    ddp = ("trainer=ddp", *tiny, "trainer.devices=2", "trainer.precision=32-true")
    command = [sys.executable, "-m", "bcdl.cli", "train", "-m", *launcher, *ddp, "sweep.name=s"]
    done = subprocess.run([*command, "seed=1,2", f"data.store={slurm}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trials = Ledger.open("s", tracking_root).trials()
    assert [trial.told for trial in trials] == ["finished", "finished"]


def test_what_slurm_refuses_is_a_mistake_of_the_user(slurm: Path) -> None:
    launcher = set_up("submitit_slurm", endings(slurm), slurm / "sweep", "hydra.launcher.partition=nowhere")
    with pytest.raises(UserError, match=r"(?s)Slurm refuses.*partition"):
        launcher.launch([["seed=0"]], 0)


def _interrupting(started: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let Ctrl-C come while the launcher waits and the job has started."""
    from bcdl.sweeps.launchers.slurm_queue import Queue

    asked: list[bool] = []
    ask = Queue.standings

    def standings(self: Queue, ids: list[str]) -> object:
        if started.exists() and not asked:
            asked.append(True)
            raise KeyboardInterrupt
        return ask(self, ids)

    monkeypatch.setattr(Queue, "standings", standings)
    return asked
