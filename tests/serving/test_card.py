"""The model card: what a reader finds in it, and what nobody must find."""

from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from bcdl.notebook import Run
from bcdl.serving.card import Origin, model_card, threshold_origin
from bcdl.serving.facts import Facts
from bcdl.stats import Calibrator

ORIGIN = Origin("cnn-one", "0" * 32, "0.1.0", "c0ffee" * 6, True, "f00d" * 16, "0.2.0")
SPLITS = pd.DataFrame({"split": ["train", "test"], "samples": [32, 10], "patients": [16, 5]})


def card(run: Run, calibrator: Calibrator | None = None) -> str:
    facts = Facts.of(run.data, run.config, run.metrics["threshold"], calibrator)
    return model_card(run.config, facts, ORIGIN, SPLITS, run.metrics)


def test_a_card_says_on_what_how_well_and_for_what(breasts: Run) -> None:
    text = card(breasts)
    assert text.startswith(
        "# CNNRNN on phantom\n\nFrom the images of a breast, the probability of **malignant**"
    )
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        *("## Results", "## Training data", "## Model", "## Images", "## Use and limits", "## Origin"),
    ]
    assert "| train | 32 | 16 |" in text
    metrics = breasts.metrics
    assert f"| auroc | {metrics['best/val/auroc']:.3f} | {metrics['test/auroc']:.3f} |" in text
    assert "commit `c0ffeec0ffee` with uncommitted changes" in text
    assert ORIGIN.fingerprint in text
    assert "Not a medical device" in text


def test_results_stand_beside_their_intervals_where_a_run_has_any(breasts: Run) -> None:
    facts = Facts.of(breasts.data, breasts.config, 0.5)
    metrics = {"best/val/auroc": 0.9, "test/auroc": 0.8, "test/patient/auroc": 0.85}
    plain = model_card(breasts.config, facts, ORIGIN, SPLITS, metrics)
    assert "| auroc | 0.900 | 0.800 | 0.850 |" in plain
    assert "bootstrap" not in plain
    ends = {"test/auroc_ci_low": 0.7, "test/auroc_ci_high": 0.88}
    told = model_card(breasts.config, facts, ORIGIN, SPLITS, {**metrics, **ends})
    assert "| auroc | 0.900 | 0.800 (0.700 to 0.880) | 0.850 |" in told
    assert "95 % intervals by a bootstrap over patients" in told


def test_a_card_says_whether_the_probability_is_calibrated(breasts: Run) -> None:
    assert "The probability is the model's own: it is not calibrated." in card(breasts)
    calibrated = card(breasts, Calibrator("temperature", (1.5,)))
    assert (
        "The probability is calibrated: temperature scaling of the logits, fitted on the run's" in calibrated
    )
    assert "not calibrated" not in calibrated


def test_a_card_names_no_file_and_no_patient(breasts: Run, trained_root: Path) -> None:
    text = card(breasts)
    private = [str(trained_root), str(Path.home()), *breasts.data.samples["patient_id"].unique()]
    assert [name for name in private if name in text] == []


@pytest.mark.parametrize(
    ("setting", "threshold", "words"),
    [
        (0.5, 0.5, "set by evaluate.threshold, not fitted"),
        (0.5, 0.31, "Youden's index on the validation samples"),
        ("youden", 0.31, "Youden's index on the validation samples"),
        ("youden", 0.5, "the default, for validation holds one class only"),
        (0.5, 0.2, "set by evaluate.threshold when the run was evaluated again"),
    ],
)
def test_a_threshold_s_origin_is_told(setting: str | float, threshold: float, words: str) -> None:
    cfg = OmegaConf.create({"evaluate": {"threshold": setting}})
    assert threshold_origin(cfg, threshold, {"youden/threshold": 0.31}) == words
