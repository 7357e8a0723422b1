"""A sweep as one HTML page that works without a network: plotly's script is in it; user text is escaped."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bcdl.evaluation.sweep import plots
from bcdl.evaluation.sweep.history import history_gap
from bcdl.evaluation.sweep.importance import importance_gap
from bcdl.evaluation.sweep.parallel import parallel_gap
from bcdl.evaluation.sweep.results import Results, value_text
from bcdl.evaluation.sweep.table import PARAMETER
from bcdl.pages import rendered

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TEMPLATE = Path(__file__).parent / "page.html.j2"
_STATES = ("finished", "pruned", "failed", "killed", "running")
_SETTINGS = {"displayModeBar": False, "responsive": True}
_EXPLAINED = {
    "History": "Each trial by its number, and the best so far.",
    "Objectives": "Each trial by the first two objectives. One is beaten where another is nowhere worse and "
    "somewhere better.",
    "Importance": "The share of the objective's variance that a key explains alone, by fANOVA. A key beside "
    "which no other varies is not judged.",
    "Parallel coordinates": "A line a finished trial, darkest the best. Draw along an axis to choose "
    "among them; click it to choose all.",
}


def sweep_page(
    title: str,
    table: pd.DataFrame,
    objectives: Sequence[str],
    lower: Sequence[bool],
    facts: Mapping[str, str],
) -> str:
    """Return a sweep's page: facts, states, the best trial, the pictures, and a table to sort.

    What cannot be drawn is said instead.

    Args:
        title: the sweep's name.
        table: as `trials_table` gives it.
        objectives: what is optimised; trials are ranked by the first.
        lower: for each objective whether the lowest value is best.
        facts: further words on the sweep, by name.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    results = Results(table, objectives, lower)
    sections = _sections(results)
    return rendered(
        _TEMPLATE,
        title=title,
        facts=facts,
        counts={state: int((table["state"] == state).sum()) for state in _STATES},
        best=_best(results),
        header=_header(results),
        rows=_rows(results),
        sections=sections,
        script=Markup(get_plotlyjs()) if any("plot" in section for section in sections) else "",
    )


def _sections(results: Results) -> list[dict[str, Any]]:
    """Return name and explanation of each picture, with the picture or why there is none."""
    several = len(results.objectives) > 1
    pictures = {
        "Objectives" if several else "History": (
            plots.pareto_plot if several else plots.history_plot,
            history_gap,
        ),
        "Importance": (plots.importance_plot, importance_gap),
        "Parallel coordinates": (plots.parallel_plot, parallel_gap),
    }
    sections: list[dict[str, Any]] = []
    for name, (draw, gap) in pictures.items():
        why = gap(results)
        shown = {"gap": why} if why else {"plot": _markup(draw(results), name)}
        sections.append({"name": name, "text": _words(name, results), **shown})
    return sections


def _words(name: str, results: Results) -> str:
    rests = f" It rests on {len(results.finished)} finished trials." if name == "Importance" else ""
    return _EXPLAINED[name] + rests


def _markup(figure: "Figure", name: str) -> Any:  # noqa: ANN401 - Markup, of a package imported late
    from markupsafe import Markup
    from plotly.io import to_html

    mark, narrowest = name.lower().replace(" ", "-"), figure.layout.width or 0
    figure.layout.width = None  # as wide as the page, but no narrower
    return Markup(
        to_html(
            figure,
            config=_SETTINGS,
            include_plotlyjs=False,
            full_html=False,
            div_id=f"plot-{mark}",
            default_width=f"max(100%, {narrowest}px)",
            default_height=f"{figure.layout.height}px",
        )
    )


def _best(results: Results) -> dict[str, Any] | None:
    """Return number, values and settings of the best trial."""
    if results.ranked.empty:
        return None
    row = results.ranked.iloc[0]
    values = {name: _mean_and_sd(row[name], row[f"{name} sd"]) for name in results.objectives}
    return {"trial": int(row["trial"]), "values": values, "settings": results.settings(row)}


def _header(results: Results) -> list[dict[str, Any]]:
    names = ["trial", "state", *results.objectives, "jobs", *results.keys, "seconds", "started"]
    texts = {"state", "started", *(key for key in results.keys if not _numeric(results.table, key))}
    return [{"name": name, "number": name not in texts} for name in names]


def _rows(results: Results) -> list[list[dict[str, Any]]]:
    """Return the cells of each trial, the best first, then the others: what to show and what to sort by."""
    others = results.table.drop(index=results.ranked.index)
    ordered = pd.concat([results.ranked, others]) if len(others) else results.ranked
    return [_cells(results, row) for _, row in ordered.iterrows()]


def _cells(results: Results, row: pd.Series) -> list[dict[str, Any]]:
    keys = [row[f"{PARAMETER}{key}"] for key in results.keys]
    started = row["started"]
    return [
        _cell(int(row["trial"])),
        _cell(row["state"]),
        *(_cell(row[name], _mean_and_sd(row[name], row[f"{name} sd"])) for name in results.objectives),
        _cell(int(row["jobs"])),
        *(_cell(value, "-" if pd.isna(value) else value_text(value)) for value in keys),
        _cell(row["seconds"], "-" if pd.isna(row["seconds"]) else f"{row['seconds']:.0f}"),
        _cell(str(started), "-" if pd.isna(started) else f"{started:%Y-%m-%d %H:%M}"),
    ]


def _cell(value: Any, text: str | None = None) -> dict[str, Any]:  # noqa: ANN401 - any cell
    return {"text": str(value) if text is None else text, "by": "" if pd.isna(value) else value}


def _mean_and_sd(mean: float, sd: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"


def _numeric(table: pd.DataFrame, key: str) -> bool:
    return pd.api.types.is_numeric_dtype(table[f"{PARAMETER}{key}"])
