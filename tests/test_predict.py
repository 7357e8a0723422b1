"""`bcdl predict`: new images as a user types for it, held against what `bcdl evaluate` said of the same."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import bcdl
from bcdl.cli import main
from bcdl.errors import UserError
from bcdl.notebook import Run
from bcdl.prediction.reference import FILE, read_reference
from bcdl.prediction.rules import rules_of
from bcdl.serving.bundle import load_bundle, write_bundle
from bcdl.serving.facts import Facts
from bcdl.tracking import TrackingStore
from tests.conftest import TINY_NETWORK, TINY_PHANTOM, TINY_RUN
from tests.data.readers.dicom_files import write_dicom
from tests.serving.conftest import request_of

IDS = ["patient_id", "exam_id", "image_id", "laterality", "view"]
SETTINGS = {
    "exam": ("evaluate.calibration=platt", "evaluate.threshold=youden", "evaluate.aggregate=max"),
    "image": ("evaluate.calibration=isotonic", "evaluate.aggregate=learnt", "evaluate.threshold=youden"),
}
READ: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": pd.read_csv,
    "parquet": pd.read_parquet,
    "json": pd.read_json,
}
Verb = Callable[..., int]


@dataclass(frozen=True)
class Trained:
    """A calibrated run, and its validation and test images as files with a manifest."""

    run: Run
    root: Path
    images: pd.DataFrame
    pixels: list[NDArray[np.uint8]]
    folder: Path

    def predict(self, *typed: str, given: Path | None = None) -> int:
        source = self.folder / "manifest.csv" if given is None else given
        return main(["predict", "run=latest", f"tracking.root={self.root}", f"input={source}", *typed])

    def expected(self, split: str = "") -> pd.DataFrame:
        table = self.run.predictions.set_index("sample_id")
        return table[table["split"] == split] if split else table


@pytest.fixture(scope="module")
def trained_on(
    tmp_path_factory: pytest.TempPathFactory, database_template: Path
) -> Iterator[Callable[[str], Trained]]:
    """Train a run on a unit, once each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(sys, "path", list(sys.path))

        @cache
        def trained(unit: str) -> Trained:
            root = tmp_path_factory.mktemp(f"predict-{unit}")
            shutil.copy(database_template, root / "mlflow.db")
            patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
            places = (f"tracking.root={root}", f"data.store={root / 'stores'}")
            typed = (f"data.unit={unit}", *SETTINGS[unit], *TINY_PHANTOM, *TINY_NETWORK, *TINY_RUN, *places)
            assert main(["train", *typed]) == 0
            run = bcdl.load_run("latest", root)
            return Trained(run, root, *_written(run, root / "files"))

        yield trained


@pytest.fixture(params=["exam", "image"])
def trained_by_unit(request: pytest.FixtureRequest, trained_on: Callable[[str], Trained]) -> Trained:
    return trained_on(str(request.param))


@pytest.fixture
def exams(trained_on: Callable[[str], Trained]) -> Trained:
    return trained_on("exam")


def _written(run: Run, folder: Path) -> tuple[pd.DataFrame, list[NDArray[np.uint8]], Path]:
    images = run.data.table.images.query("split != 'train'").reset_index(drop=True)
    reader = run.data.source.masks
    assert reader is not None
    pixels = [np.asarray(reader.load(path).pixels, np.uint8) for path in images["path"]]
    folder.mkdir()
    names = [f"{number}.png" for number in range(len(images))]
    for name, picture in zip(names, pixels, strict=True):
        cv2.imwrite(str(folder / name), picture)
    images[IDS].assign(path=names).to_csv(folder / "manifest.csv", index=False)
    return images, pixels, folder


