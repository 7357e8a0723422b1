"""A sample as a small picture: its views, and the same under their maps."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.explain import View
from bcdl.explain.panel import sample_panel


def view(height: int = 20, width: int = 10, hot: bool = True, name: str = "") -> View:
    image = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    saliency = np.zeros((height, width), np.float32)
    saliency[height // 2 :] = hot
    return View(name, image, saliency)


def pixels(content: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def coloured(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(picture.max(axis=2).astype(int) - picture.min(axis=2) > 30)


def test_a_view_stands_beside_its_map_which_is_coloured_where_the_map_is_high() -> None:
    picture = pixels(sample_panel([view()]))
    width = (picture.shape[1] - 4) // 2
    plain, under = coloured(picture[:, :width]), coloured(picture[:, width + 4 :])
    assert not plain.any()
    half = picture.shape[0] // 2
    assert under[half + 5 :].mean() > 0.8
    assert not under[: half - 5].any()


def test_a_sample_without_evidence_stays_grey_and_one_without_a_map_is_drawn_once() -> None:
    grey = pixels(sample_panel([view(hot=False)]))
    assert not coloured(grey).any()
    once = pixels(sample_panel([view()], explained=False))
    assert (once.shape[0], 2 * once.shape[1] + 4) == grey.shape[:2]


@pytest.mark.parametrize(("views", "rows", "columns"), [(2, 2, 2), (4, 2, 4), (6, 4, 4)])
def test_several_views_stand_in_rows_of_four_over_their_maps(views: int, rows: int, columns: int) -> None:
    picture = pixels(sample_panel([view(name="R-CC")] * views))
    assert picture.shape[:2] == (rows * 244 - 4, columns * 124 - 4)


def test_outlines_are_drawn_in_the_pixels_of_the_view() -> None:
    box = np.array([[2.0, 4.0], [8.0, 4.0], [8.0, 16.0], [2.0, 16.0]])
    image = view().image
    marked = View("", image, np.zeros_like(image), [box])
    picture = pixels(sample_panel([marked], explained=False))
    scale = picture.shape[1] / image.shape[1]
    assert coloured(picture)[:, round(2 * scale)].mean() == pytest.approx(12 / 20, abs=0.03)
    assert not coloured(picture)[:, round(5 * scale)][int(5 * scale) : int(15 * scale)].any()
