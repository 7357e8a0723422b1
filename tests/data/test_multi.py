"""Several stores as one: names, weights, splits, what is refused, and the verbs on `data=multi`."""

import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import bcdl
from bcdl.data import BalancedBatchSampler, ExamDataModule, ShuffledSampler
from bcdl.data.multi import MultiSource
from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.readers import Phantom
from bcdl.data.source import ExamSource, Splitting
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.imaging import AS_IT_IS, Display, ImageError, Imaging, Picture, Problem
from bcdl.transforms import Augment, ZScore

Verb = Callable[..., int]


@dataclass(frozen=True)
class Annotated(Phantom):
    """A phantom whose table or pictures are not quite as they should be."""

    split: str = "NA"
    label: int | None = None
    torn: tuple[str, ...] = ()
    remarks: tuple[Problem, ...] = ()
    wide: bool = False

    def read(self) -> ExamTable:
        table = super().read()
        images = table.images.assign(split=pd.Series(self.split, table.images.index).astype("string"))
        return replace(table, images=images if self.label is None else images.assign(label=self.label))

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        if path in self.torn:
            raise ImageError(path, "it is torn")
        picture = super().load(path, frame, display)
        pixels = picture.pixels.astype(np.uint16) * 257 if self.wide else picture.pixels
        return replace(picture, pixels=pixels, problems=self.remarks)


def prepare(folder: Path, patients: int = 12, size: tuple[int, int] = (64, 32), **arguments: Any) -> Path:
    """Make a store as `bcdl prepare` does; return the folder that holds it alone."""
    reader = Annotated(patients=patients, size=size, **arguments)
    how = Preparation(Imaging(), folder, "skip", workers=1, publish=True)
    ExamSource(reader, how).prepare(how)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Two scanners' stores, to be read only."""
    root = tmp_path_factory.mktemp("stores")
    return {"a": prepare(root / "a", 16), "b": prepare(root / "b", 12, tone=1.7, seed=1)}


def images(opened: Prepared) -> dict[str, pd.DataFrame]:
    """The image rows of each data set."""
    return dict(iter(opened.table.images.groupby("meta_data_set")))


def module(source: MultiSource, sampler: Any = ShuffledSampler) -> ExamDataModule:
    return ExamDataModule(source, ZScore(), Augment(), sampler, batch_size=8)


def test_ids_begin_with_their_data_set_and_stay_unique(prepared: Mapping[str, Path]) -> None:
    opened = MultiSource(prepared).open()
    table = opened.table
    assert len(table.images) == len(opened.store) == 4 * (16 + 12)
    assert table.images["image_id"].is_unique
    for name, rows in images(opened).items():
        for column in ("patient_id", "exam_id", "image_id"):
            assert rows[column].str.startswith(f"{name}/").all()
    assert set(table.findings["image_id"]) <= set(table.images["image_id"])
    assert set(table.findings["image_id"].str[0]) == {"a", "b"}


def test_every_row_has_the_pixels_and_the_label_of_its_own_store(prepared: Mapping[str, Path]) -> None:
    opened = MultiSource(prepared).open()
    readers = {"a": Annotated(16, size=(64, 32)), "b": Annotated(12, size=(64, 32), tone=1.7, seed=1)}
    labels = {name: reader.read().images.set_index("image_id")["label"] for name, reader in readers.items()}
    for position, row in enumerate(opened.table.images.itertuples()):
        name, _, image_id = row.image_id.partition("/")
        picture = readers[name].load(image_id)
        np.testing.assert_array_equal(opened.store[position][..., 0], picture.pixels)
        assert row.label == labels[name][image_id]
    assert opened.table.classes == ("negative", "positive")


def test_the_split_of_a_data_set_is_the_same_alone_and_pooled(prepared: Mapping[str, Path]) -> None:
    pooled = images(MultiSource(prepared).open())
    for name in prepared:
        alone = images(MultiSource({name: prepared[name]}).open())[name]
        assert pooled[name]["split"].tolist() == alone["split"].tolist()
        assert set(alone["split"]) == {"train", "val", "test"}