def dicom_folder(trained: Trained, folder: Path, split: str = "test") -> Path:
    """Write the images of a split as DICOM files, with a name in each header."""
    chosen = trained.images["split"] == split
    for number in np.flatnonzero(chosen).tolist():
        row = trained.images.iloc[number]
        write_dicom(
            folder / row["patient_id"] / f"{row['laterality']}{row['view']}",
            trained.pixels[number],
            PatientID=row["patient_id"],
            PatientName="Planted^Name",
            StudyInstanceUID=f"1.2.{number // 4}",
            StudyDate="20200131",
            ImageLaterality=row["laterality"],
            ViewPosition=row["view"],
        )
    return folder


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_what_evaluate_said_of_the_same_images_is_predicted(
    form: str, trained_by_unit: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert trained_by_unit.predict(f"out={out}", f"format={form}", "data.pseudonyms=false") == 0
    samples = READ[form](out / f"samples.{form}").set_index("sample_id")
    expected = trained_by_unit.expected().loc[samples.index]
    assert len(samples) == len(trained_by_unit.expected())
    np.testing.assert_allclose(samples["probability"], expected["probability"], atol=1e-6, rtol=0)
    threshold = trained_by_unit.run.metrics["threshold"]
    assert samples["threshold"].unique() == pytest.approx([threshold])
    classes = np.array(trained_by_unit.run.data.classes)
    decided = classes[(expected["probability"] >= threshold).astype(int)]
    assert samples["decision"].tolist() == decided.tolist()


def test_patients_are_joined_and_decided_as_evaluate_does(trained_by_unit: Trained, tmp_path: Path) -> None:
    from bcdl.evaluation import aggregate, fitted_rule

    run, out = trained_by_unit.run, tmp_path / "out"
    assert trained_by_unit.predict(f"out={out}", "data.pseudonyms=false") == 0
    patients = pd.read_csv(out / "patients.csv").set_index("patient_id")
    rule = run.config.evaluate.aggregate
    fitted = fitted_rule(rule, run.predictions.query("split == 'val'"), "patient")
    expected = aggregate(run.predictions, "patient", fitted).set_index("patient_id")
    np.testing.assert_allclose(
        patients["probability"], expected.loc[patients.index, "probability"], atol=1e-6, rtol=0
    )
    if "patient/threshold" in run.metrics:
        assert patients["threshold"].unique() == pytest.approx([run.metrics["patient/threshold"]])


def test_the_saved_model_is_calibrated_as_the_run_is(trained_by_unit: Trained, tmp_path: Path) -> None:
    run = trained_by_unit.run
    facts = Facts.of(run.data, run.config, run.metrics["threshold"], run.calibrator)
    write_bundle(tmp_path, run.config, run.data, run.model, facts)
    answer = load_bundle(tmp_path).predict(request_of(run))
    expected = trained_by_unit.expected().loc[answer["sample"], "probability"]
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-6, rtol=0)
    assert run.calibrator.method in ("platt", "isotonic")


def test_the_summary_says_what_was_applied(exams: Trained, tmp_path: Path, capsys: Any) -> None:
    assert exams.predict(f"out={tmp_path / 'out'}") == 0
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert facts["complete"] is True
    assert facts["run"]["id"] == exams.run.id
    assert facts["run"]["data_fingerprint"] == exams.run.data.fingerprint()
    assert facts["calibration"]["method"] == "platt"
    assert facts["decision"]["threshold"] == exams.run.metrics["threshold"]
    assert facts["far_from_training"]["test_samples"] == len(exams.expected("test"))
    assert 0 <= facts["far_from_training"]["test_rate"] <= 1
    assert facts["counts"]["samples"] == facts["counts"]["with_probability"] == len(exams.expected())
    shown = capsys.readouterr().out
    assert "calibration platt" in shown
    assert "evaluate.threshold=youden" in shown


def test_dicom_files_are_predicted_alike_under_pseudonyms_and_without_a_trace_elsewhere(
    exams: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given, out = dicom_folder(exams, tmp_path / "given"), tmp_path / "out"
    (given / "notes.txt").write_text("a note")
    before = {path for path in exams.root.rglob("*") if path.is_file() and path.name != FILE}
    assert exams.predict(f"out={out}", given=given) == 0
    samples = pd.read_csv(out / "samples.csv")
    links = pd.read_csv(out / "links" / "predictions.csv").drop_duplicates("patient_id")
    whose = links.set_index("patient_id_pseudonym")["patient_id"]
    found = samples.set_index(samples["patient_id"].map(whose))["probability"]
    expected = exams.expected("test").set_index("patient_id")["probability"]
    np.testing.assert_allclose(found, expected[found.index], atol=1e-6, rtol=0)
    assert json.loads((out / "summary.json").read_text())["left_out"] == {"files that are no images": 1}
    private = [b"Planted", b"1.2.826", *(str(name).encode() for name in whose)]
    for file in out.glob("*.*"):
        assert [word for word in private if word in file.read_bytes()] == []
    assert (out / "links" / "predictions.csv").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "config").rglob("*") if path.is_file()] == ["pseudonym.key"]
    assert not (tmp_path / "cache").exists()
    assert {path for path in exams.root.rglob("*") if path.is_file() and path.name != FILE} == before


