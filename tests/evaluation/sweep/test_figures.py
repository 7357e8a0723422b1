from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bcdl.evaluation.sweep import sweep_figures
from bcdl.evaluation.sweep.history import best_so_far
from bcdl.evaluation.sweep.pareto import unbeaten
from bcdl.evaluation.sweep.results import Results

AUROC, LOSS = "best/val/auroc", "best/val/loss"
Trials = Callable[..., pd.DataFrame]


@pytest.fixture
def table(trials_of: Trials) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    keys = {"optimizer.lr": [*10 ** chance.uniform(-5, -2, 30)], "model": ["cnn", "a" * 80, "b"] * 10}
    return trials_of([*chance.random(30)], **keys)


def texts(figure: Figure) -> str:
    axes = figure.axes[0]
    labels = [label.get_text() for label in (*axes.get_yticklabels(), *axes.texts, *figure.texts)]
    return "\n".join([axes.get_title(loc="left"), *labels])


def test_a_search_has_all_pictures_and_they_can_be_saved(table: pd.DataFrame, tmp_path: object) -> None:
    figures = sweep_figures(table, [AUROC], [False])
    assert list(figures) == ["history", "importance", "parallel_coordinates", "leaderboard"]
    for name, figure in figures.items():
        figure.savefig(f"{tmp_path}/{name}.png")


def test_one_trial_and_none_have_no_pictures(table: pd.DataFrame) -> None:
    assert sweep_figures(table.head(1), [AUROC], [False]) == {}
    assert sweep_figures(table.head(0), [AUROC], [False]) == {}


def test_a_sweep_of_seeds_alone_has_no_coordinates(trials_of: Trials) -> None:
    assert list(sweep_figures(trials_of([0.1, 0.2]), [AUROC], [False])) == ["history", "leaderboard"]


def test_the_importance_says_on_how_many_trials_it_rests(table: pd.DataFrame) -> None:
    assert "30 finished trials" in texts(sweep_figures(table, [AUROC], [False])["importance"])


def test_the_leaderboard_has_the_best_twenty_with_whiskers(table: pd.DataFrame) -> None:
    figure = sweep_figures(table.assign(**{f"{AUROC} sd": 0.125}), [AUROC], [False])["leaderboard"]
    best = table.sort_values(AUROC, ascending=False).head(20)
    assert [bar.get_width() for bar in figure.axes[0].patches] == best[AUROC].tolist()
    assert "20 of 30" in texts(figure)
    assert f"{best[AUROC].iloc[0]:.3f} ± 0.125" in texts(figure)


@pytest.mark.parametrize(("lower", "best"), [(False, [0.5, 0.5, 0.8]), (True, [0.5, 0.4, 0.4])])
def test_the_best_so_far_never_gets_worse(trials_of: Trials, lower: bool, best: list[float]) -> None:
    table = trials_of([0.5, 0.99, 0.4, 0.8], state=["finished", "pruned", "finished", "finished"])
    assert best_so_far(Results(table, [AUROC], [lower])) == ([0, 2, 3], best)


def test_pruned_and_failed_trials_are_marked(trials_of: Trials) -> None:
    states = ["finished", "pruned", "failed", "pruned"]
    figure = sweep_figures(trials_of([0.5, 0.6, np.nan, np.nan], state=states), [AUROC], [False])["history"]
    marked = {line.get_marker(): 0 for line in figure.axes[0].lines}
    for line in figure.axes[0].lines:
        marked[line.get_marker()] += len(line.get_xdata())
    assert (marked["v"], marked["x"]) == (2, 1)


def test_what_none_beats_is_what_no_other_row_dominates() -> None:
    costs = np.random.default_rng(0).integers(0, 6, (40, 3)).astype(float)
    expected = [not any((other <= row).all() and (other < row).any() for other in costs) for row in costs]
    assert unbeaten(costs).tolist() == expected
    assert 0 < sum(expected) < 40


def test_several_objectives_are_drawn_against_each_other(table: pd.DataFrame) -> None:
    both = table.assign(**{LOSS: 1 - table[AUROC] ** 2, f"{LOSS} sd": np.nan})
    figures = sweep_figures(both, [AUROC, LOSS], [False, True])
    assert list(figures) == ["pareto", "importance", "parallel_coordinates", "leaderboard"]
    assert "1 of 30 trials are beaten by none" in texts(figures["pareto"])
