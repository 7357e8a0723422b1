"""Messages of libraries that tell a user of bcdl nothing: each with the reason why it is not shown."""

import logging
import warnings

_USELESS = (
    # the run's folder holds its journal before the first checkpoint is written
    r"Checkpoint directory .* exists and is not empty",
    # torch renamed a class that Lightning 2.6 still uses: https://github.com/Lightning-AI/pytorch-lightning/issues/21326
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # small images are quick to load, and data.num_workers is the user's choice
    r"The '\w+_dataloader' does not have many workers",
    # a run that a sweep had given up goes on by resume=
    r"(?s)Be aware that when using `ckpt_path`.*\['Pruning'\]",
    # a machine with Slurm: bcdl is started as one task, and starts a process a device by itself
    r"The `srun` command is available on your system but is not used",
)


def hush() -> None:
    """Silence Lightning's announcements and the warnings that a user can do nothing about."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _USELESS:
        warnings.filterwarnings("ignore", message=message)
