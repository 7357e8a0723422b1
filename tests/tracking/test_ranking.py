import numpy as np
import pandas as pd
import pytest

from bcdl.errors import UserError
from bcdl.tracking import leaderboard, spread


def runs(*rows: dict[str, object]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table["run_id"] = [f"{number:032x}" for number in range(len(table))]
    table["name"] = [f"run-{number}" for number in range(len(table))]
    table["started"] = pd.date_range("2026-01-01", periods=len(table))
    if "status" not in table:
        table["status"] = None
    return table.assign(status=table["status"].fillna("FINISHED"))


def run(model: str, val: float, test: float = 0.5, seed: int = 0, **more: object) -> dict[str, object]:
    metrics = {"metrics.best/val/auroc": val, "metrics.best/val/loss": 1 - val, "metrics.test/auroc": test}
    return {"params.model": model, "params.seed": str(seed), "params.data": "phantom", **metrics, **more}


def test_the_order_is_by_validation_and_never_by_test() -> None:
    board = leaderboard(runs(run("a", 0.7, test=0.99), run("b", 0.9, test=0.1)))
    assert board["model"].tolist() == ["b", "a"]
    assert board["rank"].tolist() == [1, 2]


def test_of_a_loss_the_lowest_is_best() -> None:
    assert leaderboard(runs(run("a", 0.7), run("b", 0.9)), "loss")["model"].tolist() == ["b", "a"]


def test_a_run_without_a_value_comes_last_without_a_rank() -> None:
    board = leaderboard(runs(run("failed", float("nan")), run("b", 0.6)))
    assert board["model"].tolist() == ["b", "failed"]
    assert board["rank"].isna().tolist() == [False, True]


def test_a_run_that_did_not_finish_has_no_rank_however_good() -> None:
    board = leaderboard(runs(run("killed", 0.9, status="KILLED"), run("b", 0.6)))
    assert board["model"].tolist() == ["b", "killed"]
    assert board["rank"].isna().tolist() == [False, True]


def test_a_run_that_its_sweep_pruned_has_no_rank_however_good() -> None:
    board = leaderboard(runs(run("pruned", 0.9, **{"tags.bcdl.pruned": "true"}), run("b", 0.6)))
    assert board["model"].tolist() == ["b", "pruned"]
    assert board["rank"].isna().tolist() == [False, True]
    assert board["status"].tolist() == ["FINISHED", "PRUNED"]


def test_runs_that_all_failed_early_make_a_leaderboard_without_ranks() -> None:
    board = leaderboard(runs({"params.model": "cnn", "status": "FAILED"}))
    assert board["rank"].isna().all()


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'auroc'"):
        leaderboard(runs(run("a", 0.7)), "aurocc")


def test_the_spread_is_over_seeds_of_equal_settings() -> None:
    table = runs(
        *(run("cnn", val, seed=seed) for seed, val in enumerate([0.6, 0.7, 0.8])),
        *(run("transfer", 0.9, seed=seed) for seed in range(2)),
        run("transfer", 0.1, seed=2, status="FAILED"),
    ).assign(**{"params.lr": "0.1"})
    found = spread(table).set_index("model")
    assert found.index.tolist() == ["transfer", "cnn"]
    assert found["runs"].tolist() == [2, 3]
    assert found.loc["cnn", "best/val/auroc mean"] == pytest.approx(0.7)
    assert found.loc["cnn", "best/val/auroc sd"] == pytest.approx(0.1)
    assert "lr" not in found


def test_the_same_run_twice_counts_once_in_the_spread() -> None:
    found = spread(runs(run("cnn", 0.6, seed=0), run("cnn", 0.8, seed=0), run("cnn", 0.4, seed=1)))
    assert found["runs"].tolist() == [2]
    assert found["best/val/auroc mean"].tolist() == [pytest.approx(0.6)]


@pytest.mark.parametrize(
    "table", [runs(run("cnn", 0.6), run("transfer", 0.8)), runs(run("cnn", 0.6, status="FAILED"))]
)
def test_without_repeated_seeds_there_is_no_spread(table: pd.DataFrame) -> None:
    assert spread(table).empty


def of_trial(trial: int, val: float, fold: int, seed: int = 0, **more: object) -> dict[str, object]:
    place = {"params.trial": f"'{trial}.{fold}'", "params.data.fold": str(fold)}
    return run("cnn", val, seed=seed, parent="p", **place, **{"tags.bcdl.trial": str(trial)}, **more)


def test_the_spread_of_a_sweep_is_over_folds_and_seeds_by_trial() -> None:
    table = runs(
        *(of_trial(4, val, fold) for fold, val in enumerate([0.5, 0.6, 0.7])),
        *(of_trial(9, val, fold=0, seed=seed) for seed, val in enumerate([0.8, 0.9])),
    )
    found = spread(table)
    assert found[["trial", "runs"]].to_numpy().tolist() == [[9, 2], [4, 3]]
    assert found["best/val/auroc mean"].tolist() == pytest.approx([0.85, 0.6])
    assert found["best/val/auroc sd"].tolist() == pytest.approx([np.std([0.8, 0.9], ddof=1), 0.1])


def test_equal_trials_of_a_sweep_stay_apart_and_pruned_runs_do_not_count() -> None:
    table = runs(
        *(of_trial(trial, 0.5 + trial / 10, fold) for trial in (0, 1) for fold in (0, 1)),
        of_trial(2, 0.9, 0, **{"tags.bcdl.pruned": "true"}),
    )
    assert spread(table)[["trial", "runs"]].to_numpy().tolist() == [[1, 2], [0, 2]]


def test_folds_outside_a_sweep_are_spread_too() -> None:
    table = runs(*(run("cnn", val, **{"params.data.fold": str(fold)}) for fold, val in enumerate([0.6, 0.8])))
    assert spread(table)["best/val/auroc mean"].tolist() == [pytest.approx(0.7)]
