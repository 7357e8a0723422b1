from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from bcdl.errors import UserError
from bcdl.models import constant, cosine, one_cycle, plateau

Make = Callable[..., Any]


def rates(schedule: Make, steps: int = 100) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = schedule(optimizer, steps)["scheduler"]
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_constant_keeps_the_rate() -> None:
    assert set(rates(constant)) == {2.0}


def test_cosine_rises_then_falls_to_its_floor() -> None:
    seen = rates(partial(cosine, warmup=0.1, floor=0.05))
    assert seen[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert seen[10:] == sorted(seen[10:], reverse=True)
    assert seen[10] == pytest.approx(2.0)
    assert seen[55] == pytest.approx(2.0 * 0.525, abs=0.05)
    assert seen[-1] == pytest.approx(0.1)


def test_one_cycle_starts_low_peaks_at_the_rate_and_ends_near_zero() -> None:
    seen = rates(partial(one_cycle, warmup=0.3, start=0.04))
    assert seen[0] == pytest.approx(0.08, abs=0.08)
    assert max(seen) == pytest.approx(2.0)
    assert seen.index(max(seen)) in (29, 30)
    assert seen[-1] == pytest.approx(2e-4)


def test_a_schedule_goes_on_at_its_floor_after_its_end() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = cosine(optimizer, 5, floor=0.1)["scheduler"]
    for _ in range(9):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_endless_training_and_unknown_monitors_are_refused() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(UserError, match="max_epochs"):
        cosine(optimizer, -1)
    with pytest.raises(UserError, match="Did you mean 'val/auroc'"):
        plateau(optimizer, 5, monitor="auroc")


@pytest.mark.parametrize(
    ("monitor", "mode"), [("val/auroc", "max"), ("val/loss", "min"), ("val/brier", "min")]
)
def test_which_way_the_monitor_is_better_follows_from_its_name(monitor: str, mode: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    assert plateau(optimizer, 5, monitor=monitor)["scheduler"].mode == mode
