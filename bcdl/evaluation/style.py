"""How figures look: one palette, quiet axes. Figures are objects of their own and touch no global state."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, GRID = "#222222", "#6b6b6b", "#e4e4e4"
PALETTE = (  # after Okabe and Ito; enough for BI-RADS 0 to 6
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d31"),
    *("#e69f00", "#222222", "#999999"),
)
DPI = 100


def new_figure(width: float, height: float, left: float = 0.65, right: float = 0.15) -> Figure:
    """Return an empty figure with fixed margins, in inches: automatic layouts double the time."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.subplots_adjust(left / width, 0.55 / height, 1 - right / width, 1 - 0.35 / height)
    return figure


def colour(number: int) -> str:
    """Return the colour of the nth line."""
    return PALETTE[number % len(PALETTE)]


def quiet_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Give axes their texts, a light grid and no frame."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(x, color=QUIET)
    axes.set_ylabel(y, color=QUIET)
    axes.tick_params(colors=QUIET, length=0, labelsize=9)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def unit_square(axes: Axes) -> None:
    """Show 0 to 1 on both axes, equally long."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
