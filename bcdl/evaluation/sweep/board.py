"""The best trials of a sweep as bars, with the spread over their folds and seeds."""

from matplotlib.figure import Figure

from bcdl.evaluation.style import INK, PALETTE, new_figure, quiet_axes
from bcdl.evaluation.sweep.heading import heading
from bcdl.evaluation.sweep.results import Results, cut

MOST = 20
_LONGEST = 64  # characters of a name


def leaderboard(results: Results) -> Figure:
    """Draw the best trials, with the standard deviation over their jobs as whiskers."""
    name, rows = results.objectives[0], results.ranked.head(MOST)
    names = [cut(f"{row['trial']}  {results.settings(row)}", _LONGEST) for _, row in rows.iterrows()]
    longest = max(map(len, names))
    figure = new_figure(6 + 0.07 * longest, 1.0 + 0.3 * len(rows), left=0.3 + 0.07 * longest, right=1.1)
    axes = figure.add_subplot()
    quiet_axes(axes, "", "", "")
    places, values, spread = range(len(rows)), rows[name], rows[f"{name} sd"]
    axes.barh(places, values, height=0.7, color=PALETTE[0])
    axes.errorbar(
        values, places, xerr=spread.fillna(0), fmt="none", ecolor=INK, capsize=3 if spread.any() else 0
    )
    for place, (value, sd) in enumerate(zip(values, spread, strict=True)):
        text = f"{value:.3f}" if sd != sd else f"{value:.3f} ± {sd:.3f}"
        axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", color=INK, fontsize=9)
    axes.set_yticks(places, names, color=INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    heading(figure, _title(results))
    return figure


def _title(results: Results) -> str:
    name, rows = results.objectives[0], results.ranked.head(MOST)
    of = f" of {len(results.finished)}" if len(results.finished) > len(rows) else ""
    several = ", mean ± SD over the jobs" if rows[f"{name} sd"].notna().any() else ""
    return f"{name}, the {results.wish(0)} {len(rows)}{of} trials{several}"
