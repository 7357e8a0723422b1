from collections.abc import Callable
from typing import Any

import pytest

from bcdl.models import progress
from bcdl.models.progress import EpochLine

Make = Callable[..., Any]


def test_without_a_terminal_every_epoch_prints_one_line(
    build: Make, batches: Make, fit: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = progress("val/auroc")
    assert isinstance(bar, EpochLine)
    fit(build(), batches(), max_epochs=2, callbacks=[bar], enable_progress_bar=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("train/loss" in line and "val/auroc" in line for line in lines)
