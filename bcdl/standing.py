"""Which runs of a leaderboard cannot be told from its best, and which were trained or tested on other data.

The best is the best by validation; the test samples say whether another one differs from it, and order
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bcdl.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from bcdl.tracking import TrackingStore

_NAMED = 3  # runs in a note
ALPHA = 0.05  # below which two runs are told apart
LIKE_BEST = "≈"
LEGEND = (
    f"{LIKE_BEST} cannot be told from the best: DeLong's paired test on the test samples, Holm's correction, "
    f"p of {ALPHA} or more. bcdl compare --test shows the tests."
)


@dataclass(frozen=True)
class Standing:
    """How the runs of a leaderboard stand to its best.

    Attributes:
        like_best: ids of those that cannot be told from it.
        notes: what a reader must know before comparing them.
    """

    like_best: frozenset[str]
    notes: tuple[str, ...]


def standing(store: "TrackingStore", board: "pd.DataFrame", runs: "pd.DataFrame") -> Standing:
    """Test the ranked runs of a leaderboard against the first of them.

    Args:
        store: where their predictions lie; runs without any, or of more than two classes, are not tested.
        board: the leaderboard.
        runs: the runs it was made of, with their tags.
    """
    ranked = board[board["rank"].notna()]
    tested = ranked[ranked["test/auroc"].notna()]
    tables = _tables(store, [str(run) for run in tested["run_id"]])
    notes = _other_data(ranked, runs)
    if len(tables) < 2 or ranked["run_id"].iloc[0] not in tables:
        return Standing(frozenset(), notes)
    alike, others = _of_same_samples(tables)
    if others:
        names = board.set_index("run_id")["name"][others].tolist()
        notes = (*notes, f"of other test samples than the best, and not tested against it: {_listed(names)}")
    return Standing(_like_first(alike), notes)


def _tables(store: "TrackingStore", run_ids: Sequence[str]) -> dict[str, "pd.DataFrame"]:
    """Return the predictions of test samples of two classes, by run."""
    from bcdl.evaluation import read_predictions
    from bcdl.tracking.artifacts import PREDICTIONS

    found = {}
    for run in run_ids:
        try:
            table = read_predictions(store.download(run, PREDICTIONS))
        except UserError:  # recorded by hand, or its artifacts are gone: it stands in the table as before
            continue
        test = table[(table["split"] == "test") & table["label"].notna()]
        if "probability" in test and test["label"].nunique() == 2:
            found[run] = test.sort_values("sample_id", ignore_index=True)
    return found


def _of_same_samples(tables: dict[str, "pd.DataFrame"]) -> tuple[dict[str, "pd.DataFrame"], list[str]]:
    """Return the tables of the first one's samples and labels, and the runs of others."""
    keys = ["sample_id", "label"]
    first = next(iter(tables.values()))[keys]
    alike = {run: table for run, table in tables.items() if table[keys].equals(first)}
    return alike, [run for run in tables if run not in alike]


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _like_first(tables: dict[str, "pd.DataFrame"]) -> frozenset[str]:
    import pandas as pd

    from bcdl.evaluation.predictions import labels
    from bcdl.stats import auroc_test, holm

    best, *others = tables
    first = tables[best]
    truth, patients = labels(first), pd.factorize(first["patient_id"])[0].astype("int64")
    shares = {run: table["probability"].to_numpy("float64") for run, table in tables.items()}
    tests = [auroc_test(truth, shares[best], shares[run], patients) for run in others]
    corrected = holm([test.p_value for test in tests])
    return frozenset(run for run, p_value in zip(others, corrected, strict=True) if p_value >= ALPHA)


def _other_data(ranked: "pd.DataFrame", runs: "pd.DataFrame") -> tuple[str, ...]:
    """Say which runs were trained on other data than the best."""
    from bcdl.tracking.tags import FINGERPRINT_TAG

    column = f"tags.{FINGERPRINT_TAG}"
    if column not in runs or ranked.empty:
        return ()
    prints = runs.set_index("run_id")[column].dropna().loc[lambda known: known.index.isin(ranked["run_id"])]
    best = prints.get(ranked["run_id"].iloc[0])
    others = int((prints != best).sum())
    if best is None or not others:
        return ()
    are = "run differs" if others == 1 else "runs differ"
    return (
        f"{others} {are} from the best in the fingerprint of the data: table, splits or pixels are others",
    )
