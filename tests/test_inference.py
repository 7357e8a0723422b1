"""The one loop from samples to logits."""

from pathlib import Path

import numpy as np
import pytest
import torch

import bcdl
from bcdl.data import ExamDataModule
from bcdl.inference import predict
from bcdl.notebook import Run
from bcdl.transforms import Augment

CPU = torch.device("cpu")


@pytest.fixture
def run(trained: Path) -> Run:
    return bcdl.load_run("latest", trained)


def test_every_labelled_sample_of_the_split_comes_once_in_the_table_s_order(run: Run) -> None:
    index, logits = predict(run.model, run.data, "test", CPU)
    samples = run.data.samples
    assert index.tolist() == samples.index[(samples["split"] == "test") & samples["label"].notna()].tolist()
    assert logits.shape == index.shape
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_the_batch_size_does_not_matter(run: Run) -> None:
    whole = predict(run.model, run.data, "val", CPU)[1]
    run.data.batch_size = 1
    np.testing.assert_allclose(predict(run.model, run.data, "val", CPU)[1], whole, rtol=1e-4, atol=1e-5)


def test_training_samples_come_without_augmentation_and_dropout(run: Run) -> None:
    assert run.config.model.dropout > 0
    run.model.train()
    first, second = (predict(run.model, run.data, "train", CPU)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    plain = predict(run.model, without_augmentation(run.data), "train", CPU)[1]
    np.testing.assert_array_equal(first, plain)


def without_augmentation(data: ExamDataModule) -> ExamDataModule:
    data.augment = Augment()
    return data
