"""Tiny synthetic batches and models for the tests of this folder."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import lightning
import pytest
import torch
from torch.utils.data import DataLoader

from bcdl.data.batch import Batch
from bcdl.features import FEATURES
from bcdl.losses import CrossEntropy
from bcdl.models import CNN, Classifier, cosine
from bcdl.networks import SmallCNN

Batches = Callable[..., list[Batch]]
Build = Callable[..., Classifier]


def make_batch(
    size: int = 4, views: int = 1, channels: int = 1, classes: int = 2, side: int = 16, seed: int = 0
) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(size, views, dtype=torch.bool)
    if views > 1:
        mask[0, 1] = mask[1, 0] = False  # gaps at the end of a sequence and at its start
    label = torch.arange(size) % classes
    image = torch.randn(size, views, channels, side, side, generator=generator) + label.view(-1, 1, 1, 1, 1)
    tabular = torch.randn(size, views, len(FEATURES), generator=generator)
    return Batch(
        image=image * mask[:, :, None, None, None],
        view_mask=mask,
        view=torch.arange(views).expand(size, views) * mask,
        laterality=torch.arange(views).expand(size, views) % 2 * mask,
        time=torch.arange(views).flip(0).expand(size, views).float() * mask,
        label=label,
        index=torch.arange(size) + 100 * seed,
        tabular=tabular * mask[:, :, None],
    )


@pytest.fixture
def batches() -> Batches:
    def build(count: int = 3, **settings: Any) -> list[Batch]:
        return [make_batch(seed=seed, **settings) for seed in range(count)]

    return build


@pytest.fixture
def build() -> Build:
    def make(
        model: type[Classifier] = CNN, channels: int = 1, classes: int = 2, **settings: Any
    ) -> Classifier:
        torch.manual_seed(0)
        settings.setdefault("optimizer", partial(torch.optim.AdamW, lr=1e-2))
        encoder = settings.pop("encoder", None) or SmallCNN(channels, widths=(4, 6, 8, 8))
        return model(
            encoder,
            num_classes=classes,
            image_size=settings.pop("image_size", (16, 16)),
            channels=channels,
            loss=CrossEntropy(),
            scheduler=cosine,
            **settings,
        )

    return make


@pytest.fixture
def fit() -> Iterator[Callable[..., lightning.Trainer]]:
    def run(model: Classifier, batches: list[Batch], *, ckpt_path: str | None = None, **settings: Any) -> Any:
        settings = {
            "max_epochs": 1,
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "gradient_clip_val": 1.0,
        } | settings
        trainer = lightning.Trainer(**settings)
        loader = DataLoader(batches, batch_size=None)
        trainer.fit(model, loader, loader, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    with warnings.catch_warnings():
        # in-memory batches need no workers: https://lightning.ai/docs/pytorch/stable/advanced/speed.html
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # fixed after 2.6: https://github.com/Lightning-AI/pytorch-lightning/issues/21326
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)")
        # a resumed run goes on in its folder, which is meant:
        # https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.0/src/lightning/pytorch/callbacks/model_checkpoint.py
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        # these fits have fewer batches than Lightning logs apart, and log nothing
        warnings.filterwarnings("ignore", message=".*number of training batches.*logging interval.*")
        yield run
