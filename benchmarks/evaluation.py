"""Seconds of judging predictions and of drawing maps: `python benchmarks/evaluation.py`.

Targets on two cores: 10 s for 2,000 bootstrap draws over patients of every statistic of 20,000 samples; 1 s
for DeLong's interval of 100,000 samples; 30 s for the whole report of 5,000 samples, with figures and
subgroups. Samples come in fours, a patient each. 20 s for the Grad-CAM sheet of 16 exams of four views of
512 x 256 pixels by a ResNet-18, as a PNG file.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch
from commands import load
from targets import Figure, show

from bcdl.data import Batch
from bcdl.evaluation.assessment import Settings, assess, written
from bcdl.evaluation.assessment.statistic import level_statistic
from bcdl.explain import View, explain, explanation_sheet
from bcdl.explanations.pages import png
from bcdl.losses import CrossEntropy
from bcdl.models import CNN, Classifier
from bcdl.networks import TorchvisionEncoder
from bcdl.stats import auroc_interval, bootstrap

OF_BOOTSTRAP, OF_DELONG, OF_REPORT = 20_000, 100_000, 5_000  # samples
OF_SHEET, VIEWS, SIZE = 16, 4, (512, 256)  # exams, views of each, pixels
POINTS = ("youden", "sensitivity=0.9", "specificity=0.9", "recall_rate=0.1")
REPEATS = 3


def main() -> None:
    print(load())
    show(
        [
            Figure(f"2,000 draws, {OF_BOOTSTRAP:,} samples", seconds(draws_of, OF_BOOTSTRAP), 10.0, "s"),
            Figure(f"DeLong, {OF_DELONG:,} samples", seconds(delong_of, OF_DELONG), 1.0, "s"),
            Figure(f"report, {OF_REPORT:,} samples", seconds(report_of, OF_REPORT), 30.0, "s"),
            Figure(f"Grad-CAM sheet, {OF_SHEET} exams, ResNet-18", sheet_seconds(), 20.0, "s"),
        ]
    )


def seconds(work: Callable[[pd.DataFrame], None], samples: int) -> float:
    """Return the fewest seconds of some repeats."""
    table, spent = predictions(samples), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work(table)
        spent.append(time.perf_counter() - start)
    return min(spent)


def draws_of(table: pd.DataFrame) -> None:
    """Draw every statistic 2,000 times."""
    truth, shares = table["label"].to_numpy(np.int64), table["probability"].to_numpy()
    thresholds = {"decision": 0.5, **dict.fromkeys(POINTS, 0.4)}
    patients = pd.factorize(table["patient_id"])[0].astype(np.int64)
    bootstrap(level_statistic(truth, shares, thresholds, 0.005), patients)


def delong_of(table: pd.DataFrame) -> None:
    """Find DeLong's interval."""
    patients = pd.factorize(table["patient_id"])[0].astype(np.int64)
    auroc_interval(table["label"].to_numpy(np.int64), table["probability"].to_numpy(), patients)


def report_of(table: pd.DataFrame) -> None:
    """Judge at every level and make every file."""
    settings = Settings("youden", operating_points=POINTS, prevalence=0.005, calibration="platt")
    assessment = assess(table, "image", settings)
    written(assessment, settings, title="Report", classes=("no", "yes"), columns=["density", "age", "site"])


def sheet_seconds() -> float:
    """Return the fewest seconds of some repeats of explaining exams, drawing them and writing the file."""
    model, batch = resnet(), exams()
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        maps = explain(model, batch, "grad_cam").maps
        shown = [
            [View(f"view {slot}", image[0].numpy(), views[slot]) for slot, image in enumerate(images)]
            for images, views in zip(batch["image"], maps, strict=True)
        ]
        png(explanation_sheet(shown, [f"exam {number}" for number in range(OF_SHEET)]))
        spent.append(time.perf_counter() - start)
    return min(spent)


def resnet() -> Classifier:
    """Return a ResNet-18 with random weights."""
    encoder = TorchvisionEncoder("resnet18", weights=None, in_channels=1)
    optimizer = partial(torch.optim.AdamW, lr=1e-3)
    loss = CrossEntropy()
    return CNN(encoder, num_classes=2, image_size=SIZE, channels=1, loss=loss, optimizer=optimizer).eval()


def exams() -> Batch:
    """Return exams of random pixels."""
    nothing = torch.zeros(OF_SHEET, VIEWS, dtype=torch.int64)
    return Batch(
        image=torch.rand(OF_SHEET, VIEWS, 1, *SIZE, generator=torch.Generator().manual_seed(0)),
        view_mask=torch.ones(OF_SHEET, VIEWS, dtype=torch.bool),
        view=nothing,
        laterality=nothing,
        time=nothing.float(),
        label=torch.zeros(OF_SHEET, dtype=torch.int64),
        index=torch.arange(OF_SHEET),
    )


def predictions(samples: int) -> pd.DataFrame:
    """Return predictions of so many test samples, and a quarter as many of validation."""
    generator, number = np.random.default_rng(0), samples * 5 // 4
    patient = np.arange(number) // 4
    label = (generator.random(number // 4 + 1) < 0.1)[patient].astype(int)
    logit = 2 * label - 2 + generator.normal(size=number)
    return pd.DataFrame(
        {
            "sample_id": [f"s{place:06d}" for place in range(number)],
            "patient_id": patient,
            "exam_id": patient,
            "laterality": np.where(np.arange(number) % 4 < 2, "L", "R"),
            "split": np.where(np.arange(number) < samples, "test", "val"),
            "label": pd.array(label, dtype="Int64"),
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit)),
            "density": np.array(list("ABCD"))[patient % 4],
            "age": 40.0 + patient % 40,
            "site": np.array(["one", "two"])[patient % 2],
        }
    )


if __name__ == "__main__":
    main()
