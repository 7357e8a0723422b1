"""The GPUs of this machine, asked of the driver: torch would claim memory on them."""

import os
import subprocess
from dataclasses import dataclass

_ASK = ("nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        name: what `CUDA_VISIBLE_DEVICES` calls it.
        gib: its memory, GiB.
    """

    name: str
    gib: float


def find_gpus() -> list[Gpu]:
    """Return the GPUs that this process may use, those of `CUDA_VISIBLE_DEVICES` where that is set."""
    try:
        answer = subprocess.run(_ASK, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return visible(answer, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(answer: str, chosen: str | None) -> list[Gpu]:
    """Return the GPUs of the driver's answer, lines of `index, uuid, MiB`, that `chosen` names."""
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines() if line.strip()]
    known = {name: float(mib) / 1024 for index, uuid, mib in rows for name in (index, uuid)}
    names = (
        [index for index, _, _ in rows] if chosen is None else [each.strip() for each in chosen.split(",")]
    )
    return [Gpu(name, known[name]) for name in names if name in known]
