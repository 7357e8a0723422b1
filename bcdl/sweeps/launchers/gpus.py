"""The GPUs of this machine, asked of the driver: torch would claim memory on them."""

import os
import subprocess
from dataclasses import dataclass
from itertools import takewhile

_ASK = ("nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits")
_UUIDS = ("GPU-", "MIG-")  # of a GPU, perhaps cut short, or of a part of one


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        name: what `CUDA_VISIBLE_DEVICES` calls it.
        gib: its memory, GiB; None is unknown.
    """

    name: str
    gib: float | None


def find_gpus() -> list[Gpu]:
    """Return the GPUs that this process may use, those of `CUDA_VISIBLE_DEVICES` where that is set."""
    try:
        answer = subprocess.run(_ASK, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return visible(answer, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(answer: str, chosen: str | None) -> list[Gpu]:
    """Return the GPUs that CUDA shows to a process.

    Args:
        answer: the driver's, lines of `index, uuid, MiB`.
        chosen: `CUDA_VISIBLE_DEVICES`: indices and uuids, in CUDA's own way up to the first that is neither.
    """
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines() if line.strip()]
    if chosen is None:  # by uuid: the driver counts GPUs by their bus, CUDA by their speed
        return [Gpu(uuid, float(mib) / 1024) for _, uuid, mib in rows]
    known = {name: float(mib) / 1024 for index, uuid, mib in rows for name in (index, uuid)}
    names = (name.strip() for name in chosen.split(","))
    valid = takewhile(lambda name: name in known or name.startswith(_UUIDS), names)
    return [Gpu(name, known.get(name)) for name in valid]
