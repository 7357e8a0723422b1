import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest

from bcdl.data.readers import Phantom
from bcdl.imaging import Geometry, Imaging, Pixels, to_channels, widen
from bcdl.imaging.geometry import Box, Mask, Size

RNG = np.random.default_rng(0)
TALL = RNG.integers(1, 255, (40, 20), dtype=np.uint8)
PHANTOM = Phantom(patients=6, size=(384, 192))
TABLES = PHANTOM.read()
VIEWS = TABLES.images.set_index("image_id")
FINDINGS = list(TABLES.findings.itertuples())


def whole(size: Size, source: Size = (40, 20)) -> Geometry:
    return Geometry.whole(source, size)


def by_hand(image: Pixels, geometry: Geometry) -> Pixels:
    """Return the stored image, of the definition's own steps."""
    top, left, height, width = geometry.crop
    kept = image[top : top + height, left : left + width]
    if geometry.mirrored:
        kept = np.ascontiguousarray(kept[:, ::-1])
    factor = min(geometry.size[0] / height, geometry.size[1] / width)
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    down, right = geometry.size[0] - rows, geometry.size[1] - columns
    before = 0 if geometry.anchor == "left" else right // 2
    scaled = cv2.resize(
        kept, (columns, rows), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    )
    return np.pad(scaled, ((down // 2, down - down // 2), (before, right - before)))


def around(mask: Mask) -> Box:
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tail", [(), (1,), (3,)])
@pytest.mark.parametrize("size", [(10, 10), (80, 60), (64, 16), (7, 5)])
@pytest.mark.parametrize("mirrored", [True, False])
def test_an_image_gets_the_size_and_keeps_its_type(
    size: Size, tail: tuple[int, ...], dtype: type, mirrored: bool
) -> None:
    image: Pixels = np.ones((40, 20, *tail), dtype)
    stored = Geometry((40, 20), (5, 2, 30, 11), mirrored, size).image(image)
    assert stored.shape == (*size, *tail)
    assert stored.dtype == dtype
    assert set(np.unique(stored)) <= {0, 1}


def test_a_whole_image_keeps_its_aspect_and_is_centred() -> None:
    stored = whole((20, 20)).image(TALL)
    columns = np.flatnonzero(stored.any(axis=0))
    assert (columns[0], columns[-1]) == (5, 14)
    assert stored.any(axis=1).all()


def test_a_whole_mirrored_image_is_stored_mirrored() -> None:
    np.testing.assert_array_equal(
        whole((20, 24)).image(np.ascontiguousarray(TALL[:, ::-1])), whole((20, 24)).image(TALL)[:, ::-1]
    )


def test_shrinking_averages_areas() -> None:
    means = TALL.reshape(20, 2, 10, 2).mean(axis=(1, 3))
    assert np.abs(whole((20, 10)).image(TALL) - means).max() <= 0.5


def test_an_image_that_nothing_is_done_to_is_returned_untouched() -> None:
    assert np.shares_memory(whole((40, 20)).image(TALL), TALL)


def test_a_crop_anchored_left_lies_on_the_left_edge_and_is_centred_from_top_to_bottom() -> None:
    stored = Geometry((40, 20), (4, 3, 10, 10), mirrored=False, size=(30, 20), anchor="left").image(TALL)
    np.testing.assert_array_equal(stored[5:25], cv2.resize(TALL[4:14, 3:13], (20, 20)))
    assert not stored[:5].any()
    narrow = Geometry((40, 20), (4, 3, 10, 5), mirrored=True, size=(10, 20), anchor="left").image(TALL)
    np.testing.assert_array_equal(narrow[:, :5], TALL[4:14, 3:8][:, ::-1])
    assert not narrow[:, 5:].any()


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("anchor", ["centre", "left"])
@pytest.mark.parametrize("size", [(60, 60), (30, 40), (24, 12)])
def test_a_box_and_a_mask_lie_around_the_same_pixels(size: Size, anchor: str, mirrored: bool) -> None:
    geometry = Geometry((40, 20), (4, 2, 30, 15), mirrored, size, anchor)  # type: ignore[arg-type]
    mask = np.zeros((40, 20), np.bool_)
    mask[10:22, 5:14] = True
    np.testing.assert_allclose(geometry.box((5, 10, 14, 22)), around(geometry.mask(mask)), atol=0.75)


def test_a_box_is_cut_to_what_is_kept() -> None:
    geometry = Geometry((40, 20), (10, 5, 20, 10), mirrored=False, size=(40, 20))
    assert geometry.box((0, 0, 10, 15)) == (0, 0, 10, 10)
    assert geometry.box((0, 0, 4, 40)) == (0, 0, 0, 40)
    assert Geometry((40, 20), (10, 5, 20, 10), mirrored=True, size=(40, 20)).box((0, 0, 10, 15)) == (
        10,
        0,
        20,
        10,
    )


@pytest.mark.parametrize("size", [(384, 192), (256, 128), (100, 50), (96, 96), (500, 400)])
@pytest.mark.parametrize("crop", ["none", "breast"])
def test_the_lesions_of_both_sides_follow_their_image_to_one_pixel(crop: str, size: Size) -> None:
    assert {VIEWS["laterality"][row.image_id] for row in FINDINGS} == {"L", "R"}
    imaging = Imaging(size=size, crop=crop, orient="left")
    for row in FINDINGS:
        geometry = imaging.prepare(PHANTOM.load(VIEWS["path"][row.image_id]).pixels).geometry
        drawn = PHANTOM.load_mask(row.mask_path)
        expected, found = by_hand(drawn.astype(np.uint8) * 255, geometry) > 127, geometry.mask(drawn)
        wider = cv2.dilate(expected.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        narrower = cv2.erode(expected.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert found[narrower].all()
        assert not found[~wider].any()
        np.testing.assert_allclose(geometry.box(around(drawn)), around(found), atol=1)
        assert geometry.mirrored == (VIEWS["laterality"][row.image_id] == "R")


def test_an_image_follows_the_definition() -> None:
    for row in FINDINGS[:4]:
        image = PHANTOM.load(VIEWS["path"][row.image_id]).pixels
        geometry = Imaging(size=(100, 50), crop="breast", orient="left").prepare(image).geometry
        np.testing.assert_array_equal(geometry.image(image), by_hand(image, geometry))


def test_a_mask_follows_its_image_where_half_a_pixel_counts() -> None:
    mask = np.zeros((40, 20), np.bool_)
    mask[8:16, 4:12] = True
    mask[16, 4:12] = True  # half a stored pixel
    expected = whole((20, 20)).image(mask.astype(np.uint8) * 255) > 126
    np.testing.assert_array_equal(whole((20, 20)).mask(mask), expected)
    assert expected.sum() == 20


def test_a_mask_of_one_pixel_survives_shrinking_and_an_empty_one_stays_empty() -> None:
    geometry, mask = whole((20, 10), (4000, 2000)), np.zeros((4000, 2000), np.bool_)
    assert not geometry.mask(mask).any()
    mask[2010, 1010] = True
    assert np.argwhere(geometry.mask(mask)).tolist() == [[10, 5]]


@pytest.mark.parametrize("other", [(80, 40), (20, 10), (41, 20), (30, 30)])
def test_a_mask_of_another_size_is_first_scaled_to_the_image(other: Size) -> None:
    mask, scaled = np.zeros((40, 20), np.bool_), np.zeros(other, np.bool_)
    mask[10:30, 5:15] = True
    rows, columns = np.arange(other[0]) + 0.5, np.arange(other[1]) + 0.5
    inside = (np.abs(rows / other[0] - 0.5) < 0.25)[:, None] & (np.abs(columns / other[1] - 0.5) < 0.25)
    scaled[inside] = True
    geometry = Geometry((40, 20), (5, 2, 30, 16), mirrored=True, size=(30, 30))
    np.testing.assert_allclose(around(geometry.mask(scaled)), around(geometry.mask(mask)), atol=1)


def test_spacing_grows_as_the_image_shrinks() -> None:
    assert whole((20, 20)).spacing(0.05) == pytest.approx(0.1)
    assert Geometry((40, 20), (0, 0, 10, 10), mirrored=False, size=(40, 20)).spacing(0.05) == pytest.approx(
        0.025
    )


def test_a_geometry_goes_through_json() -> None:
    geometry = Geometry((40, 20), (4, 2, 30, 15), mirrored=True, size=(32, 16), anchor="left")
    assert Geometry.from_dict(json.loads(json.dumps(asdict(geometry)))) == geometry


@pytest.mark.parametrize("crop", [(0, 0, 41, 20), (0, 1, 40, 20), (-1, 0, 10, 10), (0, 0, 0, 5)])
def test_a_crop_that_is_not_inside_the_image_is_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected a crop"):
        Geometry((40, 20), crop, mirrored=False, size=(8, 8))


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected an image of \(40, 20\) pixels, found one of \(20, 40\)"):
        whole((8, 8)).image(np.ascontiguousarray(TALL.T))


def test_channels_are_repeated_or_weighted_by_bt_601() -> None:
    np.testing.assert_array_equal(to_channels(TALL, 3), np.dstack([TALL] * 3))
    assert to_channels(TALL, 1).shape == (40, 20, 1)
    red = np.zeros((2, 2, 3), np.uint16)
    red[..., 0] = 10_000
    assert np.abs(to_channels(red, 1).astype(int) - 2_990).max() <= 1


def test_eight_bits_widen_to_the_whole_range_of_sixteen() -> None:
    np.testing.assert_array_equal(widen(np.array([[0, 1, 255]], np.uint8)), [[0, 257, 65535]])
    wide = np.array([[3]], np.uint16)
    assert widen(wide) is wide
