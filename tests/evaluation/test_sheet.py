from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

from bcdl.evaluation.sheet import Frame, contact_sheet


def frame(name: str, value: float, channels: int = 1) -> Frame:
    return Frame(name, np.full((channels, 8, 4), value, dtype=np.float32))


def drawn(figure: Figure) -> np.ndarray:
    buffer = BytesIO()
    figure.savefig(buffer, format="rgba")
    width, height = figure.canvas.get_width_height()
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(height, width, 4)


def test_each_sample_has_its_views_its_caption_and_an_empty_frame_for_a_missing_view() -> None:
    samples = [[frame("R-CC", 0), frame("L-CC", 1)], [frame("R-CC", 0.5), Frame("L-CC", None)]]
    figure = contact_sheet(samples, ["a · benign", "b · malignant"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a · benign", "b · malignant"]
    assert [len(axes.images) for axes in figure.axes] == [2, 1]
    assert [text.get_text() for text in figure.axes[1].texts] == ["R-CC", "missing", "L-CC"]


def test_all_samples_share_one_grey_scale() -> None:
    figure = contact_sheet([[frame("", -1)], [frame("", 0)], [frame("", 1, channels=1)]], ["a", "b", "c"])
    shades = [float(np.asarray(axes.images[0].get_array()).mean()) for axes in figure.axes]
    assert shades == [0, 0.5, 1]


def test_a_constant_sheet_and_three_channels_are_drawn() -> None:
    pixels = drawn(contact_sheet([[frame("L-MLO", 3, channels=3)]], ["a"]))
    assert pixels.shape[0] > 50
    assert (pixels[..., :3] == 0).all(axis=-1).any()


def test_rows_are_filled_evenly() -> None:
    samples = [[frame("", 0.0), frame("", 1.0)]] * 16
    figure = contact_sheet(samples, [str(number) for number in range(16)])
    places = [axes.get_position().bounds[:2] for axes in figure.axes]
    rows = [round(bottom, 3) for _, bottom in places]
    assert [rows.count(row) for row in sorted(set(rows), reverse=True)] == [8, 8]


def test_columns_can_be_chosen() -> None:
    figure = contact_sheet([[frame("", number)] for number in range(4)], list("abcd"), columns=2)
    assert len({round(axes.get_position().x0, 3) for axes in figure.axes}) == 2
