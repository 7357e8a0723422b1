"""`bcdl view`: the contact sheet as a user types for it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

PHANTOM = ("data.reader.patients=12", "data.reader.size=[64,32]")

View = Callable[..., int]


@pytest.fixture
def view(bcdl_in_process: Callable[..., int]) -> View:
    return lambda *typed: bcdl_in_process("view", *PHANTOM, *typed)


@pytest.fixture
def captions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the samples on every sheet that is saved."""
    found: list[str] = []
    save = Figure.savefig

    def saving(figure: Figure, *args: object, **kwargs: object) -> None:
        found.extend(axes.get_title(loc="left") for axes in figure.axes)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", saving)
    return found


def pixels(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def test_as_many_samples_as_asked_are_drawn_with_their_labels(
    view: View, captions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert view("n=6") == 0
    assert len(set(captions)) == 6
    assert all(text.endswith(("\nbenign_or_normal", "\nmalignant")) for text in captions)
    assert pixels(tmp_path / "sheets" / "phantom-none.png").std() > 0
    assert "sheets/phantom-none.png: 6 samples of train" in capsys.readouterr().out


def test_a_split_smaller_than_n_is_drawn_whole(
    view: View, captions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert view("split=val", "data.unit=patient", "n=99", f"out={tmp_path}/val.png") == 0
    assert 0 < len(captions) < 12
    assert f"{len(captions)} samples of val" in capsys.readouterr().out
    assert (tmp_path / "val.png").is_file()


def test_the_same_command_draws_the_same_sheet_and_augmentation_another(view: View, tmp_path: Path) -> None:
    names = {"a": "augment=none", "b": "augment=none", "c": "augment=standard", "d": "augment=standard"}
    for name, augment in names.items():
        assert view("n=4", augment, f"out={tmp_path}/{name}.png") == 0
    a, b, c, d = (pixels(tmp_path / f"{name}.png") for name in names)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(c, d)
    assert a.shape == c.shape
    assert (a != c).any()


def test_samples_of_val_are_never_augmented(view: View, tmp_path: Path) -> None:
    for augment in ("none", "strong"):
        assert view("n=2", "split=val", f"augment={augment}", f"out={tmp_path}/{augment}.png") == 0
    np.testing.assert_array_equal(pixels(tmp_path / "none.png"), pixels(tmp_path / "strong.png"))


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("split=vall", ["expected split to be train, val or test, found 'vall'. Did you mean 'val'?"]),
        ("n=0", ["expected n to be a number of samples, at least 1, found 0"]),
        ("n=many", ["found many"]),
        ("out=sheet.jpg", ["expected out to name a .png file, found 'sheet.jpg'"]),
        ("out=file/sheet.png", ["expected out to name a file that can be written, found 'file/sheet.png'"]),
    ],
)
def test_a_mistake_is_explained(
    typed: str, shown: list[str], view: View, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert view(typed) == 2
    err = capsys.readouterr().err
    assert all(text in err for text in shown), err
    assert "Traceback" not in err


def test_all_samples_of_a_patient_are_drawn_with_their_findings_outlined(
    view: View, captions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesions = ("data.reader.prevalence=1", "data.reader.difficulty=0", "data.unit=breast")
    assert view(*lesions, "patient=p000003", f"out={tmp_path}/patient.png") == 0
    assert [caption.split("\n")[0].split("/")[0] for caption in captions] == ["p000003"] * 2
    assert "2 samples of the patient" in capsys.readouterr().out
    blue, green, red = (pixels(tmp_path / "patient.png")[..., channel].astype(int) for channel in range(3))
    assert ((red - green > 100) & (red - blue > 100)).sum() > 20  # the outline's colour


def test_an_unknown_patient_is_refused(view: View, capsys: pytest.CaptureFixture[str]) -> None:
    assert view("patient=p000099") == 2
    assert "expected a patient of phantom" in capsys.readouterr().err
