"""One parent run a sweep: it holds the definition, the leaderboard and the best child, and ends truthfully.

Hydra 1.3.8 does not fire `on_multirun_end` when a job failed, so the command line closes the parent itself
with `finish_parent`, whatever happened.
"""

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import UserError
from bcdl.scores import monitored_metric

if TYPE_CHECKING:
    import pandas as pd

    from bcdl.tracking import TrackedRun

DESCRIPTION_TAG = "mlflow.note.content"
BEST_TAG = "bcdl.best_run"


@dataclass
class Sweep:
    """The open parent run of this process, and the metric that its leaderboard is sorted by."""

    run: "TrackedRun"
    metric: str


_open: list[Sweep] = []


class ParentRun(Callback):
    """Hydra callback: opens the parent run of a multirun and names it to the jobs through the environment.

    Its leaderboard is sorted by what the jobs' best checkpoints are chosen by.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ANN401 - Hydra's signature
        """Open the parent run; a store that cannot be opened ends the process with exit code 2."""
        overrides = [str(override) for override in config.hydra.overrides.task]
        study = OmegaConf.select(config, "hydra.runtime.choices.experiments")
        try:
            metric = monitored_metric(config.callbacks.best.monitor)
            _start(config.tracking.root, config.tracking.experiment, overrides, study, metric)
        except UserError as error:  # Hydra would turn it into a warning and go on
            print(f"bcdl: {error}", file=sys.stderr)
            raise SystemExit(2) from error


def finish_parent(error: BaseException | None = None) -> str | None:
    """Close the parent run of this process and return its id; return None where none is open.

    Args:
        error: the exception that ended the sweep, if any.
    """
    from bcdl.tracking.run import PARENT_VARIABLE

    if not _open:
        return None
    sweep = _open.pop()
    os.environ.pop(PARENT_VARIABLE, None)
    sweep.run.store.deliver_leftovers()  # of jobs whose process died
    children = sweep.run.store.runs(parent=sweep.run.id)
    try:
        _summarise(sweep, children)
    finally:
        sweep.run.close(_status(children, error), error)
    return sweep.run.id


def swept(overrides: list[str]) -> list[str]:
    """Return the keys of the overrides that a sweep varies.

    Example:
        >>> swept(["model=cnn,cnn_rnn", "seed=range(3)", "data=phantom"])
        ['model', 'seed']
    """
    parsed = OverridesParser.create().parse_overrides(overrides)
    return [override.key_or_group for override in parsed if override.is_sweep_override()]


def _start(root: str, experiment: str, overrides: list[str], study: str | None, metric: str) -> None:
    from bcdl.tracking import TrackedRun, TrackingStore, log_provenance
    from bcdl.tracking.places import parameters
    from bcdl.tracking.run import PARENT_VARIABLE

    stem = study.replace("/", "-") if study else "-".join(key.rpartition(".")[2] for key in swept(overrides))
    run = TrackedRun.start(TrackingStore.open(root, experiment), f"sweep-{stem or 'jobs'}", kind="sweep")
    run.__enter__()
    run.log_params(parameters(overrides))
    run.log_text("".join(f"- {override}\n" for override in overrides), "overrides.yaml")
    log_provenance(run)
    os.environ[PARENT_VARIABLE] = run.id
    _open.append(Sweep(run, metric))


def _summarise(sweep: Sweep, children: "pd.DataFrame") -> None:
    from bcdl.tracking import leaderboard

    run = sweep.run
    run.set_tags({DESCRIPTION_TAG: _description(children)})
    if children.empty:
        return
    board = leaderboard(children, sweep.metric)
    run.log_table(board, "leaderboard.csv")
    ranked = board.dropna(subset="rank")
    if len(ranked):
        _log_best(run, ranked, f"best/val/{sweep.metric}")
        _log_bars(run, ranked, sweep.metric)


def _log_best(run: "TrackedRun", ranked: "pd.DataFrame", column: str) -> None:
    best = ranked.iloc[0]
    run.set_tags({BEST_TAG: best["run_id"]})
    run.log_params({f"best.{key}": best[key] for key in ("model", "encoder", "data")})
    run.log_metrics({column: best[column]})


def _log_bars(run: "TrackedRun", ranked: "pd.DataFrame", metric: str) -> None:
    from bcdl.evaluation.figures import leaderboard_bar

    values = ranked[f"best/val/{metric}"].tolist()
    run.log_figure(leaderboard_bar(ranked["name"].tolist(), values, f"best/val/{metric}"), "leaderboard.png")


def _description(children: "pd.DataFrame") -> str:
    counts = children["status"].value_counts()
    others = "".join(f", {count} {status}" for status, count in counts.items() if status != "FINISHED")
    return f"{counts.get('FINISHED', 0)} of {len(children)} runs finished{others}"


def _status(children: "pd.DataFrame", error: BaseException | None) -> str:
    from bcdl.tracking import was_interrupted

    if was_interrupted(error):
        return "KILLED"
    return "FINISHED" if error is None and set(children["status"]) <= {"FINISHED"} else "FAILED"
