"""What was trained on what, as a run says it."""

from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

import bcdl
from bcdl.serving.facts import Facts
from bcdl.trained import Training, split_counts


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        ({"weights": None}, "random"),
        ({"weights": None, "pretrained": True}, "pre-trained, of the encoder's package"),
        ({"weights": "run:" + "3f2a" * 8}, "the encoder of run 3f2a3f2a"),
        ({"weights": "/home/me/weights.pt"}, "pre-trained, from a file"),
        ({"weights": "DEFAULT"}, "pre-trained: DEFAULT"),
    ],
)
def test_initial_weights_are_told_without_a_file_s_name(
    encoder: dict[str, object], told: str, trained: Path
) -> None:
    run = bcdl.load_run("latest", trained)
    cfg = OmegaConf.merge(run.config, {"encoder": encoder})
    section = Training.recorded(run.store, run.id).sections(cfg, None, figures=False)[0]  # type: ignore[arg-type]
    assert section.facts["initial weights"] == told


def test_a_recorded_run_tells_its_training_with_or_without_its_data(trained: Path) -> None:
    run = bcdl.load_run("latest", trained)
    training = Training.recorded(run.store, run.id)
    with_data, curves = training.sections(run.config, Facts.of(run.data, run.config, 0.5), figures=True)
    without = training.sections(run.config, None, figures=False)
    assert len(without) == 1
    assert with_data.early
    assert curves.pictures["figures/learning_curves.png"].startswith(b"\x89PNG")
    shared = set(with_data.facts) & set(without[0].facts)
    assert set(without[0].facts) == shared
    assert {
        "model",
        "encoder",
        "parameters",
        "epochs",
        "optimizer",
        "loss",
        "trained by",
        "normalisation",
    } <= shared
    assert with_data.facts["prepared image"].startswith("64 x 32 pixels")
    assert with_data.facts["training data"].startswith("phantom, fingerprint ")
    assert "torch" in with_data.facts["trained by"]
    assert str(trained) not in " ".join(with_data.facts.values())
    assert not any(name.startswith(("test/", "best/val/")) for name in training.metrics)


def test_splits_are_counted_by_patient_and_class_in_the_order_of_labels(trained: Path) -> None:
    run = bcdl.load_run("latest", trained)
    counts = split_counts(run.data)
    assert list(counts) == ["split", "samples", "patients", *run.data.classes]
    assert counts["split"].tolist() == ["train", "val", "test"]
    known = run.data.samples.dropna(subset="label")
    for row in counts.to_dict("records"):
        split = known[known["split"] == row["split"]]
        assert row["samples"] == len(split)
        assert row["patients"] == split["patient_id"].nunique()
        assert row[run.data.classes[1]] == (split["label"] == 1).sum()
    recorded = Training.recorded(run.store, run.id).splits
    assert recorded is not None
    pd.testing.assert_frame_equal(recorded, counts, check_dtype=False)