def test_image_files_in_a_folder_a_patient_are_exams(exams: Trained, tmp_path: Path) -> None:
    for number in np.flatnonzero(exams.images["split"] == "test").tolist():
        row = exams.images.iloc[number]
        file = tmp_path / "given" / row["patient_id"] / f"{row['laterality']}_{row['view']}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), exams.pixels[number])
    out = tmp_path / "given" / "out"  # an earlier result below the input is no input
    for _ in range(2):
        typed = (f"out={out}", "data.pseudonyms=false", "overlay=occlusion", "overwrite=true")
        assert exams.predict(*typed, given=tmp_path / "given") == 0
    samples = pd.read_csv(out / "samples.csv")
    expected = exams.expected("test").set_index("patient_id")["probability"]
    found = samples.set_index("patient_id")["probability"]
    np.testing.assert_allclose(found, expected[found.index], atol=1e-6, rtol=0)
    assert (samples["views"] == "L-CC L-MLO R-CC R-MLO").all()
    for name in samples["overlay"]:
        picture = cv2.imread(str(out / name))
        assert picture is not None
        assert picture.std() > 10


def test_bad_images_cost_themselves_alone(exams: Trained, tmp_path: Path) -> None:
    given = dicom_folder(exams, tmp_path / "given")
    first, second, third = sorted(path for path in given.iterdir())[:3]
    (first / "LCC").write_bytes((first / "LCC").read_bytes()[:-200])
    for name in ("LCC", "LMLO", "RMLO"):
        (second / name).unlink()
    import pydicom

    for file in third.iterdir():
        read = pydicom.dcmread(file)
        del read.PixelData
        read.save_as(file)
    out = tmp_path / "out"
    assert exams.predict(f"out={out}", "data.pseudonyms=false", given=given) == 0
    samples = pd.read_csv(out / "samples.csv").set_index("patient_id")
    assert samples["images"][[first.name, second.name, third.name]].tolist() == [3, 1, 0]
    assert samples["quality"][[first.name, second.name, third.name]].tolist() == ["fail", "pass", "fail"]
    assert samples["problems"][first.name].startswith("L-CC: ")
    assert samples["views"][second.name] == "R-CC"
    assert samples["probability"].isna().sum() == 1
    assert samples["error"][third.name] == "none of its images can be used"
    whole = samples.drop([first.name, second.name, third.name])
    expected = exams.expected("test").set_index("patient_id")["probability"][whole.index]
    np.testing.assert_allclose(whole["probability"], expected, atol=1e-6, rtol=0)


def test_what_was_predicted_before_a_refused_image_is_written(
    exams: Trained, tmp_path: Path, capsys: Any
) -> None:
    folder = tmp_path / "files"
    shutil.copytree(exams.folder, folder)
    number = len(exams.images) - 1
    (folder / f"{number}.png").write_text("no image")
    typed = (f"out={tmp_path / 'out'}", "data.on_bad_image=error", "data.batch_size=2")
    assert exams.predict(*typed, given=folder / "manifest.csv") == 2
    assert "cannot decode" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "out" / "samples.csv")) == len(exams.expected())
    (folder / "0.png").write_text("no image")
    assert exams.predict(*typed, "overwrite=true", given=folder / "manifest.csv") == 2
    assert len(pd.read_csv(tmp_path / "out" / "samples.csv")) == 2
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["complete"] is False


def test_a_manifest_whose_files_are_all_missing_is_refused_with_a_table_of_them(
    exams: Trained, tmp_path: Path, capsys: Any
) -> None:
    shutil.copy(exams.folder / "manifest.csv", tmp_path)
    assert exams.predict(f"out={tmp_path / 'out'}", given=tmp_path / "manifest.csv") == 2
    assert "that can be used; the first" in capsys.readouterr().err
    samples = pd.read_csv(tmp_path / "out" / "samples.csv")
    assert samples["problems"].str.contains("no such file").all()


def test_other_images_are_far_and_the_reference_names_nobody(exams: Trained, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(6):
        for name in ("L_CC", "L_MLO", "R_CC", "R_MLO"):
            file = tmp_path / "noise" / str(number) / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), generator.integers(0, 256, (64, 32), np.uint8))
    assert exams.predict(f"out={tmp_path / 'noise-out'}", given=tmp_path / "noise") == 0
    assert exams.predict(f"out={tmp_path / 'out'}") == 0
    noise, own = (pd.read_csv(tmp_path / name / "samples.csv") for name in ("noise-out", "out"))
    assert noise["far_from_training"].all()
    assert noise["distance"].min() > own["distance"].max()
    file = exams.run.store.download(exams.run.id, FILE)
    with np.load(file) as arrays:
        assert {array.dtype.kind for name, array in arrays.items() if name != "weights"} <= {"f", "i"}
    content = file.read_bytes()
    assert [name for name in exams.images["patient_id"].unique() if name.encode() in content] == []
    assert read_reference(file, "of other weights") is None


