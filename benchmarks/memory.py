"""Peak memory of a training process: `python benchmarks/memory.py [folder of breastmnist.npz]`. Linux only.

Target: `bcdl train` on BreastMNIST, test, figures and uploads included, at most 2 GB resident; the imports
alone take 1.
"""

import os
import subprocess

from commands import BCDL, breastmnist_folder, scratch
from targets import Figure, show

TARGET = 2.0  # GB
EPOCHS = 3


def main() -> None:
    folder = breastmnist_folder()
    if folder is None:
        return
    with scratch():
        training = ["train", "model=cnn", "data=breastmnist", f"data.root={folder}"]
        peak = peak_gigabytes(*training, f"trainer.max_epochs={EPOCHS}")
    show([Figure("peak resident memory of bcdl train, BreastMNIST, cnn", peak, TARGET, "GB")])


def peak_gigabytes(*arguments: str) -> float:
    """Return the largest resident memory that a `bcdl` process had; this process must be a small one.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    process = subprocess.Popen([BCDL, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return usage.ru_maxrss * 1024 / 1e9  # Linux counts in KiB


if __name__ == "__main__":
    main()
