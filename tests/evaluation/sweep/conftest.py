"""Runs and trials of sweeps as tables, without a store."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

AUROC = "best/val/auroc"


@pytest.fixture
def runs_of() -> Callable[..., pd.DataFrame]:
    """Makes a table of runs as the store gives it, the newest first.

    From dicts in the order of their start.
    """

    def build(*rows: dict[str, object]) -> pd.DataFrame:
        table = pd.DataFrame(
            [
                {
                    "run_id": f"{number:032x}",
                    "status": "FINISHED",
                    "started": pd.Timestamp("2026-01-01") + pd.Timedelta(minutes=number),
                    **row,
                }
                for number, row in enumerate(rows)
            ]
        )
        return table.iloc[::-1].reset_index(drop=True)

    return build


@pytest.fixture
def trials_of() -> Callable[..., pd.DataFrame]:
    """Makes a table of finished trials with one objective from columns; `state` may be given too."""

    def build(values: list[float], **columns: list[object]) -> pd.DataFrame:
        table = pd.DataFrame({"trial": range(len(values)), "state": "finished", "jobs": 1, AUROC: values})
        return table.assign(
            **{
                f"{AUROC} sd": np.nan,
                "seconds": 60.0,
                "started": pd.Timestamp("2026-01-01"),
                **{name if name == "state" else f"params.{name}": each for name, each in columns.items()},
            }
        )

    return build
