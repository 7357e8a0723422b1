import sys
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bcdl.evaluation import figures


def predictions(classes: int, n: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, n)
    shares = generator.dirichlet(np.ones(classes), n) * 0.5 + 0.5 * np.eye(classes)[labels]
    columns = {f"probability_{k}": shares[:, k] for k in range(classes)} if classes > 2 else {}
    return pd.DataFrame(
        {"label": pd.array(labels, dtype="Int64"), **(columns or {"probability": shares[:, 1]})}
    )


def texts(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    legend = axes.get_legend()
    return [text.get_text() for text in [*axes.texts, *(legend.get_texts() if legend else [])]]


def is_png(figure: Figure) -> bool:
    buffer = BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("normal", "benign", "malignant")])
def test_the_figures_of_a_split_are_drawn_and_name_the_classes(classes: tuple[str, ...]) -> None:
    found = figures.result_figures(predictions(len(classes)), classes, threshold=0.4)
    assert list(found) == ["confusion_matrix", "roc_curve", "pr_curve"]
    assert all(is_png(figure) for figure in found.values())
    named = classes if len(classes) > 2 else classes[1:]
    for name in ("roc_curve", "pr_curve"):
        assert all(any(text.startswith(one) for text in texts(found[name])) for one in named)


def test_the_confusion_matrix_shows_counts_and_shares_of_the_true_class() -> None:
    figure = figures.confusion_matrix(np.array([[3, 1], [0, 0]]), ["benign", "malignant"])
    assert texts(figure) == ["3", "75%", "1", "25%", "0", "0%", "0", "0%"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["benign", "malignant"]


def test_the_roc_curve_says_its_area_and_marks_the_threshold() -> None:
    labels, shares = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    figure = figures.roc_curve(labels, shares, ["benign", "malignant"], threshold=0.5)
    assert texts(figure) == ["malignant, AUROC 0.750", "threshold 0.5"]
    point = figure.axes[0].lines[-1]
    assert (point.get_xdata(), point.get_ydata()) == ([0.5], [0.5])


def test_one_class_says_that_the_curves_are_not_defined() -> None:
    table = predictions(2).assign(label=0)
    for name in ("roc_curve", "pr_curve"):
        figure = figures.result_figures(table, ["benign", "malignant"])[name]
        assert texts(figure) == ["not defined: one class only"]


def test_learning_curves_have_a_panel_a_metric_and_a_line_a_split() -> None:
    history = {
        f"{split}/{name}": ([0, 1, 2], [0.5, 0.4, 0.3])
        for split in ("train", "val")
        for name in ("loss", "f1")
    }
    figure = figures.learning_curves(history, names=("loss", "f1", "auroc"), best_epoch=1)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "F1"]
    assert texts(figure) == ["train", "val", "best"]
    assert is_png(figure)


def test_no_figure_touches_global_state() -> None:
    figures.result_figures(predictions(2), ["benign", "malignant"])
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
