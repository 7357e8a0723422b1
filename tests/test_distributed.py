"""A fit on several devices: one process owns the run, the others join it and leave nothing of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from bcdl.distributed import joined_config, joined_folder, require_one_start, shared_fit
from bcdl.errors import UserError
from bcdl.tracking import TrackingStore

CFG = OmegaConf.create({"seed": 3, "again": "${seed}"})


def test_a_fit_on_one_device_is_not_shared(tmp_path: Path) -> None:
    with shared_fit(CFG, tmp_path, devices=1):
        assert joined_folder() is None
    assert not list(tmp_path.iterdir())


def test_further_processes_find_the_configuration_and_nothing_stays_behind(tmp_path: Path) -> None:
    before = dict(os.environ)
    with shared_fit(CFG, tmp_path, devices=2):
        os.environ["LOCAL_RANK"] = "0"  # as Lightning does
        folder = joined_folder()
        assert folder == tmp_path
        assert joined_config(folder) == {"seed": 3, "again": 3}
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("rank", "size"), [("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")])
def test_a_command_that_was_started_several_times_is_refused(
    rank: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(rank, "0")
    monkeypatch.setenv(size, "1")
    require_one_start()
    monkeypatch.setenv(size, "2")
    with pytest.raises(UserError, match=f"{size}=2.*trainer=ddp"):
        require_one_start()


@pytest.mark.slow
def test_a_sweep_over_two_processes_each_has_one_whole_run_a_job(
    tracking_root: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    two = ("trainer.devices=2", "+trainer.strategy=ddp")
    command = [sys.executable, "-m", "bcdl.cli", "train", "-m", "seed=0,1", *tiny, *two]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, timeout=300, stdin=subprocess.DEVNULL)
    store = TrackingStore.open(tracking_root)
    runs = store.runs()
    assert runs["status"].tolist() == ["FINISHED", "FINISHED"]
    for run_id in runs["run_id"]:
        table = pd.read_parquet(store.download(run_id, "predictions.parquet"))
        assert table["sample_id"].is_unique
        assert {"val", "test"} == set(table["split"])
