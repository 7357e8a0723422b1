"""An exponential moving average of the weights, validated and kept in the place of the weights themselves.

Lightning's own (2.6) averages on the device that the model has before it is moved, and goes on to swap
weights in `validate` and `test` after the fit; this one lives only while training.
"""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

State = dict[str, Tensor]
_TRAINED = "trained_state_dict"


class EMA(Callback):
    """Average the weights after every optimizer step; validation, checkpoints and the final model use it.

    A checkpoint's `state_dict` holds the average (what was validated), `trained_state_dict` what training
    goes on from. Early on the decay is (1 + step) / (10 + step), so that the random start is soon forgotten.

    Args:
        decay: Share of the average that stays at each step.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = decay
        self._average: State = {}
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start from the present weights, or go on from a checkpoint's average."""
        present = _state(pl_module)
        if self._average:
            self._average = {name: self._average[name].to(value.device) for name, value in present.items()}
        else:
            self._average = {name: value.clone() for name, value in present.items()}

    @torch.no_grad()
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Move the average towards the weights if the optimizer stepped."""
        if trainer.global_step == self._steps:
            return
        self._steps = trainer.global_step
        decay = min(self.decay, (1 + self._steps) / (10 + self._steps))
        for name, value in _state(pl_module).items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1 - decay)
            else:
                self._average[name] = value.clone()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average into the model."""
        self._swap(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the trained weights back."""
        self._swap(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the model."""
        self._swap(pl_module)
        self._average = {}

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Write the average as the model's state and the trained weights beside it."""
        if self._average:
            checkpoint[_TRAINED] = checkpoint["state_dict"]
            checkpoint["state_dict"] = {name: value.clone() for name, value in self._average.items()}

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on from a checkpoint's trained weights and its average."""
        if trainer.training and _TRAINED in checkpoint:
            self._average = {name: value.clone() for name, value in checkpoint["state_dict"].items()}
            self._steps = checkpoint["global_step"]
            pl_module.load_state_dict(checkpoint[_TRAINED])

    def _swap(self, module: LightningModule) -> None:
        if self._average:
            trained = {name: value.clone() for name, value in _state(module).items()}
            module.load_state_dict(self._average)
            self._average = trained


def _state(module: LightningModule) -> State:
    return {name: value.detach() for name, value in module.state_dict().items()}
