"""From features of views to features of a sample, whatever the number of valid views."""

from torch import Tensor


def masked_mean(features: Tensor, mask: Tensor) -> Tensor:
    """Average features (B, V, D) over the views that `mask` (B, V) marks as valid; return (B, D)."""
    weight = mask.unsqueeze(-1).to(features.dtype)
    return (features * weight).sum(1) / weight.sum(1).clamp(min=1)


def scatter_views(features: Tensor, mask: Tensor) -> Tensor:
    """Put features (N, D) of the valid views in their places among (B, V, D); the others hold 0."""
    if mask.shape[1] == 1:
        return features.unsqueeze(1)
    placed = features.new_zeros(*mask.shape, features.shape[-1])
    placed[mask] = features
    return placed


def valid_views(values: Tensor, mask: Tensor) -> Tensor:
    """Select the valid views of images (B, V, C, H, W) as (N, C, H, W), or of other values of every view.

    A single view is always valid.
    """
    return values.flatten(0, 1) if mask.shape[1] == 1 else values[mask]
