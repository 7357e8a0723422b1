import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import cloudpickle
import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import TaskFunction
from omegaconf import DictConfig

from bcdl.errors import RunError, UserError
from bcdl.sweeps.launchers.remote import RemoteJob, Stopped, failed
from bcdl.sweeps.launchers.remote_launcher import RemoteLauncher
from tests.launching import set_up

Launch = Callable[..., list[JobReturn]]


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Sends jobs through a launcher whose machine is this process; `before` is done on arrival."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")

    def run(
        task: TaskFunction, *overrides: list[str], before: Callable[[], object] | None = None
    ) -> list[JobReturn]:
        launcher = set_up("ray", task, tmp_path / "sweep")
        assert isinstance(launcher, RemoteLauncher)

        def outcomes(self: RemoteLauncher, jobs: list[RemoteJob]) -> list[JobReturn]:
            travelled = [pickle.loads(cloudpickle.dumps(job)) for job in jobs]
            if before is not None:
                before()
            return [pickle.loads(pickle.dumps(job())) for job in travelled]

        monkeypatch.setattr(type(launcher), "_outcomes", outcomes)
        return list(launcher.launch(overrides or [[]], 0))

    return run


def test_a_job_finds_the_folder_command_and_variables_of_its_sender(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "own_model.py").write_text("WIDTH = 8\n")
    monkeypatch.setattr(sys, "argv", ["/bin/bcdl", "train", "-m"])
    for name in ("MLFLOW_MARK", "BCDL_MARK", "OTHER_MARK"):
        monkeypatch.setenv(name, "home")

    def arrive() -> None:
        monkeypatch.chdir("/")
        sys.argv = ["worker"]
        for name in ("MLFLOW_MARK", "BCDL_MARK", "OTHER_MARK"):
            os.environ[name] = "there"

    def task(cfg: DictConfig) -> list[object]:
        import own_model  # type: ignore[import-not-found]

        marks = [os.environ[name] for name in ("MLFLOW_MARK", "BCDL_MARK", "OTHER_MARK")]
        return [
            cfg.seed,
            own_model.WIDTH,
            str(Path.cwd()),
            sys.argv,
            sys.modules["__main__"].__spec__,
            *marks,
        ]

    (job,) = launch(task, ["seed=4"], before=arrive)
    expected = [4, 8, str(tmp_path / "home"), ["/bin/bcdl", "train", "-m"], None, "home", "home", "there"]
    assert job.return_value == expected


def test_a_machine_is_left_as_it_was(launch: Launch, tmp_path: Path) -> None:
    spec, path = sys.modules["__main__"].__spec__, list(sys.path)

    def task(cfg: DictConfig) -> None:
        os.environ["LEFT_BEHIND"] = "1"
        sys.argv = []
        os.chdir("/")

    assert launch(task)[0].status == JobStatus.COMPLETED
    assert "LEFT_BEHIND" not in os.environ
    assert sys.argv
    assert (Path.cwd(), sys.path) == (tmp_path / "home", path)
    assert sys.modules["__main__"].__spec__ is spec


def test_a_folder_that_the_machine_does_not_share_is_named(launch: Launch, tmp_path: Path) -> None:
    def arrive() -> None:
        os.chdir(tmp_path)
        (tmp_path / "home").rmdir()

    (job,) = launch(lambda cfg: None, before=arrive)
    assert job.status == JobStatus.FAILED
    assert f"expected the folder {tmp_path / 'home'}" in str(job._return_value)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such breast"), "ValueError: no such breast"),
        (UserError("set data.root"), "set data.root"),
        (SystemExit(3), "exit code 3"),
        (SystemExit(143), r"asked to end \(SIGINT or SIGTERM\)"),
        (KeyboardInterrupt(), r"asked to end \(SIGINT or SIGTERM\)"),
        (Stopped("the time is up"), "the time is up"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_ends_a_job_comes_back_as_its_outcome(
    launch: Launch, error: BaseException, text: str
) -> None:
    def task(cfg: DictConfig) -> None:
        raise error

    ended, next_one = launch(task, ["seed=1"], ["seed=2"])
    assert (ended.status, next_one.status) == (JobStatus.FAILED, JobStatus.FAILED)
    with pytest.raises((RunError, UserError), match=text):
        raise ended._return_value
    assert ended.overrides == ("seed=1",)


def test_an_error_that_does_not_pickle_still_comes_back() -> None:
    class StubbornError(Exception):
        def __reduce__(self) -> str:
            raise TypeError

    outcome = pickle.loads(pickle.dumps(failed(["seed=1"], StubbornError("as it was"))))
    assert str(outcome._return_value) == "StubbornError: as it was"


def test_a_job_that_does_not_compose_is_one_failed_job(launch: Launch) -> None:
    wrong, right = launch(lambda cfg: cfg.seed, ["model=nothing"], ["seed=7"])
    assert "no 'nothing' in the config group 'model'" in str(wrong._return_value)
    assert right.return_value == 7


@pytest.mark.parametrize(("name", "extra"), [("ray", "ray"), ("submitit_slurm", "slurm")])
def test_a_launcher_whose_extra_is_missing_says_which(
    name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdl.sweeps.launchers.remote_launcher.find_spec", lambda module: None)
    with pytest.raises(UserError, match=rf"pip install 'bcdl\[{extra}\]'"):
        set_up(name, lambda cfg: None, tmp_path)
