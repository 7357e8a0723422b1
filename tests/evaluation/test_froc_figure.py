import numpy as np
import pytest

from bcdl.evaluation.froc_figure import froc_curves
from bcdl.stats import Marks, froc_curve, froc_intervals


def test_a_line_a_method_with_its_mean_and_bars_of_its_intervals() -> None:
    marks = Marks(4, np.array([0, 1]), np.array([0.9, 0.4]), np.array([2, 3]), np.array([0.6, 0.1]))
    intervals = froc_intervals(marks, np.arange(4), draws=50)
    names = ("one", "two")
    figure = froc_curves(dict.fromkeys(names, froc_curve(marks)), dict.fromkeys(names, intervals))
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == [f"{name}, mean {intervals['mean'].value:.2f}" for name in names]
    assert len(axes.lines) == 2 * (1 + 5)
    line = axes.lines[0]
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(1.0)
    assert np.asarray(line.get_xdata())[-1] == 8.0  # the curve goes on level to the figure's end
