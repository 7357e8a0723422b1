"""From a table of runs to a leaderboard and to the spread over folds and seeds: pure pandas.

Runs are ordered by validation (`best/val/<metric>`) and never by test.
"""

import pandas as pd

from bcdl.errors import UserError, nearest
from bcdl.scores import lower_is_better

BEST = "metrics.best/val/"
PLACES = ("params.seed", "params.data.fold")  # in which the jobs of one configuration differ
NAMING = ("params.trial", "params.sweep.name")  # what a job of a sweep is called: no setting
TRIAL = "tags.bcdl.trial"
PRUNED = "tags.bcdl.pruned"
TEST_METRICS = ("test/auroc", "test/accuracy")


def leaderboard(runs: pd.DataFrame, metric: str = "auroc") -> pd.DataFrame:
    """Return one row a run, best first by `best/val/<metric>`; what has no rank comes last.

    Only finished runs that have the metric have a rank. One that its sweep pruned is `PRUNED` and has none.

    Columns: rank, name, run, status, model, encoder, data, best/val/<metric>, test/auroc, test/accuracy,
    epochs, seconds, then run_id and every other parameter and metric.

    Args:
        runs: table of runs, as `TrackingStore.runs` gives it.
        metric: one of the names in `bcdl.metrics`.

    Raises:
        UserError: if some runs have `best/val` metrics but none this one.
    """
    check_metric(runs, metric)
    status = runs["status"].mask(_is_pruned(runs), "PRUNED")
    board = pd.DataFrame({"name": runs["name"], "run": runs["run_id"].str[:8], "status": status})
    for name in ("model", "encoder", "data"):
        board[name] = _column(runs, f"params.{name}")
    for name in (f"best/val/{metric}", *TEST_METRICS, "epochs", "seconds"):
        board[name] = _column(runs, f"metrics.{name}").astype("float64")
    board["run_id"] = runs["run_id"]
    rest = runs.filter(regex=r"^(params|metrics)\.").rename(columns=lambda name: name.partition(".")[2])
    board = board.join(rest[[name for name in rest.columns if name not in board]])
    score = board[f"best/val/{metric}"].where(board["status"] == "FINISHED")
    board = board.loc[score.sort_values(ascending=lower_is_better(metric), kind="stable").index]
    board.insert(0, "rank", range(1, len(board) + 1))
    board["rank"] = board["rank"].astype("Int64").mask(score.isna())
    return board.reset_index(drop=True)


def spread(runs: pd.DataFrame, metric: str = "auroc") -> pd.DataFrame:
    """Return mean and standard deviation over the runs of one configuration: they differ in fold and seed.

    Children of one sweep belong together by their trial, other runs by equal parameters.

    Columns: trial for a sweep, the parameters that differ between the groups, runs, then `<name> mean` and
    `<name> sd` (n - 1) of `best/val/<metric>` and the test metrics; best validation mean first. Empty if no
    group has two runs. Only finished runs count, and of those of the same place the newest.
    """
    names = [f"best/val/{metric}", *TEST_METRICS]
    finished = runs[(runs["status"] == "FINISHED") & ~_is_pruned(runs)]
    settings = [
        name for name in map(str, runs) if name.startswith("params.") and name not in (*PLACES, *NAMING)
    ]
    by = _by(finished, settings)
    if finished.empty or not by:
        return pd.DataFrame()
    places = [name for name in PLACES if name in runs]
    newest = finished.sort_values("started", ascending=False).drop_duplicates([*by, *places])
    groups = _numbers(newest, names).groupby([newest[name].fillna("") for name in by], sort=False)
    table = _first(newest, by, settings).assign(runs=groups.size().to_numpy())
    for name in names:
        table[f"{name} mean"], table[f"{name} sd"] = groups[name].mean().array, groups[name].std(ddof=1).array
    if table["runs"].max() < 2:
        return pd.DataFrame()
    return _without_equal(table.sort_values(f"{names[0]} mean", ascending=lower_is_better(metric)), settings)


def check_metric(runs: pd.DataFrame, metric: str) -> None:
    """Raise a UserError if runs have `best/val` metrics but none of this name."""
    known = [name.removeprefix(BEST) for name in runs.columns if name.startswith(BEST)]
    if known and metric not in known:
        raise UserError(
            f"no run has best/val/{metric}.{nearest(metric, known)} They have: {', '.join(sorted(known))}"
        )


def _by(runs: pd.DataFrame, settings: list[str]) -> list[str]:
    """Return the columns that say which runs belong together."""
    one_sweep = runs["parent"].nunique(dropna=False) == 1 if "parent" in runs else False
    return [TRIAL] if one_sweep and TRIAL in runs and runs[TRIAL].notna().all() else settings


def _first(runs: pd.DataFrame, by: list[str], settings: list[str]) -> pd.DataFrame:
    """Return the settings of each group, and its trial, in the order in which the groups come."""
    first = runs.drop_duplicates(by)[settings].fillna("").astype(str).reset_index(drop=True)
    if by == [TRIAL]:
        first.insert(0, "trial", runs[TRIAL].drop_duplicates().astype(int).to_numpy())
    return first


def _without_equal(table: pd.DataFrame, settings: list[str]) -> pd.DataFrame:
    same = [name for name in settings if table[name].nunique() == 1 and name != "params.model"]
    short = table.drop(columns=same).rename(columns=lambda name: name.removeprefix("params."))
    return short.reset_index(drop=True)


def _numbers(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: _column(runs, f"metrics.{name}").astype("float64") for name in names})


def _is_pruned(runs: pd.DataFrame) -> pd.Series:
    return _column(runs, PRUNED).eq("true")


def _column(runs: pd.DataFrame, name: str) -> pd.Series:
    return runs[name] if name in runs else pd.Series(None, index=runs.index, dtype="object")
