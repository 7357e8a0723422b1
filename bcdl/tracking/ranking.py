"""From a table of runs to a leaderboard and to the spread over seeds: pure pandas.

Runs are ordered by validation (`best/val/<metric>`) and never by test.
"""

import pandas as pd

from bcdl.errors import UserError, nearest
from bcdl.scores import lower_is_better

BEST = "metrics.best/val/"
SEED = "params.seed"
TEST_METRICS = ("test/auroc", "test/accuracy")


def leaderboard(runs: pd.DataFrame, metric: str = "auroc") -> pd.DataFrame:
    """Return one row a run, best first by `best/val/<metric>`; what has no rank comes last.

    Only finished runs that have the metric have a rank.

    Columns: rank, name, run, status, model, encoder, data, best/val/<metric>, test/auroc, test/accuracy,
    epochs, seconds, then run_id and every other parameter and metric.

    Args:
        runs: table of runs, as `TrackingStore.runs` gives it.
        metric: one of the names in `bcdl.metrics`.

    Raises:
        UserError: if some runs have `best/val` metrics but none this one.
    """
    check_metric(runs, metric)
    board = pd.DataFrame({"name": runs["name"], "run": runs["run_id"].str[:8], "status": runs["status"]})
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


def seed_spread(runs: pd.DataFrame, metric: str = "auroc") -> pd.DataFrame:
    """Return mean and standard deviation over seeds of finished runs that differ in nothing but the seed.

    Columns: the parameters that differ between the groups, seeds, then `<name> mean` and `<name> sd` (n - 1)
    of `best/val/<metric>` and the test metrics; best validation mean first. Empty if no group has two seeds.
    Of runs with the same parameters and seed, the newest counts.
    """
    names = [f"best/val/{metric}", *TEST_METRICS]
    settings = [name for name in runs.columns if name.startswith("params.") and name != SEED]
    finished = runs[runs["status"] == "FINISHED"]
    if SEED not in runs or finished.empty:
        return pd.DataFrame()
    newest = finished.sort_values("started", ascending=False).drop_duplicates([*settings, SEED])
    values = pd.DataFrame({name: _column(newest, f"metrics.{name}").astype("float64") for name in names})
    keys = newest[settings].fillna("").astype(str)
    groups = values.groupby([keys[name] for name in settings], sort=False)
    spread = groups.size().rename("seeds").to_frame()
    for name in names:
        spread[f"{name} mean"], spread[f"{name} sd"] = groups[name].mean(), groups[name].std(ddof=1)
    if spread["seeds"].max() < 2:
        return pd.DataFrame()
    spread = spread.sort_values(f"{names[0]} mean", ascending=lower_is_better(metric)).reset_index()
    same = [name for name in settings if spread[name].nunique() == 1 and name != "params.model"]
    return spread.drop(columns=same).rename(columns=lambda name: name.removeprefix("params."))


def check_metric(runs: pd.DataFrame, metric: str) -> None:
    """Raise a UserError if runs have `best/val` metrics but none of this name."""
    known = [name.removeprefix(BEST) for name in runs.columns if name.startswith(BEST)]
    if known and metric not in known:
        raise UserError(
            f"no run has best/val/{metric}.{nearest(metric, known)} They have: {', '.join(sorted(known))}"
        )


def _column(runs: pd.DataFrame, name: str) -> pd.Series:
    return runs[name] if name in runs else pd.Series(None, index=runs.index, dtype="object")
