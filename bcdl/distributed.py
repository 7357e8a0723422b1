"""Several devices: the first process owns the run, the others join its fit and nothing else.

Lightning starts the others from the command line of the first. They find the run's folder in their
environment and take its configuration from there: so they open no run, and neither a sweep nor `latest` is
resolved twice. Imports torch only where a fit is shared.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf

from bcdl.errors import UserError

_FOLDER = "BCDL_JOINED_FIT"
_CONFIG = "joined.yaml"
_LAUNCHED = ("RANK", "SLURM_PROCID")
_SIZES = ("WORLD_SIZE", "SLURM_NTASKS")


def joined_folder() -> Path | None:
    """Return the folder of the run whose fit this process was started to join; None for a first process."""
    return Path(os.environ[_FOLDER]) if _FOLDER in os.environ else None


def joined_config(folder: Path) -> DictConfig:
    """Return the configuration of the run whose fit this process joins."""
    return cast(DictConfig, OmegaConf.load(folder / _CONFIG))


def require_one_start() -> None:
    """Raise `UserError` where torchrun or srun started this command several times over."""
    for rank, size in zip(_LAUNCHED, _SIZES, strict=True):
        if rank in os.environ and int(os.environ.get(size, "1")) > 1:
            raise UserError(
                f"expected bcdl to be started once, found {size}={os.environ[size]} from torchrun or Slurm. "
                "Start it as one task, with trainer=ddp: it starts a process a device by itself"
            )


@contextmanager
def shared_fit(cfg: DictConfig, folder: Path, devices: int) -> Iterator[None]:
    """Let further processes join what is fitted in the block; afterwards this process is alone again.

    Args:
        cfg: the run's resolved configuration.
        folder: the run's folder.
        devices: how many devices the fit runs on; nothing happens for one.
    """
    if devices == 1:
        yield
        return
    from torch import distributed

    before = dict(os.environ)
    OmegaConf.save(cfg, folder / _CONFIG, resolve=True)
    os.environ[_FOLDER] = str(folder)
    try:
        yield
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        os.environ.clear()  # Lightning leaves variables that would make the next fit wait for others
        os.environ.update(before)
        (folder / _CONFIG).unlink()
