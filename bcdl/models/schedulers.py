"""Learning rate schedules as factors of each group's own rate.

The factors are functions of the step, so a resumed run goes on where it was and one with more epochs
stretches them.
"""

from collections.abc import Callable
from functools import partial
from math import cos, pi
from typing import TypeAlias

from lightning.pytorch.utilities.types import LRSchedulerConfigType
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from bcdl.errors import UserError
from bcdl.scores import better

Schedule: TypeAlias = LRSchedulerConfigType


def constant(optimizer: Optimizer, total_steps: int) -> Schedule:
    """Keep the learning rate."""
    return _by_step(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: int, *, warmup: float = 0.05, floor: float = 0.01) -> Schedule:
    """Rise linearly over the share `warmup` of all steps, then fall as half a cosine to the share `floor`."""
    return _by_step(optimizer, partial(_rise_and_fall, _positive(total_steps), warmup, 0.0, floor))


def one_cycle(
    optimizer: Optimizer, total_steps: int, *, warmup: float = 0.3, start: float = 0.04, floor: float = 1e-4
) -> Schedule:
    """Rise from `start` times the rate over the share `warmup` of all steps, then fall to `floor` times it.

    The learning rate part of Smith, "Super-convergence" (2018); the rate of the optimizer is the peak.
    """
    return _by_step(optimizer, partial(_rise_and_fall, _positive(total_steps), warmup, start, floor))


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    *,
    monitor: str,
    factor: float = 0.3,
    patience: int = 5,
) -> Schedule:
    """Multiply the rate by `factor` when `monitor` did not improve for `patience` epochs that had it.

    Raises:
        UserError: `monitor` is not `val/` and the name of a metric.
    """
    scheduler = ReduceLROnPlateau(optimizer, mode=better(monitor), factor=factor, patience=patience)
    return {"scheduler": scheduler, "interval": "epoch", "monitor": monitor, "strict": False}


def _by_step(optimizer: Optimizer, factor: Callable[[int], float]) -> Schedule:
    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def _rise_and_fall(total: int, warmup: float, start: float, floor: float, step: int) -> float:
    rising = round(total * warmup)
    if step < rising:
        return start + (1.0 - start) * (step + 1) / rising
    done = min(1.0, (step - rising) / max(1, total - rising - 1))
    return floor + (1.0 - floor) * (1.0 + cos(pi * done)) / 2.0


def _positive(total_steps: int) -> int:
    if total_steps < 1:
        raise UserError("this schedule needs an end of training: set trainer.max_epochs to 1 or more")
    return total_steps
