"""The training loop that one would write by hand, for the throughput benchmark to compare with.

It knows no validation, metrics, checkpoints or records, and runs on the CPU.
"""

import time
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from bcdl.data import ExamDataModule
from bcdl.models import Classifier
from bcdl.transforms.augment import Augment

LEARNING_RATE, WEIGHT_DECAY, CLIP, DECAY = 1e-3, 0.01, 1.0, 0.99  # the defaults of conf/


class InMemory(Dataset[tuple[Tensor, int]]):
    """Augmented samples of which all have the same number of views.

    Args:
        images: (N, V, H, W, C), as they are stored.
        labels: (N,).
        augment: Applied to the views of each sample.
    """

    def __init__(
        self, images: NDArray[np.uint8 | np.uint16], labels: NDArray[np.int64], augment: Augment
    ) -> None:
        self.images, self.labels, self.augment = images, labels, augment
        self.seeds = count()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a sample's views (V, C, H, W) and its label."""
        views = self.augment(list(self.images[index]), next(self.seeds))
        return torch.from_numpy(np.stack(views).transpose(0, 3, 1, 2)), int(self.labels[index])


class HandWrittenLoop:
    """Trains a binary classifier on the training split, an epoch a call.

    Args:
        model: Trained in place.
        data: Prepared data with learnt statistics; images, labels, augmentation and batch size come from it.
        epochs: Length of the schedule.
    """

    def __init__(self, model: Classifier, data: ExamDataModule, epochs: int) -> None:
        self.model, self.normalise = model, data.preprocess.device
        samples = data.split_samples("train")
        images = np.stack([np.stack([data.store[row] for row in rows]) for rows in samples["rows"]])
        dataset = InMemory(images, samples["label"].to_numpy(np.int64), data.augment)
        self.loader = DataLoader(dataset, batch_size=data.batch_size, shuffle=True)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs * len(self.loader))
        moving_average = get_ema_multi_avg_fn(DECAY)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(model, multi_avg_fn=moving_average, use_buffers=True)

    def train_epoch(self) -> float:
        """Train for an epoch and return its seconds."""
        start = time.perf_counter()
        self.model.train()
        for images, labels in self.loader:
            self._step(self.normalise(images.float()), labels)
        return time.perf_counter() - start

    def _step(self, images: Tensor, labels: Tensor) -> None:
        mask = torch.ones(images.shape[:2], dtype=torch.bool)
        logits = self.model({"image": images, "view_mask": mask})
        loss = F.binary_cross_entropy_with_logits(logits, labels.float())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.model)
