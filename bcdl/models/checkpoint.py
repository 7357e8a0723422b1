"""A checkpoint file: written whole or not at all, and read into a model for inference."""

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from bcdl.errors import UserError
from bcdl.models.classifier import Classifier
from bcdl.networks.weights import read_checkpoint


def load_checkpoint(model: Classifier, path: Path) -> dict[str, Any]:
    """Load the weights that were validated when the checkpoint was written (of an EMA, the average).

    Returns:
        All that the checkpoint holds, its `epoch` (from 0) among it.

    Raises:
        UserError: The file is unreadable or holds another architecture.
    """
    checkpoint = read_checkpoint(path)
    if "state_dict" not in checkpoint:
        raise UserError(f"expected a checkpoint of bcdl in '{path}', found a file without 'state_dict'")
    model.on_load_checkpoint(checkpoint)
    model.load_state_dict(checkpoint["state_dict"])
    return checkpoint


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and then renames it: what was there before survives a full disk.

    Lightning's own writes to the system's temporary folder and, from there to another disk, copies in place.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: _PATH,
        storage_options: Any | None = None,  # noqa: ANN401 - Lightning's signature
    ) -> None:
        """Write a checkpoint; a file that could not be finished is removed."""
        content = BytesIO()
        torch.save(checkpoint, content)
        part = Path(f"{path}.part")
        try:
            part.write_bytes(content.getbuffer())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
