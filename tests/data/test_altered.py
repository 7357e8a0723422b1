import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bcdl.data import Batch, ExamDataModule
from bcdl.data.altered import most_views, with_fewer_views, with_pixels
from bcdl.imaging import Pixels

Make = Callable[..., ExamDataModule]


def inverted(image: Pixels, key: str) -> Pixels:
    return np.asarray(255 - image, dtype=image.dtype)


def batches(data: ExamDataModule, split: str = "test") -> list[Batch]:
    return list(data.loader(split))


def test_other_pixels_reach_the_batch_and_nothing_else_changes(make_data: Make) -> None:
    data = make_data(unit="exam")
    plain, changed = batches(data), batches(with_pixels(data, inverted))
    for one, other in zip(plain, changed, strict=True):
        filled = one["view_mask"][:, :, None, None, None]
        assert torch.equal(torch.where(filled, 255 - one["image"], 0), other["image"])
        assert torch.equal(one["view_mask"], other["view_mask"])
        assert torch.equal(one["index"], other["index"])
    again = batches(data)
    assert all(torch.equal(one["image"], two["image"]) for one, two in zip(plain, again, strict=True))


def test_a_change_is_told_the_images_checksum(make_data: Make) -> None:
    data = make_data()
    seen: list[str] = []

    def noted(image: Pixels, key: str) -> Pixels:
        seen.append(key)
        return image

    batches(with_pixels(data, noted))
    assert seen
    assert set(seen) <= set(data.store.checksums)


def test_an_altered_store_goes_to_worker_processes(make_data: Make) -> None:
    altered = with_pixels(make_data(), inverted).store
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(altered))[0], altered[0])


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_views_are_left_out_and_one_is_always_kept(make_data: Make, memory_reader: type, count: int) -> None:
    data = make_data(memory_reader(exams=1, drop_every=1000), unit="exam")
    fewer = with_fewer_views(data, count)
    before = data.samples["rows"].map(len)
    assert before.max() == 4
    assert fewer.samples["rows"].map(len).tolist() == (before - count).clip(lower=1).tolist()
    batch = batches(fewer)[0]
    assert batch["image"].shape[1] == 4
    left = fewer.samples["rows"].map(len).loc[batch["index"].tolist()]
    assert batch["view_mask"].sum(dim=1).tolist() == left.tolist()
    assert not batch["image"][~batch["view_mask"]].any()


def test_which_views_go_depends_on_seed_and_sample_alone_and_grows(
    make_data: Make, memory_reader: type
) -> None:
    data = make_data(memory_reader(exams=1, drop_every=1000), unit="exam")
    one, two = (with_fewer_views(data, count).samples["rows"] for count in (1, 2))
    assert one.tolist() == with_fewer_views(data, 1).samples["rows"].tolist()
    assert one.tolist() != with_fewer_views(data, 1, seed=1).samples["rows"].tolist()
    assert all(set(fewer) < set(more) for fewer, more in zip(two, one, strict=True))
    whole = data.samples["rows"]
    places = {
        tuple(every.index(row) for row in kept)
        for every, kept in zip(whole, one, strict=True)
        if len(every) == 4
    }
    assert len(places) > 1


def test_most_views_is_that_of_the_split(make_data: Make, memory_reader: type) -> None:
    data = make_data(memory_reader(exams=1, drop_every=1000), unit="exam")
    assert most_views(data, "test") == 4
    assert most_views(make_data(unit="image"), "test") == 1