def test_weight_0_leaves_the_test_images_alone(prepared: Mapping[str, Path]) -> None:
    both = images(MultiSource(prepared).open())
    one = images(MultiSource(prepared, {"b": 0}).open())
    pd.testing.assert_frame_equal(one["a"], both["a"])
    tested = both["b"][both["b"]["split"] == "test"]
    assert one["b"]["image_id"].tolist() == tested["image_id"].tolist()
    assert set(one["b"]["split"]) == {"test"}


def test_a_data_set_is_drawn_by_its_weight_whatever_its_size(prepared: Mapping[str, Path]) -> None:
    data = module(MultiSource(prepared, {"b": 3}))
    patients = data.split_samples("train")["patient_id"]
    weights = data.source.sample_weights(patients)
    assert weights is not None
    shares = pd.Series(weights).groupby(patients.str[0].to_numpy()).sum()
    assert shares.to_dict() == pytest.approx({"a": 1, "b": 3})
    drawn = []
    for epoch in range(40):
        loader = data.train_dataloader()
        loader.batch_sampler.set_epoch(epoch)
        drawn += [data.samples.loc[batch["index"].tolist(), "patient_id"] for batch in loader]
    assert (pd.concat(drawn).str[0] == "b").mean() == pytest.approx(0.75, abs=0.05)


def test_statistics_are_learnt_on_the_data_sets_that_train(prepared: Mapping[str, Path]) -> None:
    alone, tested, both = (
        module(MultiSource(stores, weights))
        for stores, weights in (({"a": prepared["a"]}, {}), (prepared, {"b": 0}), (prepared, {}))
    )
    states = []
    for data in (alone, tested, both):
        data.setup()
        states.append(data.state_dict())
    assert states[0] == states[1] != states[2]


def test_balanced_batches_know_no_weights(prepared: Mapping[str, Path]) -> None:
    data = module(MultiSource(prepared), partial(BalancedBatchSampler, min_positive=1))
    with pytest.raises(UserError, match="choose sampler=shuffled or weighted"):
        data.train_dataloader()


def test_own_splits_stay(tmp_path: Path, prepared: Mapping[str, Path]) -> None:
    stores = {"a": prepared["a"], "c": prepare(tmp_path / "c", seed=3, split="test")}
    assert set(images(MultiSource(stores, {"c": 0}).open())["c"]["split"]) == {"test"}


def test_stores_of_8_and_16_bit_give_16_bit(tmp_path: Path, prepared: Mapping[str, Path]) -> None:
    opened = MultiSource({"a": prepared["a"], "c": prepare(tmp_path / "c", seed=3, wide=True)}).open()
    assert opened.store.dtype == np.uint16
    first, last = opened.store[0].astype(np.int64), opened.store[len(opened.store) - 1].astype(np.int64)
    assert (first % 257 == 0).all()
    assert (last % 257 == 0).all()
    assert min(first.max(), last.max()) > 257 * 30


def test_a_store_without_findings_can_be_pooled(tmp_path: Path, prepared: Mapping[str, Path]) -> None:
    healthy = prepare(
        tmp_path / "c", prevalence=0, benign_fraction=0, summation_fraction=0, seed=9, split="train"
    )
    opened = MultiSource({"c": healthy, "a": prepared["a"]}).open()
    assert len(opened.table.findings) == len(MultiSource({"a": prepared["a"]}).open().table.findings)


