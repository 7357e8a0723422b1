"""A data set from its own splits to those of a run: folds, what they leave out, and what the audit sees."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.data import ExamDataModule
from bcdl.data.source import Splitting, with_some_splits
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

Make = Callable[..., ExamDataModule]
Reading = Callable[..., Any]
OWN = ("train", "val", "test", "train", "train")


@pytest.fixture
def reading(memory_reader: type) -> Reading:
    """Make a memory reader whose patients' splits go round; a patient named in `torn` is in test too."""

    class Split(memory_reader):  # type: ignore[misc, valid-type]
        def read(self) -> ExamTable:
            table = super().read()
            return replace(table, images=with_own(table.images, self.torn))

    def make(torn: Sequence[str] = (), patients: int = 30) -> Any:
        reader = Split(patients=patients, drop_every=1000)
        object.__setattr__(reader, "torn", torn)
        return reader

    return make


def with_own(images: pd.DataFrame, torn: Sequence[str]) -> pd.DataFrame:
    splits = images["patient_id"].str[1:].astype(int).map(lambda number: OWN[number % len(OWN)])
    in_test_too = images["patient_id"].isin(torn) & images["image_id"].str.endswith("CC")
    return images.assign(split=splits.mask(in_test_too, "test").astype(images["split"].dtype))


def patients(data: ExamDataModule, split: str) -> set[str]:
    return set(data.samples.loc[data.samples["split"] == split, "patient_id"])


def test_the_own_test_rows_are_left_out_of_a_run_with_folds(make_data: Make, reading: Reading) -> None:
    reader = reading()
    own = reader.read().images
    tested: list[str] = []
    for fold in range(4):
        data = make_data(reader, folds=4, fold=fold)
        assert data.source.fold == fold
        assert set(data.samples["split"]) == {"train", "val", "test"}
        assert not set(data.table.images["patient_id"]) & set(own.loc[own["split"] == "test", "patient_id"])
        tested += patients(data, "test")
    assert sorted(tested) == sorted(own.loc[own["split"] != "test", "patient_id"].unique())


def test_rows_keep_their_pixels_where_others_are_left_out(make_data: Make, reading: Reading) -> None:
    data = make_data(reading(), folds=4, fold=1)
    assert len(data.store) == len(data.table.images)
    for row, path in enumerate(data.table.images["path"]):
        np.testing.assert_array_equal(data.store[row][..., 0], data.source.reader.load(path).pixels)


def test_every_fold_has_its_own_fingerprint(make_data: Make) -> None:
    found = [make_data(folds=4, fold=fold).fingerprint() for fold in range(4)]
    assert len({*found, make_data().fingerprint()}) == 5
    assert make_data(folds=4, fold=2).fingerprint() == found[2]


def test_without_folds_a_source_has_none(make_data: Make) -> None:
    assert make_data().source.fold is None


def test_patients_in_several_own_splits_are_settled_before_folds_are_dealt(
    make_data: Make, reading: Reading
) -> None:
    reader = reading(torn=("p000", "p001"))
    with pytest.raises(UserError, match=r"found 2 in two or more: p000, p001"):
        make_data(reader, folds=4, fold=0).prepare()
    kept = make_data(reader, folds=4, fold=0, on_patient_overlap="drop_from_train").table.images
    assert not {"p000", "p001"} & set(kept["patient_id"])


def test_copies_across_folds_are_dropped(make_data: Make, reading: Reading) -> None:
    class Copied(type(reading())):  # type: ignore[misc]
        def load(self, path: str, *arguments: Any) -> Any:
            """The images of the odd patients are those of the even ones before them."""
            patient, *rest = path.split("/")
            return super().load("/".join([str(int(patient) // 2 * 2), *rest]), *arguments)

    reader = Copied(patients=30, drop_every=1000, name="copied")
    object.__setattr__(reader, "torn", ())
    all_of, dropped = (
        make_data(reader, folds=4, fold=0, drop_duplicates=side).table.images for side in ("none", "train")
    )
    tested = all_of.loc[all_of["split"] == "test", "patient_id"].str[1:].astype(int)
    trained = dropped.loc[dropped["split"] != "test", "patient_id"].str[1:].astype(int)
    assert not set(tested // 2) & set(trained // 2)
    assert len(dropped) < len(all_of)


def test_an_audit_with_folds_sees_the_splits_of_the_fold(reading: Reading, make_data: Make) -> None:
    table = reading(torn=("p000",)).read()
    seen = with_some_splits(table, Splitting(folds=4, fold=1)).images
    assert len(seen) == len(table.images)
    reserved = set(table.images.loc[table.images["split"] == "test", "patient_id"])
    assert set(seen.loc[seen["split"] == "NA", "patient_id"]) == reserved
    trained_on = make_data(reading(), folds=4, fold=1).table.images
    plain = with_some_splits(reading().read(), Splitting(folds=4, fold=1)).images
    plain = plain[plain["split"] != "NA"].set_index("image_id")["split"]
    assert plain.equals(trained_on.set_index("image_id")["split"])


def test_an_audit_with_folds_that_cannot_be_made_says_so(reading: Reading) -> None:
    table = reading(patients=5).read()
    with pytest.raises(UserError, match="choose fewer folds"):
        with_some_splits(table, Splitting(folds=9, fold=1))
    assert with_some_splits(table, Splitting()) is table


def test_verbs_take_folds(
    bcdl_in_process: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "data.folds=4")
    assert bcdl_in_process("audit", *typed, "data.fold=1", f"out={tmp_path}/report") == 0
    assert (tmp_path / "report" / "audit.html").is_file()
    assert bcdl_in_process("view", *typed, "data.fold=1", "split=test", "n=99", "out=sheet.png") == 0
    assert "sheet.png: 24 samples of test" in capsys.readouterr().out  # 6 of 24 patients, 4 images each
    assert bcdl_in_process("view", *typed, "data.fold=1", "patient=p000003", "out=one.png") == 0
    for wrong in ((), ("data.fold=4",), ("data.fold=1", "data.folds=25")):
        assert bcdl_in_process("view", *typed, *wrong, "out=sheet.png") == 2


def test_a_run_tests_on_its_fold(train: Callable[..., int]) -> None:
    assert train("data.folds=4", "data.fold=2", "trainer.max_epochs=1") == 0
    run = bcdl.load_run()
    tested = run.predictions.query("split == 'test'")
    samples = run.data.samples
    assert set(tested["sample_id"]) == set(samples.loc[samples["split"] == "test", "sample_id"])
    assert tested["patient_id"].nunique() == 6
