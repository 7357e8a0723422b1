"""The pictures of a sweep's page, which one can point at: plotly figures of the numbers of the images."""

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from bcdl.evaluation.style import GRID, INK, PALETTE, QUIET
from bcdl.evaluation.sweep.history import LOST, best_so_far
from bcdl.evaluation.sweep.importance import importances, key_names, share_text
from bcdl.evaluation.sweep.parallel import columns
from bcdl.evaluation.sweep.pareto import unbeaten
from bcdl.evaluation.sweep.results import Results, cut
from bcdl.evaluation.sweep.scale import MISSING, NOT_VARIED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SYMBOLS = {"v": "triangle-down", "x": "x-thin"}
_APART = 150  # pixels between two axes, at least


def history_plot(results: Results) -> "Figure":
    """Return the first objective over the trials, and the best so far."""
    name, rows = results.objectives[0], results.finished
    figure = _figure("trial", f"{name} (best: {results.wish(0)})", 380)
    spread = rows[f"{name} sd"]
    whiskers = {"array": spread.tolist(), "color": GRID, "visible": bool(spread.notna().any())}
    figure.add_scatter(
        x=rows["trial"].tolist(),
        y=rows[name].tolist(),
        error_y=whiskers,
        **_points(results, rows, "finished", PALETTE[0]),
    )
    numbers, best = best_so_far(results)
    x, y = [*numbers, int(results.table["trial"].max())], [*best, best[-1]]
    line = {"shape": "hv", "color": PALETTE[2], "width": 2}
    figure.add_scatter(x=x, y=y, mode="lines", name="best so far", line=line, hoverinfo="skip")
    for state, (marker, ink) in LOST.items():
        _add_lost(figure, results, state, _SYMBOLS[marker], ink)
    return figure


def pareto_plot(results: Results) -> "Figure":
    """Return the finished trials by the first two objectives, those that none beats marked."""
    rows = results.finished
    x, y = results.objectives[:2]
    across, up = (f"{results.objectives[number]} (best: {results.wish(number)})" for number in (0, 1))
    figure = _figure(across, up, 420)
    best = unbeaten(results.costs(rows))
    for some, name, ink in ((rows[~best], "beaten", PALETTE[8]), (rows[best], "beaten by none", PALETTE[0])):
        figure.add_scatter(x=some[x].tolist(), y=some[y].tolist(), **_points(results, some, name, ink))
    return figure


def importance_plot(results: Results) -> "Figure":
    """Return a bar a key and objective."""
    found = importances(results)
    names = [escape(name) for name in key_names(found, len(results.finished))]
    figure = _figure("share", "", 110 + 34 * len(names) * len(results.objectives))
    for number, name in enumerate(results.objectives):
        figure.add_bar(
            y=names,
            x=found[name].fillna(0).tolist(),
            orientation="h",
            name=escape(name),
            marker_color=PALETTE[number],
            text=[share_text(share) for share in found[name]],
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(rangemode="tozero", nticks=5, tickangle=0)
    figure.update_layout(showlegend=len(results.objectives) > 1)
    return figure


def parallel_plot(results: Results) -> "Figure":
    """Return an axis a key and a line a finished trial; drawing along an axis chooses among them."""
    from plotly.graph_objects import Figure, Parcoords

    values = results.ranked.iloc[::-1][results.objectives[0]]
    axes = columns(results)
    lines = {
        "color": values.tolist(),
        "colorscale": "Viridis",
        "reversescale": not results.lower[0],
        "showscale": True,
        "colorbar": {"thickness": 12, "outlinewidth": 0},
    }
    dimensions = [_dimension(column.name, column.scale.places.tolist(), column.scale) for column in axes]
    figure = Figure(Parcoords(line=lines, dimensions=dimensions, labelside="top", tickfont_size=11))
    margin = {"l": 70, "r": 60, "t": 60, "b": 20}
    figure.update_layout(height=420, margin=margin, font=_font(), width=max(600, _APART * len(axes) + 120))
    return figure


def _dimension(name: str, places: list[float], scale: Any) -> dict[str, Any]:  # noqa: ANN401
    low = MISSING if any(text == NOT_VARIED for _, text in scale.ticks) else 0.0
    return {
        "label": cut(name, 22) + (" (log)" if scale.logarithmic else ""),
        "values": places,
        "range": [low, 1.0],
        "tickvals": [place for place, _ in scale.ticks],
        "ticktext": [text for _, text in scale.ticks],
    }


def _add_lost(figure: "Figure", results: Results, state: str, symbol: str, ink: str) -> None:
    rows = results.table[results.table["state"] == state]
    values = rows[results.objectives[0]]
    if rows.empty:
        return
    floor = _below(results.table[results.objectives[0]])
    marker = {"symbol": symbol, "color": ink, "size": 9, "line": {"color": ink, "width": 2}}
    points = {**_points(results, rows, state, ink), "marker": marker}
    figure.add_scatter(x=rows["trial"].tolist(), y=values.fillna(floor).tolist(), **points)


def _below(values: pd.Series) -> float:
    """Return where trials without a value lie: below all that have one."""
    low, high = float(values.min()), float(values.max())
    return low - (0.1 * (high - low) or 0.01)


def _points(results: Results, rows: pd.DataFrame, name: str, ink: str) -> dict[str, Any]:
    """Return how the points of trials look, and what they say where one points at them."""
    return {
        "mode": "markers",
        "name": name,
        "marker": {"color": ink, "size": 8},
        "text": [_words(results, row) for _, row in rows.iterrows()],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _words(results: Results, row: pd.Series) -> str:
    values = [f"{name} {row[name]:.4f}" for name in results.objectives if not pd.isna(row[name])]
    settings = results.settings(row).split(", ")
    return "<br>".join(map(escape, [f"trial {row['trial']}, {row['state']}", *values, *settings]))


def _figure(x: str, y: str, height: int) -> "Figure":
    from plotly.graph_objects import Figure

    figure = Figure()
    quiet = {"gridcolor": GRID, "zeroline": False, "color": QUIET}
    figure.update_xaxes(title=escape(x), **quiet)
    figure.update_yaxes(title=escape(y), **quiet)
    figure.update_layout(
        height=height,
        margin={"l": 60, "r": 20, "t": 36, "b": 50},
        plot_bgcolor="white",
        font=_font(),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"align": "left"},
    )
    return figure


def _font() -> dict[str, Any]:
    return {"family": "system-ui, sans-serif", "color": INK, "size": 12}
