"""What a parent run holds at a sweep's end.

Leaderboard, trials with their spread, figures, a page, pooled folds.
"""

from typing import TYPE_CHECKING

from bcdl.sweeps.ledger import Ledger, Trial
from bcdl.sweeps.parent import headline, jobs_a_trial
from bcdl.tracking.artifacts import PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

    from bcdl.tracking import TrackedRun, TrackingStore


def report(run: "TrackedRun", store: "TrackingStore", ledger: Ledger) -> None:
    """Record a sweep's results in its parent run.

    Args:
        run: the parent run, open.
        store: the tracking store.
        ledger: the sweep's ledger.
    """
    from bcdl.evaluation.sweep import sweep_figures, sweep_page, trials_table
    from bcdl.tracking import leaderboard

    store.deliver_leftovers()  # of jobs whose process died
    runs = store.runs(parent=run.id)
    if runs.empty:
        return
    objectives = list(ledger.objectives)
    definition = ledger.facts["definition"]
    table = trials_table(runs, objectives, ledger.facts["varied"], jobs_a_trial(definition))
    run.log_table(leaderboard(runs, objectives[0].rpartition("val/")[2]), "leaderboard.csv")
    run.log_table(table, "trials.csv")
    for name, figure in sweep_figures(table, objectives, list(ledger.lower)).items():
        run.log_figure(figure, f"{name}.png")
    facts = headline(definition, ledger.facts["command"]["overrides"])
    run.log_text(sweep_page(ledger.name, table, objectives, list(ledger.lower), facts), "sweep.html")
    _log_pooled(run, store, ledger)


def _log_pooled(run: "TrackedRun", store: "TrackingStore", ledger: Ledger) -> None:
    """Record, for each configuration of several jobs that were all tested.

    Its pooled predictions and metrics.
    """
    import pandas as pd

    from bcdl.evaluation.pooled import pooled

    found = []
    for trial in ledger.newest().values():
        tables = _predictions(store, trial)
        if len(tables) > 1:
            run.log_table(pooled(tables), f"trials/{trial.number}/{PREDICTIONS}")
            found.append(_summary(store, trial, tables))
    if found:
        run.log_table(pd.concat(found, ignore_index=True), "pooled.csv")


def _summary(store: "TrackingStore", trial: Trial, tables: "list[pd.DataFrame]") -> "pd.DataFrame":
    from omegaconf import OmegaConf

    from bcdl.evaluation.pooled import summary

    cfg = OmegaConf.load(store.download(str(trial.jobs[0].run), "config.yaml"))
    rule = cfg.evaluate.aggregate
    metrics = summary(tables, unit=cfg.data.unit, threshold=cfg.evaluate.threshold, rule=rule)
    metrics.insert(0, "trial", trial.number)
    return metrics


def _predictions(store: "TrackingStore", trial: Trial) -> "list[pd.DataFrame]":
    """Return the predictions tables of a configuration's jobs; none unless all are finished and tested."""
    import pandas as pd

    runs = [str(job.run) for job in trial.jobs]
    if (
        trial.told != "finished"
        or len(runs) < 2
        or not all(store.has_artifact(run, PREDICTIONS) for run in runs)
    ):
        return []
    tables = [pd.read_parquet(store.download(run, PREDICTIONS)) for run in runs]
    return tables if all((table["split"] == "test").any() for table in tables) else []
