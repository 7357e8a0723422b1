"""Fixtures of the command line's tests: a small configuration, and a verb that does nothing slow."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from omegaconf import DictConfig

import bcdl.jobs  # noqa: F401 - before `tiny_conf` patches what it imports
from bcdl.cli import main
from bcdl.configs import config_folder

TRAIN = """\
defaults:
  - _hydra
  - _self_
  - model: cnn
  - experiments: null
seed: 0
data: {root: null}
trainer: {max_epochs: 3}
resume: null
from: null
optimizer: {lr: 0.1}
"""
TINY_NETWORK = ("encoder.widths=[4,8]",)
TINY_RUN = ("data.batch_size=16", "trainer.max_epochs=2", "trainer.accelerator=cpu", "evaluate.report=false")
TINY_PHANTOM = ("data.reader.patients=24", "data.reader.size=[64,32]")
EVALUATE = "defaults: [_hydra, _self_]\nrun: ???\nname: ${run}-${nowhere.x}\n"
FILES = {
    "train.yaml": TRAIN,
    "evaluate.yaml": EVALUATE,
    "model/cnn.yaml": "# Convolutions, shared over views.\nwidth: 8\n",
    "model/cnn_rnn.yaml": "# @package model\n# An encoder a view, then a GRU.\nwidth: 16\n",
    "model/_shared.yaml": "hidden: true\n",
    "experiments/study/first.yaml": "# @package _global_\n# The first study.\ntrainer:\n  max_epochs: 7\n",
}


@pytest.fixture
def tiny_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small `conf/` in place of the real one, and an empty working directory."""
    folder = tmp_path / "conf"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(config_folder() / "_hydra.yaml", folder)
    monkeypatch.setattr("bcdl.configs.config_folder", lambda: folder)
    monkeypatch.setattr("bcdl.jobs.config_folder", lambda: folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    return folder


@pytest.fixture
def train_with(tiny_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put a function in the place of `bcdl.train.main`; Hydra's logging is undone afterwards."""

    def use(main: Callable[[DictConfig], float | None]) -> None:
        module = ModuleType("bcdl.train")
        vars(module)["main"] = main
        monkeypatch.setitem(sys.modules, "bcdl.train", module)

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield use
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, made once: its schema takes several seconds."""
    from bcdl.tracking.database import ensure_database

    database = tmp_path_factory.mktemp("template") / "mlflow.db"
    ensure_database(database)
    return database


@pytest.fixture
def tracking_root(tmp_path: Path, database_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tracking root with a database of its own, which is also the default one."""
    root = tmp_path / "runs"
    root.mkdir()
    shutil.copy(database_template, root / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BCDL_TRACKING_ROOT", str(root))
    return root


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Overrides of a run on the phantom that takes about a second."""
    return (*TINY_PHANTOM, *TINY_NETWORK, *TINY_RUN)


@pytest.fixture
def bcdl_in_process(
    tracking_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run a command line in this process, with a store, an image cache and a working folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return lambda *typed: main(list(typed))


@pytest.fixture
def train(bcdl_in_process: Callable[..., int]) -> Callable[..., int]:
    """Train a tiny run, on the phantom unless the overrides name other data."""

    def run(*typed: str) -> int:
        keys = {text.split("=")[0] for text in typed}
        data = () if "data" in keys else TINY_PHANTOM
        own_encoder = "encoder" in keys or bool({"model=transfer", "model=radiomics"} & set(typed))
        network = () if own_encoder else TINY_NETWORK
        return bcdl_in_process("train", *([] if "resume" in keys else [*data, *network, *TINY_RUN]), *typed)

    return run


@pytest.fixture(scope="session")
def trained_root(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Path:
    """The tracking root of one tiny run of `cnn_rnn` on breasts."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copy(database_template, root / "mlflow.db")
    places = (f"tracking.root={root}", f"data.store={root / 'stores'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(sys, "path", list(sys.path))
        typed = ("model=cnn_rnn", "data.unit=breast", *TINY_PHANTOM, *TINY_NETWORK, *TINY_RUN, *places)
        assert main(["train", *typed]) == 0
    return root


@pytest.fixture
def trained(trained_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, for a test that only reads it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return trained_root


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data sets, `$BCDL_TEST_DATA`; tests that need it are skipped where there is none."""
    folder = os.environ.get("BCDL_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"needs real data: $BCDL_TEST_DATA names no folder (it is {folder!r})")
    return Path(folder)
