from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bcdl.data.readers import Phantom
from bcdl.errors import UserError
from bcdl.imaging import Display, Imaging
from bcdl.imaging.geometry import Size

PHANTOM = Phantom(patients=1, size=(384, 192))
VIEWS = ["p000000/e0/L/CC", "p000000/e0/L/MLO", "p000000/e0/R/CC", "p000000/e0/R/MLO"]
IMAGES = {path: PHANTOM.load(path).pixels for path in VIEWS}
ORIENTED = Imaging(size=(128, 64), crop="breast", orient="left", blank=True)


def test_prepare_fits_and_adds_channels() -> None:
    image = np.full((40, 20), 9, np.uint16)
    assert Imaging().prepare(image).pixels.shape == (40, 20, 1)
    prepared = Imaging(size=(16, 16), channels=3).prepare(image)
    assert prepared.pixels.shape == (16, 16, 3)
    assert prepared.pixels.dtype == np.uint16
    assert prepared.geometry.crop == (0, 0, 40, 20)


def test_no_breast_is_searched_for_unless_something_asks_for_it() -> None:
    for imaging in (Imaging(), Imaging(size=(64, 64))):
        prepared = imaging.prepare(IMAGES[VIEWS[0]])
        assert (prepared.chest_wall, prepared.breast_share) == (None, None)
    for asking in ({"crop": "breast"}, {"orient": "left"}, {"blank": True}):
        prepared = Imaging(**asking).prepare(IMAGES[VIEWS[2]])  # type: ignore[arg-type]
        assert prepared.chest_wall == "right"
        assert prepared.breast_share == pytest.approx((IMAGES[VIEWS[2]] > 20).mean(), abs=0.03)


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize(
    "imaging", [ORIENTED, Imaging(size=(100, 90), orient="left"), Imaging(crop="breast", orient="left")]
)
def test_a_mirrored_image_is_stored_as_the_image_itself(path: str, imaging: Imaging) -> None:
    image = IMAGES[path]
    prepared, mirrored = imaging.prepare(image), imaging.prepare(np.ascontiguousarray(image[:, ::-1]))
    np.testing.assert_array_equal(prepared.pixels, mirrored.pixels)
    assert {prepared.chest_wall, mirrored.chest_wall} == {"left", "right"}
    assert {prepared.geometry.mirrored, mirrored.geometry.mirrored} == {False, True}


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("size", [(128, 64), (128, 128), (64, 128)])
def test_the_chest_wall_lies_on_the_left_edge(path: str, size: Size) -> None:
    pixels = Imaging(size=size, crop="breast", orient="left").prepare(IMAGES[path]).pixels[:, :, 0]
    assert pixels[:, 0].any()
    columns = (pixels > 20).sum(axis=0)
    assert columns[:5].min() > columns[-5:].max()


def test_a_crop_leaves_air_out_and_so_enlarges_the_breast() -> None:
    for image in IMAGES.values():
        plain, cropped = Imaging(size=(128, 64)).prepare(image), ORIENTED.prepare(image)
        assert cropped.geometry.factor >= plain.geometry.factor
        top, left, height, width = cropped.geometry.crop
        outside = image.copy()
        outside[top : top + height, left : left + width] = 0
        assert height * width < 0.9 * image.size
        assert (outside > 20).mean() < 0.02


@pytest.mark.parametrize("crop", ["none", "breast"])
def test_blanking_clears_what_is_outside_the_breast_alone(crop: str) -> None:
    image = IMAGES[VIEWS[0]].copy()
    image[20:50, 150:185] = 255
    blanked, kept = Imaging(crop=crop, blank=True).prepare(image), Imaging(crop=crop).prepare(image)
    assert blanked.geometry == kept.geometry
    changed = blanked.pixels != kept.pixels
    assert not blanked.pixels[changed].any()
    assert set(np.unique(kept.pixels[changed & (kept.pixels > 20)])) == ({255} if crop == "none" else set())
    assert (changed & (kept.pixels > 20)).sum() == (30 * 35 if crop == "none" else 0)


def test_an_image_without_a_breast_is_kept_whole() -> None:
    noise = np.random.default_rng(0).integers(0, 60_000, (400, 200), dtype=np.uint16)
    prepared = replace(ORIENTED, blank=False).prepare(noise)
    np.testing.assert_array_equal(prepared.pixels, Imaging(size=(128, 64)).prepare(noise).pixels)
    assert (prepared.chest_wall, prepared.breast_share) == (None, 0.0)


def test_blanking_leaves_nothing_of_an_image_without_a_breast() -> None:
    noise = np.random.default_rng(0).integers(0, 60_000, (400, 200), dtype=np.uint16)
    assert not replace(ORIENTED, blank=True).prepare(noise).pixels.any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_colour_image_is_cropped_as_its_grey_version(channels: int) -> None:
    image = IMAGES[VIEWS[3]]
    coloured = ORIENTED.prepare(np.dstack([image] * 3))
    grey = Imaging(size=(128, 64), channels=channels, crop="breast", orient="left", blank=True)
    assert coloured.geometry == grey.prepare(image).geometry
    assert grey.prepare(np.dstack([image] * 3)).pixels.shape == (128, 64, channels)
    np.testing.assert_array_equal(
        grey.prepare(np.dstack([image] * 3)).pixels[..., 0], coloured.pixels[..., 0]
    )


def test_settings_from_yaml_equal_those_from_python() -> None:
    assert Imaging(size=[16, 8], modality=["MG"]) == Imaging(size=(16, 8), modality=("MG",))  # type: ignore[arg-type]


def test_readers_are_told_how_to_display() -> None:
    imaging = Imaging(window="percentile", multi_frame="frame", modality=("MG", "US"))
    assert imaging.display == Display("percentile", "frame", ("MG", "US"))


@pytest.mark.parametrize("size", [(16,), (16, 16, 3), (0, 16), (-4, 16), (16.0, 16), ("16", 16)])
def test_a_size_that_cannot_be_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"expected imaging.size=\[rows,columns\]"):
        Imaging(size=size)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"channels": 2}, r"expected imaging\.channels of 1 or 3, found 2"),
        (
            {"crop": "brest"},
            r"imaging\.crop to be one of none, breast, found 'brest'\. Did you mean 'breast'",
        ),
        ({"orient": "right"}, r"imaging\.orient to be one of none, left, found 'right'"),
        ({"multi_frame": "frames"}, r"imaging\.multi_frame to be one of refuse, frame, found 'frames'"),
        ({"blank": "yes"}, r"expected imaging\.blank of true or false, found 'yes'"),
        ({"modality": "MG"}, r"expected imaging\.modality as a list such as \[MG\], found 'MG'"),
        ({"modality": [1]}, r"expected imaging\.modality as a list such as \[MG\], found \[1\]"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Imaging(**setting)
