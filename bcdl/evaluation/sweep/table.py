"""The table of a sweep's trials: one row a configuration, made from one row a run."""

from collections.abc import Sequence

import pandas as pd

SHORT_NAMES = {  # parameters that every run records, under a name of their own: see `bcdl.record`
    "data.unit": "unit",
    "data.batch_size": "batch_size",
    "optimizer.lr": "lr",
    "trainer.max_epochs": "max_epochs",
}
PARAMETER = "params."
_TRIAL, _TRY, _JOB, _PRUNED = "tags.bcdl.trial", "tags.bcdl.try", "tags.bcdl.job", "tags.bcdl.pruned"
_STATES = ("failed", "pruned", "killed", "running", "finished")  # of several jobs, the first one counts
_OF_STATUS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}


def trials_table(
    runs: pd.DataFrame, objectives: Sequence[str], keys: Sequence[str], jobs: int = 1
) -> pd.DataFrame:
    """Return one row a configuration, by number.

    Of a job that was tried several times the newest finished run counts, else the newest. A configuration
    with one failed job is failed; with fewer jobs than it is to have it is running still.

    Columns: trial, state (finished, pruned, failed, killed or running), jobs, then for each objective its
    mean over the jobs and `<objective> sd` (n - 1, NaN of one job), seconds (sum over the jobs), started,
    and `params.<key>` for each key. Only finished and pruned configurations have values.

    Args:
        runs: the children of a sweep, as `TrackingStore.runs` gives them. Runs without the tag `bcdl.trial`
            are a configuration each, in the order in which they started.
        objectives: names of metrics, such as `best/val/auroc`.
        keys: what varies, as in overrides: `optimizer.lr`.
        jobs: how many jobs a configuration has.
    """
    done = _jobs(runs)
    groups = done.groupby("trial")
    table = pd.DataFrame({"state": groups["state"].min(), "jobs": groups.size()})
    table["state"] = [_STATES[place] for place in table["state"]]
    table.loc[(table["state"] == "finished") & (table["jobs"] < jobs), "state"] = "running"
    ended = table["state"].isin(["finished", "pruned"])
    for name in objectives:
        values = _numbers(done, f"metrics.{name}").groupby(done["trial"])
        table[name] = values.mean(skipna=False).where(ended)
        table[f"{name} sd"] = values.std(ddof=1, skipna=False).where(ended)
    table["seconds"] = _numbers(done, "metrics.seconds").groupby(done["trial"]).sum(min_count=1)
    table["started"] = groups["started"].min()
    for key in keys:
        table[f"{PARAMETER}{key}"] = numbers_where_all(_values(done, key).groupby(done["trial"]).first())
    return table.reset_index()


def numbers_where_all(values: pd.Series) -> pd.Series:
    """Return a column of texts as numbers where all that is there are numbers, else as it is."""
    numbers = pd.to_numeric(values, errors="coerce")
    all_numbers = bool(values.notna().any()) and bool((numbers.notna() == values.notna()).all())
    return numbers if all_numbers else values


def _jobs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the run that counts of each job, with its trial and the place of its state."""
    oldest_first = runs.sort_values("started", kind="stable").reset_index(drop=True)
    own = pd.Series(range(len(oldest_first)), index=oldest_first.index)
    places = {
        "trial": _numbers(oldest_first, _TRIAL).fillna(own).astype("int64"),
        "job": _numbers(oldest_first, _JOB).fillna(0).astype("int64"),
        "try": _numbers(oldest_first, _TRY).fillna(0).astype("int64"),
        "state": _state_places(oldest_first),
    }
    jobs = oldest_first.assign(**places)
    jobs["ended"] = jobs["state"].isin([_STATES.index("finished"), _STATES.index("pruned")])
    newest_last = jobs.sort_values(["ended", "try"], kind="stable")
    return newest_last.drop_duplicates(["trial", "job"], keep="last").sort_values(["trial", "job"])


def _state_places(runs: pd.DataFrame) -> pd.Series:
    states = runs["status"].map(_OF_STATUS).fillna("running")
    pruned = _column(runs, _PRUNED).eq("true") & states.eq("finished")
    return states.mask(pruned, "pruned").map(_STATES.index).astype("int64")


def _values(jobs: pd.DataFrame, key: str) -> pd.Series:
    """Return the texts of a key, None where it does not vary."""
    own = _column(jobs, f"{PARAMETER}{key}")
    short = SHORT_NAMES.get(key)
    return own if short is None else own.fillna(_column(jobs, f"{PARAMETER}{short}"))


def _numbers(runs: pd.DataFrame, name: str) -> pd.Series:
    return pd.to_numeric(_column(runs, name)).astype("float64")


def _column(runs: pd.DataFrame, name: str) -> pd.Series:
    return runs[name] if name in runs else pd.Series(None, index=runs.index, dtype="object")
