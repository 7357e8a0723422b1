from collections.abc import Callable

import numpy as np
import pytest

from bcdl.data import ExamDataModule
from bcdl.data.dataset import ExamDataset, draw_seed
from bcdl.data.table import LATERALITIES, VIEWS
from bcdl.transforms import Augment

Make = Callable[..., ExamDataModule]


def full(data: ExamDataModule, augmented: bool = False) -> ExamDataset:
    return data.dataset("train", augmented)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_sample_holds_its_views_as_they_are_stored(
    make_data: Make, memory_reader: type, dtype: str
) -> None:
    data = make_data(memory_reader(dtype=dtype))
    dataset = full(data)
    for number in range(len(dataset)):
        sample = dataset[number, 0, number]
        rows = data.samples["rows"][int(sample["index"])]
        assert sample["image"].dtype == np.dtype(dtype)
        assert sample["view_mask"].tolist() == [slot < len(rows) for slot in range(4)]
        for slot, row in enumerate(rows):
            assert (sample["image"][slot, 0] == data.store[row][:, :, 0]).all()
            assert VIEWS[sample["view"][slot]] == data.table.images["view"][row]
            assert LATERALITIES[sample["laterality"][slot]] == data.table.images["laterality"][row]


@pytest.mark.parametrize("unit", ["breast", "exam", "patient"])
def test_slots_without_a_view_hold_zero_everywhere(make_data: Make, memory_reader: type, unit: str) -> None:
    dataset = full(make_data(memory_reader(exams=2), unit=unit), augmented=True)
    batch = dataset.__getitems__([(number, 0, number) for number in range(len(dataset))])
    empty = ~batch["view_mask"]
    assert empty.any()
    for name in ("image", "view", "laterality", "time"):
        assert (batch[name][empty] == 0).all()
    assert (batch["image"][batch["view_mask"]] > 0).any(axis=(1, 2, 3)).all()


def test_a_batch_is_its_samples_stacked(make_data: Make) -> None:
    dataset = full(make_data(augment=Augment(flip=0.5, rotate=10)), augmented=True)
    draws = [(2, 1, 0), (0, 1, 1), (2, 1, 2)]
    batch = dataset.__getitems__(draws)
    for number, draw in enumerate(draws):
        for name, array in dataset[draw].items():
            assert np.array_equal(batch[name][number], array)


def test_time_is_years_before_the_patient_s_newest_exam(make_data: Make, memory_reader: type) -> None:
    dataset = full(make_data(memory_reader(exams=3), unit="patient"))
    sample = dataset[0, 0, 0]
    times = sample["time"][sample["view_mask"]]
    assert (np.diff(times) <= 0).all()
    assert np.unique(times.round()).tolist() == [0, 1, 2]


def test_augmentation_depends_on_the_draw_alone(make_data: Make) -> None:
    augment = Augment(rotate=20, flip=0.5, brightness=0.2)
    dataset = full(make_data(augment=augment, seed=1), augmented=True)
    image = dataset[3, 2, 5]["image"]
    dataset[1, 2, 6]
    assert np.array_equal(dataset[3, 2, 5]["image"], image)
    for other in ((3, 1, 5), (3, 2, 6)):
        assert not np.array_equal(dataset[other]["image"], image)
    reseeded = full(make_data(augment=augment, seed=2), augmented=True)
    assert not np.array_equal(reseeded[3, 2, 5]["image"], image)


def test_an_unaugmented_dataset_ignores_the_augmentation(make_data: Make) -> None:
    plain, augmented = make_data(), make_data(augment=Augment(rotate=20))
    assert np.array_equal(full(plain)[0, 0, 0]["image"], full(augmented)[0, 0, 0]["image"])


def test_every_draw_has_a_seed_of_its_own() -> None:
    draws = [
        (seed, epoch, position, index)
        for seed in (0, 1)
        for epoch in (0, 1)
        for position in (0, 1)
        for index in (0, 1)
    ]
    assert len({draw_seed(*draw) for draw in draws}) == len(draws)
