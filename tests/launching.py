"""A launcher of a cluster, set up as Hydra does it, and a task whose jobs end in every way."""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig

from bcdl.configs import config_loader


def set_up(name: str, task: TaskFunction, folder: Path, *overrides: str) -> Launcher:
    """Return the launcher `hydra/launcher=<name>` over the configuration of `bcdl train`."""
    loader = config_loader()
    typed = [f"hydra/launcher={name}", f"hydra.sweep.dir={folder}", *overrides]
    config = loader.load_configuration("train", typed, RunMode.MULTIRUN)
    context = HydraContext(config_loader=loader, callbacks=Callbacks())
    return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)


def endings(marks: Path) -> Callable[[DictConfig], str]:
    """Return a task that ends as its seed says: 0 well, 1 raises, 2 killed, more wait for a file `go`.

    It is nested, so that it travels by value: the other machine has no tests.
    """

    def task(cfg: DictConfig) -> str:
        (marks / f"{cfg.seed}").write_text(str(os.getpid()))
        print("the output of", cfg.seed)
        if cfg.seed == 1:
            raise ValueError("no such breast")
        if cfg.seed == 2:
            os.kill(os.getpid(), 9)
        try:
            while cfg.seed > 2 and not (marks / "go").exists():
                time.sleep(0.1)
        except BaseException as error:
            (marks / f"{cfg.seed}.told").write_text(type(error).__name__)
            raise
        given = [os.environ.get(name) for name in ("MLFLOW_MARK", "OMP_NUM_THREADS", "BCDL_JOB_LOG")]
        return f"{cfg.seed} {sys.argv[0]} {Path.cwd()} {' '.join(map(str, given))}"

    return task


def checkpoints(root: Path, count: int) -> Callable[[], bool]:
    """Return the condition that so many runs below a tracking root have a checkpoint to go on from."""
    return lambda: len(list(root.glob("runs/*/last.ckpt"))) >= count


def once(paths: Sequence[Path], then: Callable[[], object]) -> threading.Thread:
    """Do something in a thread as soon as there are some files."""
    return when(lambda: all(path.exists() for path in paths), then)


def when(ready: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    """Do something in a thread as soon as a condition holds."""

    def watch() -> None:
        while not ready():
            time.sleep(0.1)
        then()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread
