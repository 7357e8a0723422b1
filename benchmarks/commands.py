"""Whole `bcdl` processes, as a shell starts them; their runs and image stores go when they are done with."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

BCDL = str(Path(sys.executable).with_name("bcdl"))
OWN_STORE = "MLFLOW_TRACKING_URI"  # no benchmark writes there


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder, and let the tracking store and the user's cache of image stores lie in it meanwhile."""
    before = dict(os.environ)
    with TemporaryDirectory(prefix="bcdl-bench-") as name:
        os.environ.pop(OWN_STORE, None)
        os.environ.update(BCDL_TRACKING_ROOT=f"{name}/runs", XDG_CACHE_HOME=f"{name}/cache")
        try:
            yield Path(name)
        finally:
            os.environ.clear()
            os.environ.update(before)


def seconds(*arguments: str) -> float:
    """Return the wall-clock seconds of a whole `bcdl` process; what it prints is not shown.

    Raises:
        subprocess.CalledProcessError: It failed; its own message is on standard error.
    """
    start = time.perf_counter()
    subprocess.run([BCDL, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def breastmnist_folder() -> Path | None:
    """Return the script's argument or `$BCDL_DATA/breastmnist`; say so where no breastmnist.npz is there."""
    named = sys.argv[1] if len(sys.argv) > 1 else f"{os.environ.get('BCDL_DATA', 'data')}/breastmnist"
    folder = Path(named).absolute()
    if (folder / "breastmnist.npz").is_file():
        return folder
    print(f"skipped what needs BreastMNIST: no breastmnist.npz in {folder}; name its folder as the argument")
    return None


def load() -> str:
    """Return how busy the machine is, the mean number of running processes over the last minute."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
