"""A saved model: what it says of a run's own images is what the run said, and what it says of bad ones."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.data.readers import Phantom
from bcdl.errors import UserError
from bcdl.notebook import Run
from bcdl.serving.scorer import Scorer
from tests.data.readers.dicom_files import write_dicom
from tests.serving.conftest import png, request_of

Save = Callable[[Run], Scorer]
Verb = Callable[..., int]


def assert_as_the_run_said(answer: pd.DataFrame, run: Run) -> None:
    known = run.predictions.set_index("sample_id")
    assert set(answer["sample"]) == set(known.index)
    assert answer["error"].isna().all()
    columns = [name for name in known if name.startswith("probability")]
    expected = known.loc[answer["sample"], columns].to_numpy()
    np.testing.assert_allclose(answer.filter(like="probability"), expected, atol=1e-6, rtol=0)


def test_it_says_of_the_runs_images_what_the_run_said(scorer: Scorer, breasts: Run) -> None:
    answer = scorer.predict(request_of(breasts))
    assert_as_the_run_said(answer, breasts)
    assert (answer["images"] == 2).all()
    classes = np.array(breasts.data.classes)
    positive = answer["probability"] >= breasts.metrics["threshold"]
    assert answer["decision"].tolist() == classes[positive.astype(int)].tolist()


def test_neither_order_nor_company_nor_base64_changes_an_answer(scorer: Scorer, breasts: Run) -> None:
    request = request_of(breasts)
    first = request.iloc[:2]
    alone = scorer.predict(first.assign(image=[base64.b64encode(cell).decode() for cell in first["image"]]))
    among = scorer.predict(request.iloc[::-1]).set_index("sample")
    assert alone["sample"].tolist() == [f"{first['patient_id'][0]}/{first['exam_id'][0]}/L"]
    assert alone["probability"][0] == pytest.approx(among["probability"][alone["sample"][0]], abs=1e-6)


def test_a_sample_can_be_named_instead_of_its_patient_and_exam(scorer: Scorer, breasts: Run) -> None:
    request = request_of(breasts).iloc[:4]
    named = request[["image", "laterality", "view"]].assign(sample=["left", "left", "right", "right"])
    answer = scorer.predict(named)
    assert answer["sample"].tolist() == ["left", "right"]
    expected = scorer.predict(request)["probability"]
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-6)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"image": b"no image at all"}, "expected a PNG, JPEG, TIFF, PGM, NPY or DICOM file, found 15 bytes"),
    ({"image": b""}, "found 0 bytes"),
    ({"image": None}, "expected bytes or base64 text, found nothing"),
    ({"image": "not base64!"}, "expected base64"),
    ({"image": png(np.full((64, 32), 7, np.uint8))}, "found one value in all pixels"),
    ({"image": png(np.eye(16, dtype=np.uint8))}, "expected an image of 64 x 32 pixels, as in training"),
    ({"image": png(np.eye(64, 32, dtype=np.uint16))}, "expected pixels of uint8, as in training"),
    ({"image": png(np.eye(64, 32, dtype=np.uint8))[:60]}, "truncated"),
    ({"laterality": "links"}, "laterality: expected one of L, R, NA, found 'LINKS'"),
    ({"view": "CLEOPATRA"}, "view: expected one of CC, MLO"),
    ({"exam_date": "yesterday"}, "exam_date: expected a date such as 2024-05-31, found a text that is none"),
]


@pytest.mark.parametrize(("cells", "reason"), BAD)
def test_a_bad_image_costs_its_own_sample_alone(
    cells: dict[str, Any], reason: str, scorer: Scorer, breasts: Run
) -> None:
    request = request_of(breasts).iloc[:4].astype(object)
    for name, value in cells.items():
        request.at[1, name] = value
    answer = scorer.predict(request)
    told = answer["error"].dropna()
    assert len(told) == 1
    assert told.iloc[0].startswith("row 1: ")
    assert reason in told.iloc[0]
    assert answer.loc[told.index, "probability"].isna().all()
    assert answer.loc[told.index, "decision"].isna().all()
    right = answer[answer["sample"].str.endswith("/R")]
    assert right["probability"].notna().all()
    assert len(right) == 1


def test_a_refused_image_is_left_out_where_the_training_left_such_out(scorer: Scorer, breasts: Run) -> None:
    lenient = Scorer(scorer.model, scorer._preprocess, replace(scorer.facts, on_bad_image="skip"))
    request = request_of(breasts).iloc[:2].astype(object)
    request.at[1, "image"] = b"broken"
    answer = lenient.predict(request)
    expected = lenient.predict(request.iloc[:1])
    assert answer["images"].tolist() == [1]
    assert answer["probability"].tolist() == expected["probability"].tolist()
    assert "row 1: " in answer["error"][0]


def test_two_patients_that_would_have_one_name_get_no_probability(scorer: Scorer, breasts: Run) -> None:
    request = (
        request_of(breasts)
        .iloc[:3]
        .assign(patient_id=["a/b", "a", "a"], exam_id=["c", "b/c", "d"], laterality="L")
    )
    answer = scorer.predict(request)
    assert answer["sample"].tolist() == ["a/b/c/L", "a/b/c/L", "a/d/L"]
    assert answer["probability"].isna().tolist() == [True, True, False]
    assert answer["error"].str.contains("another patient").tolist()[:2] == [True, True]


def test_two_patients_are_never_one_sample(scorer: Scorer, breasts: Run) -> None:
    request = request_of(breasts).iloc[:3].assign(patient_id=["1", None, "2"], exam_id=None, laterality="L")
    answer = scorer.predict(request)
    assert answer["sample"].tolist() == ["1/1/L", "row 1/1/L", "2/1/L"]
    assert answer["images"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"img": [b""]}), "expected a column image.*found img"),
        (pd.DataFrame({"image": [b""], "lateralty": ["L"]}), "unknown column 'lateralty'. Did you mean 'lat"),
        (pd.DataFrame({"image": []}), "expected one image or more, found none"),
    ],
)
def test_a_request_of_another_form_is_explained(frame: pd.DataFrame, message: str, scorer: Scorer) -> None:
    with pytest.raises(UserError, match=message):
        scorer.predict(frame)


def test_the_saved_files_name_no_place_and_no_patient(
    saved: Save, breasts: Run, tmp_path: Path, trained_root: Path
) -> None:
    saved(breasts)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name for file in files} == {"weights.ckpt", "config.yaml", "facts.json"}
    private = [str(trained_root), str(Path.home()), *breasts.data.samples["patient_id"].unique()]
    for file in files:
        assert [name for name in private if name.encode() in file.read_bytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed",
    [
        ("data.unit=patient", "model=cnn_rnn", "data.reader.exams_per_patient=2", "data.newest_exams=2"),
        ("data.unit=exam", "preprocess=landmarks", "imaging=mammogram", "imaging.size=[48,32]"),
        ("data.unit=image", "preprocess=histogram_match", "model=autoencoder", "imaging.channels=3"),
        ("model=transfer", "model.mode=separate_classifier", "encoder=small_cnn", "preprocess=clahe"),
        ("model=radiomics", "data.unit=breast", "evaluate.threshold=youden"),
        ("loss.class_weights=balanced", "callbacks=no_ema"),
    ],
)
def test_whatever_is_fitted_on_training_images_travels_with_the_model(
    typed: tuple[str, ...], train: Verb, saved: Save
) -> None:
    assert train(*typed) == 0
    run = bcdl.load_run()
    scorer = saved(run)
    assert scorer.facts.threshold == run.metrics["threshold"]
    assert_as_the_run_said(scorer.predict(request_of(run)), run)


def _phantom_files(folder: Path, patients: int) -> pd.DataFrame:
    """Write a phantom as 16-bit DICOM of MONOCHROME1 (left) and 8-bit PNG (right); return its manifest."""
    reader = Phantom(patients=patients, size=(64, 32))
    images = reader.read().images
    names = []
    for path, side in zip(images["path"], images["laterality"], strict=True):
        pixels, name = reader.load(path).pixels, path.replace("/", "_")
        if side == "L":
            inverted = (65535 - pixels.astype(np.uint16) * 257).astype(np.uint16)
            tags = {"PhotometricInterpretation": "MONOCHROME1", "ImageLaterality": side}
            names.append(write_dicom(folder / f"{name}.dcm", inverted, **tags).name)
        else:
            (folder / f"{name}.png").write_bytes(png(pixels))
            names.append(f"{name}.png")
    columns = ["patient_id", "exam_id", "laterality", "view", "label"]
    return images[columns].assign(path=names, image_id=[str(row) for row in range(len(names))])


@pytest.mark.slow
@pytest.mark.parametrize("given", [True, False], ids=["sides given", "sides from the header"])
def test_dicom_and_png_files_are_decoded_as_in_training(
    given: bool, train: Verb, saved: Save, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    manifest = _phantom_files(folder, 24)
    manifest.to_csv(folder / "manifest.csv", index=False)
    place = (f"data.path={folder / 'manifest.csv'}", "data.pseudonyms=false")
    typed = ("data.unit=image", "imaging.size=[64,32]", "imaging.crop=breast", "data.on_bad_image=keep")
    assert train("data=manifest", *place, *typed) == 0
    run = bcdl.load_run()
    kept = run.predictions["sample_id"]
    rows = manifest.set_index("image_id", drop=False).loc[kept].reset_index(drop=True)
    request = rows[["view"]].astype(object).assign(sample=rows["image_id"])
    request["laterality"] = (
        rows["laterality"] if given else rows["laterality"].where(rows["laterality"] == "R")
    )
    request["image"] = [(folder / name).read_bytes() for name in rows["path"]]
    scorer = saved(run)
    assert scorer.facts.dtype == "uint16"
    assert_as_the_run_said(scorer.predict(request), run)


@pytest.mark.slow
def test_of_three_classes_each_has_a_probability_and_the_likeliest_is_decided(
    train: Verb, saved: Save, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    for row, label in enumerate(labels):
        pixels = rng.integers(60 * label, 60 * label + 60, (32, 32)).astype(np.uint8)
        (tmp_path / f"{row}.png").write_bytes(png(pixels))
    manifest = pd.DataFrame({"patient_id": range(30), "path": [f"{row}.png" for row in range(30)]})
    manifest.assign(label=labels).to_csv(tmp_path / "manifest.csv", index=False)
    classes = ("data.classes=[normal,benign,malignant]", "data.pseudonyms=false")
    assert train("data=manifest", f"data.path={tmp_path / 'manifest.csv'}", *classes) == 0
    run = bcdl.load_run()
    answer = saved(run).predict(request_of(run)[["image", "sample"]])
    assert_as_the_run_said(answer, run)
    shares = answer[["probability_normal", "probability_benign", "probability_malignant"]]
    assert answer["decision"].tolist() == shares.idxmax(axis=1).str.removeprefix("probability_").tolist()


@pytest.mark.slow
def test_pooled_data_sets_are_prepared_as_their_stores_were(
    train: Verb, bcdl_in_process: Verb, saved: Save, tmp_path: Path
) -> None:
    sets = {"near": 0, "far": 1}
    for name, seed in sets.items():
        reader = ("data.reader.patients=20", "data.reader.size=[64,32]", f"data.reader.seed={seed}")
        store = f"data.store={tmp_path / name}"
        assert bcdl_in_process("prepare", "data=phantom", *reader, store, "imaging.size=[40,20]") == 0
    stores = ",".join(f"{name}:{tmp_path / name}" for name in sets)
    assert train("data=multi", f"data.stores={{{stores}}}") == 0
    run = bcdl.load_run()
    images = run.data.table.images.query("split == 'test'")
    readers = {name: Phantom(20, size=(64, 32), seed=seed) for name, seed in sets.items()}
    paths = images["image_id"].str.split("/", n=1, expand=True)
    cells = [png(readers[name].load(path).pixels) for name, path in paths.itertuples(index=False)]
    request = images[["laterality", "view"]].astype(object).assign(image=cells, sample=images["image_id"])
    answer = saved(run).predict(request)
    known = run.predictions.set_index("sample_id")["probability"][answer["sample"]]
    np.testing.assert_allclose(answer["probability"], known, atol=1e-6)


@pytest.mark.slow
def test_real_breastmnist_as_png_gives_the_runs_predictions(
    train: Verb, saved: Save, test_data: Path
) -> None:
    assert train("data=breastmnist", f"data.root={test_data / 'breastmnist'}", "trainer.max_epochs=1") == 0
    run = bcdl.load_run()
    assert_as_the_run_said(saved(run).predict(request_of(run)[["image", "sample"]]), run)
