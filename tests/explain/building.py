"""Tiny models and batches for the tests of this folder."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from bcdl.data.batch import Batch
from bcdl.features import FEATURES
from bcdl.losses import CrossEntropy
from bcdl.models import CNN, Classifier
from bcdl.networks import Encoder, SmallCNN
from bcdl.networks.first_conv import adapt_first_conv

SIDE = 32


def make_batch(size: int = 3, views: int = 4, channels: int = 1, side: int = SIDE, seed: int = 0) -> Batch:
    """Samples of random images; of several views the first sample lacks one, the second all but one."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(size, views, dtype=torch.bool)
    if views > 1 and size > 1:
        mask[0, 1] = False
        mask[1, 1:] = False
    image = torch.randn(size, views, channels, side, side // 2, generator=generator)
    tabular = torch.randn(size, views, len(FEATURES), generator=generator)
    return Batch(
        image=image * mask[:, :, None, None, None],
        view_mask=mask,
        view=torch.arange(views).expand(size, views) * mask,
        laterality=torch.arange(views).expand(size, views) % 2 * mask,
        time=torch.zeros(size, views),
        label=torch.arange(size) % 2,
        index=torch.arange(size),
        tabular=tabular * mask[:, :, None],
    )


def build(
    model: type[Classifier] = CNN,
    encoder: Encoder | None = None,
    channels: int = 1,
    classes: int = 2,
    **settings: Any,
) -> Classifier:
    """A model with random weights, its batch norm statistics too, so that nothing is symmetric by chance."""
    torch.manual_seed(0)
    encoder = encoder or SmallCNN(channels, widths=(4, 6, 8))
    built = model(
        encoder,
        num_classes=classes,
        image_size=settings.pop("image_size", (SIDE, SIDE // 2)),
        channels=channels,
        loss=CrossEntropy(),
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        **settings,
    )
    for layer in built.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.2)  # type: ignore[arg-type]
            nn.init.uniform_(layer.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return built.eval()


def tiny_vit(channels: int = 1) -> Encoder:
    """A vision transformer of torchvision's, of two layers and 4 x 4 patches."""
    torch.manual_seed(0)
    trunk = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    trunk.heads = nn.Identity()
    adapt_first_conv(trunk, channels)
    return Encoder(trunk, name="tiny_vit", dim=16, in_channels=channels, fixed_size=(32, 32))


def linear_encoder(weight: Tensor) -> Encoder:
    """An encoder of one feature: the sum of the image's pixels times `weight` (H, W)."""
    linear = nn.Linear(weight.numel(), 1, bias=False)
    linear.weight = nn.Parameter(weight.reshape(1, -1).clone())
    return Encoder(nn.Sequential(nn.Flatten(), linear), name="linear", dim=1, in_channels=1)


def linear_model(weight: Tensor) -> Classifier:
    """A classifier whose logit is the mean over the views of the sum of pixels times `weight` (H, W)."""
    model = build(CNN, linear_encoder(weight), image_size=(weight.shape[0], weight.shape[1]))
    last = model.head.layers[-1]  # type: ignore[index, union-attr]
    nn.init.ones_(last.weight)
    nn.init.zeros_(last.bias)
    return model