def test_refused_images_are_left_out_and_images_with_a_remark_stay(tmp_path: Path) -> None:
    torn = ("p000000/e0/L/CC", "p000004/e0/R/MLO")
    remark = (Problem("side", "the tags disagree"),)
    implant = (Problem("implant", "expected none, found one"),)
    some = prepare(tmp_path / "some", torn=torn, remarks=remark)
    opened = MultiSource({"other": prepare(tmp_path / "other", seed=1), "some": some}).open()
    assert len(images(opened)["some"]) == 4 * 12 - 2
    said = opened.refusals.rows
    assert opened.refusals.images == 2 * 4 * 12
    assert said[said["refused"]]["image_id"].tolist() == [f"some/{path}" for path in torn]
    assert said[said["refused"]]["row"].tolist() == [4 * 12, 4 * 12 + 4 * 4 + 3]
    suspect = tmp_path / "suspect"
    how = Preparation(Imaging(), suspect, "keep", workers=1, publish=True)
    ExamSource(Annotated(12, size=(64, 32), remarks=implant), how).prepare(how)
    with pytest.raises(UserError, match="all 48 refused"):
        MultiSource({"suspect": suspect}).open()


def test_masks_are_not_looked_for(prepared: Mapping[str, Path]) -> None:
    assert MultiSource(prepared).masks is None


def test_the_fingerprint_is_that_of_the_data_wherever_they_lie(
    tmp_path: Path, prepared: Mapping[str, Path]
) -> None:
    moved = {name: shutil.copytree(folder, tmp_path / name) for name, folder in prepared.items()}
    here, there = module(MultiSource(prepared)), module(MultiSource(moved))
    less = module(MultiSource(prepared, {"b": 0}))
    assert here.fingerprint() == there.fingerprint() != less.fingerprint()


@pytest.mark.parametrize(
    ("stores", "weights", "words"),
    [
        ({}, {}, "expected data.stores="),
        (["x"], {}, r"prepared stores, found \['x'\]"),
        ({"x": None}, {}, "prepared stores, found {'x': None}"),
        ({"breast": "x"}, {}, "none of image, breast, exam, patient, youden, found 'breast'"),
        ({"a/b": "x"}, {}, "letters, digits, - and _, .* found 'a/b'"),
        ({"x": "x"}, {"y": 1}, "from 0 for x, found y: 1"),
        ({"x": "x"}, {"x": -1}, "found x: -1"),
        ({"x": "x"}, {"x": "much"}, "found x: much"),
        ({"x": "x"}, {"x": float("nan")}, "found x: nan"),
        ({"x": "x", "y": "y"}, {"x": 0, "y": 0}, "a weight above 0 to train on, found none"),
    ],
)
def test_what_cannot_be_pooled_is_named_at_once(stores: Any, weights: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        MultiSource(stores, weights)


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(
            UserError, match="prepared store, or one in it, found none; make it with bcdl pre"
        ):
            MultiSource({"x": folder}).open()


def test_of_several_stores_in_a_folder_one_must_be_named(tmp_path: Path) -> None:
    prepare(prepare(tmp_path / "two"), seed=1)
    first, second = sorted(path.name for path in (tmp_path / "two").iterdir())
    with pytest.raises(UserError, match=f"found {first}, {second}; name one of them"):
        MultiSource({"x": tmp_path / "two"}).open()
    assert len(MultiSource({"x": tmp_path / "two" / second}).open().store) == 48


def test_stores_of_different_size_are_refused(tmp_path: Path, prepared: Mapping[str, Path]) -> None:
    small = prepare(tmp_path / "small", size=(48, 32))
    with pytest.raises(
        UserError, match=r"one size, found \(64, 32, 1\) in .*a.* and \(48, 32, 1\) in .*small"
    ):
        MultiSource({"a": prepared["a"], "small": small}).open()


def only(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("images.parquet", "expected images.parquet in the store"),
        ("part-*.parquet", r"expected a record of each of 48 images, found 0"),
        ("part-*.npy", "damaged or missing file"),
    ],
)
def test_an_incomplete_store_is_refused(tmp_path: Path, pattern: str, words: str) -> None:
    store = only(prepare(tmp_path / "torn"))
    next(store.glob(pattern)).unlink()
    with pytest.raises(UserError, match=words):
        MultiSource({"x": store}).open()


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    store = only(prepare(tmp_path / "torn"))
    (store / "findings.parquet").write_bytes(b"no table")
    with pytest.raises(UserError, match=r"expected findings\.parquet in the store, found none that can"):
        MultiSource({"x": store}).open()


