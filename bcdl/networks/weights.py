"""Weights from a local file into a module: read safely, compared by name and shape, refused clearly."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _EXTRA_STATE_KEY_SUFFIX

from bcdl.errors import UserError
from bcdl.networks.first_conv import adapted, first_conv


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of tensors and plain primitives on the CPU; nothing in it is executed.

    Raises:
        UserError: The file is missing or is not such a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"expected a file of weights, found none at '{path}'; check the path of encoder.weights"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise UserError(
            f"'{path}' cannot be read as weights: {error}; expected a file of tensors and plain values"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"expected a dictionary of weights in '{path}', found {type(content).__name__}")
    return content


def load_weights(encoder: nn.Module, path: str | Path) -> None:
    """Load an encoder's weights from a checkpoint of bcdl or a state dict, its own or its library's.

    A first convolution made for another number of channels is adapted by summing; the library's classifier is
    left out.

    Raises:
        UserError: The file is unreadable or holds another architecture.
    """
    content = read_checkpoint(path)
    state = {
        name: value for name, value in content.get("state_dict", content).items() if isinstance(value, Tensor)
    }
    state = _encoder_state(state, encoder)
    name, conv = first_conv(encoder)
    kernel = state.get(f"{name}.weight")
    if kernel is not None and kernel.ndim == 4 and kernel.shape[2:] == conv.weight.shape[2:]:
        state[f"{name}.weight"] = adapted(kernel, conv.in_channels)
    found = content.get("architecture", {}).get("encoder", "another architecture")
    check_state(encoder, state, str(getattr(encoder, "name", type(encoder).__name__)), f"{found} in '{path}'")
    encoder.load_state_dict(state)


def check_state(module: nn.Module, state: Mapping[str, Tensor], expected: str, found: str) -> None:
    """Raise UserError, naming what differs, unless `state` has exactly the names and shapes of `module`."""
    own = module.state_dict()
    missing, unexpected = [k for k in own if k not in state], [k for k in state if k not in own]
    shared = [k for k in own if k in state and not k.endswith(_EXTRA_STATE_KEY_SUFFIX)]
    reshaped = [k for k in shared if own[k].shape != state[k].shape]
    differences = [
        f"{title} {names[:3]}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for title, names in (("missing", missing), ("unexpected", unexpected), ("of other shape", reshaped))
        if names
    ]
    if differences:
        raise UserError(
            f"the weights do not fit: expected those of {expected}, found {found}; {'; '.join(differences)}; "
            "choose the model and encoder that the file was made with"
        )


def _encoder_state(state: dict[str, Tensor], encoder: nn.Module) -> dict[str, Tensor]:
    """Bring the names of any of the three kinds of file to those of `encoder`."""
    part = {name.removeprefix("encoder."): v for name, v in state.items() if name.startswith("encoder.")}
    for candidate in (part, state):
        if any(name.startswith("trunk.") for name in candidate):
            return candidate
    classifier = f"{getattr(encoder, 'classifier', '')}."
    scale = {name: value for name, value in encoder.state_dict().items() if not name.startswith("trunk.")}
    return scale | {f"trunk.{name}": v for name, v in state.items() if not name.startswith(classifier)}
