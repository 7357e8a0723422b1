"""A sweep's dry run of one configuration: one batch, and the error that a run would raise."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from bcdl.configs import compose
from bcdl.errors import UserError
from bcdl.exits import expected_error
from bcdl.jobs import Job
from bcdl.rehearse import rehearse

Compose = Callable[..., DictConfig]


@pytest.fixture
def composed(tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compose:
    """Compose a tiny run with a store of its own; the working directory is empty."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BCDL_TRACKING_ROOT", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")

    def build(*typed: str) -> DictConfig:
        cfg = compose("train", [*tiny, *typed])
        return OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])

    return build


def test_one_batch_tells_its_shape_and_the_model_s_size_and_nothing_is_recorded(
    composed: Compose, tmp_path: Path
) -> None:
    cfg = composed("data.batch_size=8", "trainer.max_epochs=50")
    before = cfg.copy()
    told = Job("train").rehearse(cfg)
    assert told.endswith("parameters, a batch of 8 x 1 x 1 x 64 x 32 on cpu")
    assert int(told.split()[0].replace(",", "")) > 100
    assert cfg == before
    assert not (tmp_path / "runs").exists()
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("data.reader.patients=0", "patients"),
        ("data.batch_size=500", "lower data.batch_size"),
        ("keep=some", "keep"),
        ("encoder.widths=???", "encoder.widths"),
        ("encoder.weights=run:latest", "store"),
    ],
)
def test_what_a_run_would_find_is_found(typed: str, shown: str, composed: Compose) -> None:
    with pytest.raises(Exception, match=shown) as caught:
        Job("train").rehearse(composed(typed))
    assert isinstance(expected_error(caught.value, "bcdl train"), UserError)


def test_one_process_tries_what_several_would_do(composed: Compose) -> None:
    assert rehearse(composed("trainer.devices=2", "+trainer.strategy=ddp", "model=cnn_rnn")).endswith(
        "on cpu"
    )
