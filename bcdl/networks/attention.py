"""The attention of a transformer's layers, which they compute but do not return."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def torch_attention(trunk: nn.Module) -> Iterator[list[Tensor]]:
    """List the attention (N, T, T), mean of the heads, of every `nn.MultiheadAttention` that runs, in order.

    The layers are asked for it by hooks, which leave their code and their output alone.
    """
    seen: list[Tensor] = []

    def ask(_: nn.Module, inputs: Any, named: dict[str, Any]) -> Any:  # noqa: ANN401 - those of the layer
        return inputs, named | {"need_weights": True, "average_attn_weights": True}

    def keep(_: nn.Module, inputs: object, output: tuple[Tensor, Tensor]) -> None:
        seen.append(output[1].detach())

    with ExitStack() as undo:
        for layer in trunk.modules():
            if isinstance(layer, nn.MultiheadAttention):
                undo.callback(layer.register_forward_pre_hook(ask, with_kwargs=True).remove)
                undo.callback(layer.register_forward_hook(keep).remove)
        yield seen


@contextmanager
def timm_attention(trunk: nn.Module) -> Iterator[list[Tensor]]:
    """List the attention (N, T, T), mean of the heads, of every layer of timm's that runs, in order.

    timm's layers compute it in one fused step unless told not to; else it passes through their dropout.
    """
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: object, output: Tensor) -> None:
        seen.append(output.detach().mean(1))

    with ExitStack() as undo:
        for layer in trunk.modules():
            dropout = getattr(layer, "attn_drop", None)
            if isinstance(dropout, nn.Module) and hasattr(layer, "fused_attn"):
                undo.callback(_fuse(layer, bool(layer.fused_attn)))
                layer.fused_attn = False  # type: ignore[assignment]
                undo.callback(dropout.register_forward_hook(keep).remove)
        yield seen


def _fuse(layer: nn.Module, fused: bool) -> Callable[[], None]:
    def restore() -> None:
        layer.fused_attn = fused  # type: ignore[assignment]

    return restore
