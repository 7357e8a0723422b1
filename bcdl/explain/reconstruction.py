"""Where an autoencoder cannot rebuild the image: what it has seldom seen."""

from typing import cast

import torch
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.models import Autoencoder, Classifier
from bcdl.networks.pooling import valid_views
from bcdl.networks.resize import fit_to, undo_fit


@torch.no_grad()
def reconstruction_error(model: Classifier, batch: Batch, target: int) -> Tensor:
    """Return the squared error of the reconstruction, mean of the channels, (N, H, W) of the valid views.

    Images are compared in the size in which they are reconstructed, at most `reconstruction_side`; the map is
    enlarged to theirs.

    Args:
        model: An `Autoencoder`, held still.
        batch: Samples on the model's device.
        target: Of no influence.
    """
    autoencoder = cast(Autoencoder, model)
    view = valid_views(batch["image"], batch["view_mask"])
    wanted = autoencoder.reduced(fit_to(view, model.input_size))
    error = (autoencoder.decoder(model.encode(view)).float() - wanted).square().mean(1)
    height, width = view.shape[-2:]
    return undo_fit(error, (height, width))
