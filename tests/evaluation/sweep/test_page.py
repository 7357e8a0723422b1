from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.sweep import sweep_page
from bcdl.evaluation.sweep.plots import importance_plot
from bcdl.evaluation.sweep.results import Results

AUROC = "best/val/auroc"
ODD = "</script><script>alert(1)</script><b>"
Trials = Callable[..., pd.DataFrame]


class Elements(HTMLParser):
    """Collects the elements of a page and the texts of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_cell = tag == "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False


@pytest.fixture
def table(trials_of: Trials) -> pd.DataFrame:
    states = ["finished"] * 6 + ["pruned", "failed"]
    values = [0.6, 0.9, 0.7, 0.8, 0.5, 0.55, 0.4, np.nan]
    keys = {"optimizer.lr": [10.0**-n for n in range(1, 9)], "model": ["cnn", ODD] * 4}
    return trials_of(values, state=states, **keys)


def test_a_page_has_every_trial_best_first_and_asks_for_nothing_from_elsewhere(table: pd.DataFrame) -> None:
    page = sweep_page("mine", table, [AUROC], [False], {"status": "finished"})
    elements = Elements(page)
    assert not [tag for tag, attrs in elements.tags if {"src", "href"} & set(attrs)]
    assert "default-src 'none'" in page
    width = len(elements.cells) // len(table)
    assert [int(text) for text in elements.cells[::width]] == [1, 3, 2, 0, 5, 4, 6, 7]
    assert "Best: trial 1" in page
    for told in ("6 finished", "1 pruned", "1 failed", "plot-history", "plot-importance", "plot-parallel"):
        assert told in page


def test_a_key_that_is_not_judged_has_a_dash_and_no_share(trials_of: Trials) -> None:
    values, rates = [*np.random.default_rng(0).random(12)], [float(n) for n in range(12)]
    only = ["x", "y", *[None] * 10]
    table = trials_of(values, rate=rates, size=rates[::-1], only=only)
    figure = importance_plot(Results(table, [AUROC], [False]))
    texts = dict(zip(figure.data[0].y, figure.data[0].text, strict=True))
    assert texts["only (2 trials, not judged)"] == "-"
    assert float(texts["rate"]) > 0


def test_plotly_is_in_it_once(table: pd.DataFrame) -> None:
    assert sweep_page("mine", table, [AUROC], [False], {}).count("plotly.js v") == 1


def test_user_text_stays_text(table: pd.DataFrame) -> None:
    renamed = table.rename(columns={"params.model": f"params.{ODD}"})
    page = sweep_page(ODD, renamed, [AUROC], [False], {ODD: ODD})
    assert "<script>alert" not in page


def test_one_trial_says_what_cannot_be_drawn_and_needs_no_script(table: pd.DataFrame) -> None:
    page = sweep_page("mine", table.head(1), [AUROC], [False], {})
    assert page.count("Nothing to draw") == 3
    assert "lr=0.1" in page
    assert len(page) < 20_000


def test_a_sweep_that_has_not_begun_has_a_page(table: pd.DataFrame) -> None:
    assert "No trial has begun" in sweep_page("mine", table.head(0), [AUROC], [False], {})