def test_more_than_two_classes_are_refused(tmp_path: Path) -> None:
    store = only(prepare(tmp_path / "three"))
    about = store / "store.json"
    about.write_text(about.read_text().replace('"malignant"', '"malignant", "cyst"', 1))
    with pytest.raises(UserError, match="x: expected two classes to pool, found benign_or_normal, malig"):
        MultiSource({"x": store}).open()


def test_a_data_set_to_be_tested_on_alone_needs_test_images(prepared: Mapping[str, Path]) -> None:
    source = MultiSource(prepared, {"b": 0}, Splitting(test_fraction=0))
    with pytest.raises(
        UserError, match=r"test images of b.*\(weight 0\), found none; set data\.test_fraction"
    ):
        source.open()


def test_folds_are_dealt_in_every_data_set_apart(prepared: Mapping[str, Path]) -> None:
    tested: dict[str, list[str]] = {name: [] for name in prepared}
    for fold in range(3):
        how = Splitting(folds=3, fold=fold)
        source = MultiSource(prepared, {}, how)
        assert source.fold == fold
        for name, rows in images(source.open()).items():
            alone = images(MultiSource({name: prepared[name]}, {}, how).open())[name]
            assert rows["split"].tolist() == alone["split"].tolist()
            tested[name] += rows.loc[rows["split"] == "test", "patient_id"].unique().tolist()
    assert {name: (len(each), len(set(each))) for name, each in tested.items()} == {
        "a": (16, 16),
        "b": (12, 12),
    }


def test_a_data_set_to_be_tested_on_alone_is_no_part_of_a_cross_validation(
    prepared: Mapping[str, Path],
) -> None:
    how = Splitting(folds=3, fold=0)
    opened = MultiSource(prepared, {"b": 0}, how).open()
    assert set(images(opened)) == {"a"}
    assert len(opened.store) == len(opened.table.images)


def pools(stores: Mapping[str, Path], *typed: str) -> tuple[str, ...]:
    listed = ",".join(f"{name}:{folder}" for name, folder in stores.items())
    return ("data=multi", f"data.stores={{{listed}}}", "data.test_fraction=0.4", *typed)


@pytest.fixture
def train_pooled(train: Verb, prepared: Mapping[str, Path]) -> Verb:
    return lambda *typed: train(*pools(prepared), *typed)


