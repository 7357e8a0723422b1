"""From samples to logits: the one loop that validation, test, old runs and new data go through."""

import numpy as np
import torch
from numpy.typing import NDArray

from bcdl.data import ExamDataModule
from bcdl.models import Classifier


@torch.inference_mode()
def predict(
    model: Classifier, data: ExamDataModule, split: str, device: torch.device
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the logits of every labelled sample of a split, in float32 whatever the training's precision.

    Args:
        model: the model; it is left in evaluation mode on `device`.
        data: prepared data.
        split: train, val or test.
        device: where to compute.

    Returns:
        Rows of the sample table `(N,)`, and logits `(N,)` or `(N, K)`.
    """
    model.eval().to(device)
    outputs = []
    for number, batch in enumerate(data.loader(split)):
        moved = data.transfer_batch_to_device(batch, device, 0)
        outputs.append(model.predict_step(data.on_after_batch_transfer(moved, 0), number))
    index = torch.cat([output["index"] for output in outputs])
    logits = torch.cat([output["logits"] for output in outputs])
    return index.cpu().numpy(), logits.float().cpu().numpy()
