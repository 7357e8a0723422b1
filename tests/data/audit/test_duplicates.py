from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data.audit import AuditSettings, drop_duplicates, duplicate_groups
from bcdl.data.audit.duplicates import find_duplicates
from bcdl.data.audit.thumbnails import scan
from bcdl.errors import UserError

Pixels = NDArray[np.uint8]
CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "encoded anew": lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0),
    "brighter": lambda x: np.clip(x * 0.7 + 20, 0, 255).astype(np.uint8),
    "other tone": lambda x: (255 * (x / 255) ** 1.5).astype(np.uint8),
    "noisy": lambda x: np.clip(x + np.random.default_rng(0).normal(0, 8, x.shape), 0, 255).astype(np.uint8),
    "cropped": lambda x: cv2.resize(x[7:-7, 3:-3], (128, 256), interpolation=cv2.INTER_AREA),
    "mirrored": lambda x: x[:, ::-1],
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_different_images_are_not(change: str, phantom_pixels: Pixels) -> None:
    copies = np.stack([CHANGES[change](image[..., 0]) for image in phantom_pixels[:20]])[..., None]
    groups = duplicate_groups(np.concatenate([phantom_pixels, copies]))
    assert groups[240:].tolist() == groups[:20].tolist() == list(range(20))
    assert (groups[20:240] == -1).all()


def test_different_images_are_no_copies(phantom_pixels: Pixels) -> None:
    assert (duplicate_groups(phantom_pixels) == -1).all()


def test_links_say_what_kind_of_copy_it_is(phantom_pixels: Pixels) -> None:
    image, other = phantom_pixels[0], phantom_pixels[1]
    found = find_duplicates(scan([image, other, image, other[:, ::-1]]), AuditSettings())
    assert found.links[["first", "second", "mirrored", "kind"]].to_numpy().tolist() == [
        [0, 2, False, "exact"],
        [1, 3, True, "near"],
    ]
    assert found.links["similarity"].min() > 0.99


def test_a_thousand_identical_images_are_one_group(phantom_pixels: Pixels) -> None:
    assert not duplicate_groups([phantom_pixels[0]] * 1000).any()


def test_hundreds_of_noisy_copies_are_one_group(phantom_pixels: Pixels) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 6, (200, *phantom_pixels[0].shape))
    copies = np.clip(phantom_pixels[0] + noise, 0, 255).astype(np.uint8)
    assert not duplicate_groups(copies).any()


def test_blank_images_are_copies_of_nothing() -> None:
    assert duplicate_groups(np.zeros((50, 64, 32, 1), np.uint8)).tolist() == [-1] * 50


def test_checksums_decide_what_is_exact(phantom_pixels: Pixels) -> None:
    assert duplicate_groups(phantom_pixels[:3], [b"a", b"b", b"a"]).tolist() == [0, -1, 0]


@pytest.mark.parametrize("count", [0, 1])
def test_no_image_or_one_is_no_copy(count: int, phantom_pixels: Pixels) -> None:
    assert duplicate_groups(phantom_pixels[:count]).tolist() == [-1] * count


@pytest.mark.parametrize(
    ("side", "kept"),
    [
        ("none", [True] * 8),
        ("test", [True, True, False, True, True, False, True, True]),
        ("train", [False, False, True, True, False, True, True, True]),
    ],
)
def test_copies_of_test_images_are_dropped_from_one_side(side: str, kept: list[bool]) -> None:
    images = pd.DataFrame({"split": ["train", "train", "test", "train", "val", "test", "test", "test"]})
    groups = np.array([1, 1, 1, -1, 2, 2, -1, -1])
    assert drop_duplicates(images, groups, side).tolist() == kept


@pytest.mark.parametrize("side", ["train", "test"])
def test_copies_within_one_split_stay(side: str) -> None:
    images = pd.DataFrame({"split": ["train", "train", "test", "test", "train", "val"]})
    assert drop_duplicates(images, np.array([1, 1, 2, 2, 3, 3]), side).all()


def test_an_unknown_side_is_an_error() -> None:
    with pytest.raises(UserError, match=r"one of train, test, none, found 'tests'\. Did you mean 'test'"):
        drop_duplicates(pd.DataFrame({"split": ["test"]}), np.array([-1]), "tests")


def test_groups_of_other_images_are_an_error() -> None:
    with pytest.raises(UserError, match="a group for each of 1 images, found 2"):
        drop_duplicates(pd.DataFrame({"split": ["test"]}), np.array([-1, -1]), "test")