def test_training_data_are_not_needed_once_the_reference_is_kept(
    exams: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert exams.predict(f"out={tmp_path / 'first'}") == 0

    def gone(*_: object) -> None:
        raise UserError("expected the data set's folder, found none")

    monkeypatch.setattr("bcdl.notebook.restore", gone)
    assert exams.predict(f"out={tmp_path / 'second'}") == 0
    first, second = (pd.read_csv(tmp_path / name / "samples.csv") for name in ("first", "second"))
    pd.testing.assert_frame_equal(first, second)
    exams.run.store.download(exams.run.id, FILE).unlink()
    assert exams.predict(f"out={tmp_path / 'third'}") == 0
    third = pd.read_csv(tmp_path / "third" / "samples.csv")
    assert third["far_from_training"].isna().all()
    assert third["probability"].tolist() == first["probability"].tolist()
    assert "its data cannot be read (expected the data set's folder, found none)" in capsys.readouterr().out


def test_an_operating_point_is_fitted_on_validation(exams: Trained, tmp_path: Path) -> None:
    assert exams.predict(f"out={tmp_path / 'out'}", "operating_point=sensitivity=0.9") == 0
    samples = pd.read_csv(tmp_path / "out" / "samples.csv")
    validation = exams.expected("val")
    positive = validation["probability"][validation["label"] == 1]
    assert (positive >= samples["threshold"][0]).mean() >= 0.9


def test_an_operating_point_that_validation_does_not_define_is_refused(exams: Trained) -> None:
    run = Run(exams.run.id, exams.run.config, exams.run.store)
    table = exams.run.predictions
    vars(run)["predictions"] = table[(table["split"] != "val") | (table["label"] == 0)]
    vars(run)["calibrator"] = exams.run.calibrator
    with pytest.raises(UserError, match=r"operating_point=sensitivity=0.9 needs positive and negative"):
        rules_of(run, "exam", 2, "sensitivity=0.9")
    with pytest.raises(UserError, match="is for two classes, and there are 3"):
        rules_of(exams.run, "exam", 3, 0.4)


def test_evaluating_a_run_again_changes_what_is_predicted(exams: Trained, tmp_path: Path) -> None:
    again = ("evaluate.calibration=temperature", "evaluate.threshold=0.25")
    assert main(["evaluate", "run=latest", f"tracking.root={exams.root}", *again]) == 0
    try:
        assert exams.predict(f"out={tmp_path / 'out'}", "data.pseudonyms=false") == 0
        samples = pd.read_csv(tmp_path / "out" / "samples.csv").set_index("sample_id")
        told = Run(exams.run.id, exams.run.config, exams.run.store)
        expected = told.predictions.set_index("sample_id")["probability"]
        np.testing.assert_allclose(samples["probability"], expected[samples.index], atol=1e-6, rtol=0)
        assert samples["threshold"].unique().tolist() == [0.25]
        assert told.calibrator.method == "temperature"
        assert (expected - exams.expected()["probability"]).abs().max() > 1e-3
    finally:
        assert main(["evaluate", "run=latest", f"tracking.root={exams.root}"]) == 0


REFUSED = [
    (("out=files",), "expected a folder without predictions"),
    (("false_alarms=2",), "expected false_alarms to be a share between 0 and 1"),
    (("workers=0",), "expected workers of 1 or more"),
    (("overlay=grad_camm",), "Did you mean 'grad_cam'"),
    (("data.on_bad_image=keeep",), "Did you mean 'keep'"),
    (("operating_point=yuden",), "Did you mean 'youden'"),
    (("input=nowhere",), "expected input to be a folder"),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_a_mistake_is_explained_before_anything_is_computed(
    typed: tuple[str, ...],
    message: str,
    exams: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "samples.csv").touch()
    assert exams.predict("out=new", *typed) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new" / "samples.csv").exists()


def test_a_run_without_a_checkpoint_is_refused(
    train: Verb, bcdl_in_process: Verb, tmp_path: Path, capsys: Any
) -> None:
    assert train("keep=none") == 0
    assert bcdl_in_process("predict", "run=latest", f"input={tmp_path}", "out=out") == 2
    assert "has no checkpoint" in capsys.readouterr().err
    assert TrackingStore.open().runs()["status"].tolist() == ["FINISHED"]


@pytest.mark.slow
def test_several_processes_predict_what_one_does(exams: Trained, tmp_path: Path) -> None:
    for workers in (1, 2):
        typed = (f"out={tmp_path / str(workers)}", f"workers={workers}", "data.batch_size=2")
        assert exams.predict(*typed) == 0
    one, two = (pd.read_csv(tmp_path / name / "samples.csv") for name in ("1", "2"))
    pd.testing.assert_frame_equal(one, two)
