import os
import pickle
import signal
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bcdl.cli import main
from bcdl.errors import RunError, UserError
from bcdl.jobs import Job


def fail(error: BaseException) -> Callable[[DictConfig], float]:
    def failing(cfg: DictConfig) -> float:
        raise error

    return failing


def test_the_verb_gets_the_composed_configuration(train_with: Callable[..., None]) -> None:
    seen: list[DictConfig] = []
    train_with(seen.append)
    assert main(["train", "model=cnn_rnn", "trainer.max_epochs=5", "experiments=study/first"]) == 0
    assert seen[0].model.width == 16
    assert seen[0].trainer.max_epochs == 5
    assert "hydra" not in seen[0]


def test_overrides_may_stand_on_both_sides_of_a_flag(train_with: Callable[..., None]) -> None:
    seen: list[int] = []
    train_with(lambda cfg: seen.append(cfg.seed))
    assert main(["train", "seed=1,2", "-m", "data.root=x"]) == 0
    assert seen == [1, 2]


def test_a_further_process_of_a_fit_composes_nothing_and_joins_it(
    train_with: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_with(lambda cfg: pytest.fail("the verb ran"))
    joined: list[Path] = []
    vars(sys.modules["bcdl.train"])["join"] = joined.append
    monkeypatch.setenv("BCDL_JOINED_FIT", str(tmp_path))
    assert main(["train", "-m", "seed=1,2", "hydra.job.name=train_ddp_process_1"]) == 0
    assert joined == [tmp_path]


def test_the_job_is_named_after_the_verb_and_argv_is_left_alone(train_with: Callable[..., None]) -> None:
    argv = list(sys.argv)
    seen: list[str] = []
    train_with(lambda cfg: seen.append(HydraConfig.get().job.name))
    main(["train"])
    assert seen == ["train"]
    assert sys.argv == argv


def test_a_single_run_leaves_nothing_in_the_working_directory(train_with: Callable[..., None]) -> None:
    train_with(lambda cfg: None)
    assert main(["train"]) == 0
    assert not list(Path.cwd().iterdir())


def test_a_multirun_writes_under_the_runs_folder_only(train_with: Callable[..., None]) -> None:
    train_with(lambda cfg: None)
    assert main(["train", "-m", "seed=1,2"]) == 0
    assert main(["train", "-m", "seed=1,2"]) == 0
    assert [path.name for path in Path.cwd().iterdir()] == ["runs"]
    assert len(list(Path("runs/sweeps").iterdir())) == 2


def test_folders_of_the_working_directory_are_no_config_groups(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("model").mkdir()
    Path("model/mine.yaml").write_text("width: 1\n")
    train_with(lambda cfg: None)
    assert main(["train", "model=mine"]) == 2
    assert "Choices: cnn, cnn_rnn" in capsys.readouterr().err


def test_config_dir_adds_the_users_own_choices(train_with: Callable[..., None]) -> None:
    Path("own/model").mkdir(parents=True)
    Path("own/model/mine.yaml").write_text("width: 99\n")
    seen: list[int] = []
    train_with(lambda cfg: seen.append(cfg.model.width))
    assert main(["train", "--config-dir", "own", "model=mine"]) == 0
    assert seen == [99]


def test_modules_of_the_working_directory_are_importable(train_with: Callable[..., None]) -> None:
    Path("my_own_reader.py").write_text("ANSWER = 42\n")
    seen: list[int] = []

    def importing(cfg: DictConfig) -> None:
        import my_own_reader

        seen.append(my_own_reader.ANSWER)

    train_with(importing)
    assert main(["train"]) == 0
    assert seen == [42]


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (UserError("expected a, found b"), 2, "bcdl: expected a, found b\n"),
        (RunError("the loss is not finite"), 1, "bcdl: the loss is not finite\n"),
        (KeyboardInterrupt(), 130, "bcdl: interrupted\n"),
        (SystemExit(143), 143, ""),
    ],
)
def test_an_expected_end_is_one_message_and_its_exit_code(
    error: BaseException,
    code: int,
    shown: str,
    train_with: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    train_with(fail(error))
    assert main(["train"]) == code
    assert capsys.readouterr().err == shown


def test_a_bug_keeps_its_traceback(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    train_with(fail(ZeroDivisionError("a bug")))
    assert main(["train"]) == 1
    err = capsys.readouterr().err
    assert "in failing" in err
    assert err.rstrip().endswith("ZeroDivisionError: a bug")


@pytest.mark.parametrize("variable", ["BCDL_DEBUG", "HYDRA_FULL_ERROR"])
def test_debugging_shows_the_traceback_of_a_mistake(
    variable: str,
    train_with: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "1")
    train_with(fail(UserError("expected a")))
    assert main(["train"]) == 2
    err = capsys.readouterr().err
    assert "in failing" in err
    assert err.endswith("bcdl: expected a\n")


def test_the_job_sees_the_users_own_environment(train_with: Callable[..., None]) -> None:
    seen: list[str | None] = []
    train_with(lambda cfg: seen.append(os.environ.get("HYDRA_FULL_ERROR")))
    main(["train"])
    assert seen == [None]
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_ctrl_c_that_lightning_turned_into_an_exit_is_still_an_interrupt(
    train_with: Callable[..., None],
) -> None:
    def interrupted(cfg: DictConfig) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    train_with(interrupted)
    assert main(["train"]) == 130


def test_sigterm_ends_the_job_with_143(train_with: Callable[..., None]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    train_with(lambda cfg: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["train"]) == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_multirun_goes_on_after_a_failed_job_and_names_it(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []

    def sometimes(cfg: DictConfig) -> None:
        seen.append(cfg.seed)
        if cfg.seed == 2:
            raise UserError("two is unlucky")

    train_with(sometimes)
    assert main(["train", "-m", "seed=1,2,3"]) == 1
    assert seen == [1, 2, 3]
    err = capsys.readouterr().err
    assert "bcdl: two is unlucky\n" in err
    assert "1 of 3 jobs failed:\n  #1 seed=2\n" in err
    assert "Traceback" not in err


def test_a_mistake_in_one_job_of_a_multirun_is_found_before_any_starts(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    train_with(lambda cfg: seen.append(cfg.seed))
    assert main(["train", "-m", "model=cnn,cnm"]) == 2
    assert not seen
    assert "Did you mean 'cnn'?" in capsys.readouterr().err


class AwkwardError(Exception):
    """An error that pickle cannot bring back: it wants two arguments and keeps one."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} at {where}\nand more lines")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (AwkwardError("a wall", "night"), "AwkwardError: a wall at night"),
        (UserError("expected a,\nfound b"), "expected a,"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_a_failed_job_of_a_multirun_is_one_line_that_travels_between_processes(
    error: Exception, line: str, train_with: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_with(fail(error))
    hydra = {"mode": RunMode.MULTIRUN, "overrides": {"task": ["seed=1"]}, "job": {"num": 0}}
    cfg = OmegaConf.create({"seed": 1, "hydra": hydra})
    monkeypatch.setattr(HydraConfig.instance(), "cfg", cfg)
    with pytest.raises(RunError) as caught:
        Job("train")(OmegaConf.create({"seed": 1}))
    assert str(pickle.loads(pickle.dumps(caught.value))) == line


def test_cfg_prints_the_configuration_and_runs_nothing(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    train_with(fail(AssertionError("must not run")))
    assert main(["train", "--cfg", "job", "model=cnn_rnn"]) == 0
    assert "width: 16" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["-m", "--cfg", "job"], ["--resolve"], ["--epochs", "3"], ["--config-dir", "nowhere"]]
)
def test_wrong_flags_are_a_mistake(
    arguments: list[str], tiny_conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    assert capsys.readouterr().err.startswith("bcdl: ")


def test_a_failed_job_keeps_nothing_alive_for_the_next(train_with: Callable[..., None]) -> None:
    held: list[weakref.ref[Heavy]] = []
    alive: list[bool] = []

    def job(cfg: DictConfig) -> None:
        alive.append(bool(held and held[0]()))
        model = Heavy()
        held.append(weakref.ref(model))
        raise RuntimeError("no memory left")

    train_with(job)
    assert main(["train", "-m", "seed=1,2"]) == 1
    assert alive == [False, False]


class Heavy:
    """What a job holds."""
