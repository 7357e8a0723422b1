from io import BytesIO

import numpy as np
from matplotlib.image import imread

from bcdl.explain import View, explanation_sheet

LESION = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]])


def drawn(*views: View) -> np.ndarray:
    stream = BytesIO()
    explanation_sheet([list(views)], ["exam 3   0.81"]).savefig(stream, format="png")
    stream.seek(0)
    return imread(stream)


def view(saliency: np.ndarray, outlines: tuple[np.ndarray, ...] = ()) -> View:
    image = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (64, 1))
    return View("R-MLO +0.8", image, saliency, outlines)


def coloured(picture: np.ndarray) -> np.ndarray:
    return np.ptp(picture[..., :3], axis=2) > 0.2


def test_a_sheet_shows_views_grey_and_evidence_in_colour() -> None:
    nothing = np.zeros((64, 32), np.float32)
    hot = nothing.copy()
    hot[40:50, 8:16] = 1.0
    assert not coloured(drawn(view(nothing))).any()
    shown = coloured(drawn(view(hot)))
    assert shown[len(shown) // 2 :].sum() > 1000  # only in the lower row, of the overlays
    assert not shown[: len(shown) // 2].any()


def test_a_findings_outline_is_drawn_in_both_rows() -> None:
    shown = coloured(drawn(view(np.zeros((64, 32), np.float32), (LESION,))))
    assert shown[: len(shown) // 2].any()
    assert shown[len(shown) // 2 :].any()


def test_the_views_of_a_sample_share_a_scale() -> None:
    strong, weak = np.zeros((64, 32), np.float32), np.zeros((64, 32), np.float32)
    strong[40:50, 8:16], weak[40:50, 8:16] = 1.0, 0.05
    shown = coloured(drawn(view(strong), view(weak)))
    half = shown.shape[1] // 2
    assert shown[:, :half].sum() > 1000
    assert shown[:, half:].sum() == 0


def test_samples_with_fewer_views_fit_below_each_other() -> None:
    one = view(np.zeros((64, 32), np.float32))
    figure = explanation_sheet([[one] * 4, [one]], ["first", "second"])
    assert [len(axes.images) for axes in figure.axes] == [8, 2]


def test_narrow_samples_stand_side_by_side_and_long_captions_are_cut() -> None:
    one = view(np.zeros((64, 32), np.float32))
    figure = explanation_sheet([[one]] * 10, [f"{number}" * 60 + "\nbenign" for number in range(10)])
    places = [axes.get_position().bounds for axes in figure.axes]
    assert len({round(place[0], 3) for place in places}) == 7
    assert len({round(place[1], 3) for place in places}) == 2
    first, second = figure.axes[3].get_title(loc="left").splitlines()
    assert (first, second) == ("3" * 25, "benign")


def test_single_pixels_do_not_leave_the_rest_of_a_map_dark() -> None:
    fine = np.zeros((64, 32), np.float32)
    fine[40:50, 8:16], fine[0, 0] = 1.0, 100.0
    assert coloured(drawn(view(fine))).sum() > 1000