def auroc(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    pairs = scores[labels == 1][:, None] - scores[labels == 0]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_a_run_logs_the_metrics_of_each_data_set_apart(train_pooled: Verb) -> None:
    assert train_pooled("data.weights={b:0}", "encoder.widths=[4]") == 0
    run = bcdl.load_run()
    tested = run.predictions.query("split == 'test'")
    for name in ("a", "b"):
        rows = tested[tested["patient_id"].str.startswith(f"{name}/")]
        expected = auroc(rows["label"].to_numpy(int), rows["probability"].to_numpy(float))
        assert run.metrics[f"test/{name}/auroc"] == pytest.approx(expected)
    assert len(tested) == len(rows) + (tested["patient_id"].str[0] == "a").sum()
    assert "best/val/a/auroc" in run.metrics
    assert "best/val/b/auroc" not in run.metrics


@pytest.mark.parametrize(
    ("odd", "weight"),
    [({"label": 0, "split": "test"}, 0), ({"split": "train"}, 1)],
    ids=["one class", "none"],
)
def test_a_data_set_without_two_classes_to_test_breaks_no_run(
    odd: dict[str, Any], weight: int, tmp_path: Path, train: Verb, prepared: Mapping[str, Path]
) -> None:
    stores = {"a": prepared["a"], "odd": prepare(tmp_path / "odd", seed=4, **odd)}
    with warnings.catch_warnings():
        # the case under test: the metrics of a data set of one class are not defined
        warnings.filterwarnings("ignore", "class . does not occur")
        assert train(*pools(stores, f"data.weights={{odd:{weight}}}")) == 0
    metrics = bcdl.load_run().metrics
    assert 0 <= metrics["test/a/auroc"] <= 1
    assert not 0 <= metrics.get("test/odd/auroc", float("nan")) <= 1
    assert ("test/odd/accuracy" in metrics) == (weight == 0)


def test_a_run_on_several_data_sets_is_evaluated_again_and_goes_on(
    train_pooled: Verb, bcdl_in_process: Verb
) -> None:
    assert train_pooled("scheduler=none", "data.weights={b:2}") == 0
    whole = bcdl.load_run()
    assert train_pooled("scheduler=none", "data.weights={b:2}", "trainer.max_epochs=1") == 0
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=2") == 0
    resumed = bcdl.load_run()
    assert resumed.id != whole.id
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions, check_exact=True)
    before = resumed.metrics
    assert bcdl_in_process("evaluate", "run=latest") == 0
    after = bcdl.load_run().metrics
    names = [name for name in before if name.startswith(("test/", "best/"))]
    assert {"test/a/auroc", "test/b/auroc"} <= set(names)
    assert {name: after[name] for name in names} == pytest.approx(
        {name: before[name] for name in names}, abs=0, nan_ok=True
    )


def test_a_run_is_not_continued_on_another_store(
    train: Verb, bcdl_in_process: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path / "x", 16)
    assert train(*pools({"x": tmp_path / "x"})) == 0
    shutil.rmtree(tmp_path / "x")
    prepare(tmp_path / "x", 16, seed=7)
    assert bcdl_in_process("evaluate", "run=latest") == 2
    assert "fingerprint" in capsys.readouterr().err


def test_a_patient_is_drawn_with_and_without_the_data_set_s_name(
    bcdl_in_process: Verb, prepared: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for patient, count in (("b/p000003", 4), ("p000003", 8), ("p000014", 4)):
        assert bcdl_in_process("view", *pools(prepared, f"patient={patient}", "out=sheet.png")) == 0
        assert f"{count} samples of" in capsys.readouterr().out
    assert bcdl_in_process("view", *pools(prepared, "patient=p000099")) == 2
    assert "expected a patient of multi, found none" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["prepare", "audit"])
def test_verbs_of_one_data_set_say_so(
    verb: str, bcdl_in_process: Verb, prepared: Mapping[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process(verb, *pools(prepared)) == 2
    assert "expected one data set, found data=multi" in capsys.readouterr().err


def test_stores_must_be_given(bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert bcdl_in_process("train", "data=multi") == 2
    assert "data.stores" in capsys.readouterr().err


def test_an_image_that_one_data_set_trains_on_and_another_tests_is_refused(
    tmp_path: Path, prepared: Mapping[str, Path]
) -> None:
    copy = prepare(tmp_path / "copy", split="train")
    with pytest.raises(UserError, match=r"no other data set trains on, found .* shared by a, copy"):
        MultiSource({"a": prepared["a"], "copy": copy}).open()
    assert len(MultiSource({"a": prepared["a"]}).open().store)


def test_stores_prepared_in_another_way_are_refused(tmp_path: Path, prepared: Mapping[str, Path]) -> None:
    reader = Phantom(patients=12, size=(64, 32), seed=4)
    how = Preparation(Imaging(size=(64, 32)), tmp_path / "other", "skip", publish=True)
    prepare_images(reader, reader.read(), how)
    with pytest.raises(UserError, match=r"prepared alike, found imaging\.size=None of a and .* of other"):
        MultiSource({"a": prepared["a"], "other": tmp_path / "other"}).open()
