"""The pictures of a sweep, as matplotlib figures that the caller saves; and why one is left out."""

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from bcdl.evaluation.sweep.board import leaderboard
from bcdl.evaluation.sweep.history import history, history_gap
from bcdl.evaluation.sweep.importance import importance, importance_gap
from bcdl.evaluation.sweep.parallel import parallel_coordinates, parallel_gap
from bcdl.evaluation.sweep.pareto import pareto
from bcdl.evaluation.sweep.results import Results

_Picture = tuple[Callable[[Results], Figure], Callable[[Results], str | None]]


def sweep_figures(table: pd.DataFrame, objectives: Sequence[str], lower: Sequence[bool]) -> dict[str, Figure]:
    """Return the figures of a sweep by name; one that would say nothing is left out.

    `history` (`pareto` for several objectives), `importance`, `parallel_coordinates` and `leaderboard`.

    Args:
        table: as `trials_table` gives it.
        objectives: what is optimised; trials are ranked by the first.
        lower: for each objective whether the lowest value is best.
    """
    results = Results(table, objectives, lower)
    return {name: draw(results) for name, (draw, gap) in _pictures(results).items() if gap(results) is None}


def _pictures(results: Results) -> dict[str, _Picture]:
    course: dict[str, _Picture] = (
        {"history": (history, history_gap)}
        if len(results.objectives) == 1
        else {"pareto": (pareto, history_gap)}
    )
    return {
        **course,
        "importance": (importance, importance_gap),
        "parallel_coordinates": (parallel_coordinates, parallel_gap),
        "leaderboard": (leaderboard, history_gap),
    }
