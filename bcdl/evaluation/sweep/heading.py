"""The title of a figure with long names at its left: it begins above them, not above the axes."""

from matplotlib.figure import Figure

from bcdl.evaluation.style import INK


def heading(figure: Figure, text: str) -> None:
    """Write a title into the top left corner of a figure."""
    width, height = figure.get_size_inches()
    figure.text(0.1 / width, 1 - 0.17 / height, text, fontsize=11, color=INK, va="center")
