import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobStatus
from omegaconf import DictConfig

from bcdl.errors import RunError, UserError
from bcdl.sweeps.process import _started
from tests.launching import endings, once, set_up

CPU = "trainer.accelerator=cpu"


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Heed Ctrl-C: a process that a shell starts in the background is told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def launcher_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Sets up the launcher for a task; its workers end afterwards."""
    made: list[Any] = []
    monkeypatch.chdir(tmp_path)

    def build(task: Callable[[DictConfig], object], *typed: str) -> Any:
        launcher = set_up("local", task, tmp_path / "sweep", CPU, *typed)  # type: ignore[arg-type]
        made.append(launcher)
        return launcher

    yield build
    for launcher in made:
        launcher.close()


def whose() -> Callable[[DictConfig], str]:
    """A task that tells which process does it, and with how many threads."""

    def task(cfg: DictConfig) -> str:
        return f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}"

    return task


def test_every_job_has_an_end_of_its_own_and_a_log(
    launcher_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_MARK", "passed-on")
    monkeypatch.setattr(sys, "argv", ["/bin/bcdl", "train"])
    launcher = launcher_of(endings(tmp_path), "hydra.launcher.n_jobs=2", "hydra.launcher.threads=3")
    jobs = [["seed=0"], ["seed=1"], ["seed=2"], ["model=nothing"], ["seed=0"]]
    well, raised, killed, wrong, later = launcher.launch(jobs, 7)
    assert [each.status for each in (well, later)] == [JobStatus.COMPLETED] * 2
    assert well.return_value.startswith(f"0 /bin/bcdl {tmp_path} passed-on 3 {tmp_path}/sweep/7/job.log")
    assert [each.status for each in (raised, killed, wrong)] == [JobStatus.FAILED] * 3
    assert "no such breast" in str(raised._return_value)
    assert "killed by signal 9 (SIGKILL)" in str(killed._return_value)
    assert "no 'nothing' in the config group 'model'" in str(wrong._return_value)
    assert "the output of 2" in Path(killed.log).read_text()
    assert Path(raised.log) == tmp_path / "sweep" / "8" / "job.log"


def test_workers_are_kept_for_many_jobs_and_launches(launcher_of: Callable[..., Any]) -> None:
    launcher = launcher_of(whose(), "hydra.launcher.n_jobs=2", "hydra.launcher.threads=1")
    assert launcher.slots == 2
    first = {job.return_value for job in launcher.launch([["seed=0"]] * 6, 0)}
    second = {job.return_value for job in launcher.launch([["seed=0"]] * 6, 6)}
    assert len(first | second) <= 2
    assert all(told.split()[1] == "1" and told.split()[0] != str(os.getpid()) for told in first)


def test_one_job_at_a_time_has_a_worker_of_its_own_too(launcher_of: Callable[..., Any]) -> None:
    (job,) = launcher_of(whose(), "hydra.launcher.n_jobs=1").launch([["seed=0"]], 0)
    assert job.return_value.split()[0] != str(os.getpid())


def test_ctrl_c_ends_the_jobs_at_work_in_good_order(launcher_of: Callable[..., Any], tmp_path: Path) -> None:
    launcher = launcher_of(endings(tmp_path), "hydra.launcher.n_jobs=2")
    once([tmp_path / "3", tmp_path / "4"], lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        launcher.launch([["seed=3"], ["seed=4"], ["seed=5"]], 0)
    assert (tmp_path / "3.told").read_text() == "KeyboardInterrupt"
    assert (tmp_path / "4.told").read_text() == "KeyboardInterrupt"
    assert not (tmp_path / "5").exists()


def test_a_job_that_will_not_end_is_killed_after_the_grace(
    launcher_of: Callable[..., Any], tmp_path: Path
) -> None:
    def stubborn(cfg: DictConfig) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        (tmp_path / "begun").write_text(str(os.getpid()))
        time.sleep(600)

    launcher = launcher_of(stubborn, "hydra.launcher.n_jobs=1", "hydra.launcher.grace=0.5")
    once([tmp_path / "begun"], lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        launcher.launch([["seed=0"]], 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "begun").read_text()), 0)


def test_workers_that_cannot_start_are_an_error_with_their_log(
    launcher_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdl.sweeps.launchers.slot.WORKER", "bcdl.no_such_module")
    with pytest.raises(RunError, match=r"3 workers died as they started .*workers\.log"):
        launcher_of(whose(), "hydra.launcher.n_jobs=1").launch([["seed=0"]], 0)
    assert "no_such_module" in (tmp_path / "sweep" / "workers.log").read_text()


def test_a_job_that_ends_its_process_is_one_failed_job(launcher_of: Callable[..., Any]) -> None:
    def ends(cfg: DictConfig) -> None:
        os._exit(3)

    (job,) = launcher_of(ends, "hydra.launcher.n_jobs=1").launch([["seed=0"]], 0)
    assert "ended with exit code 3" in str(job._return_value)


@pytest.mark.parametrize("typed", ["n_jobs=0", "threads=0", "trials_per_gpu=0"])
def test_a_number_below_one_is_refused(launcher_of: Callable[..., Any], typed: str) -> None:
    with pytest.raises(UserError, match=f"hydra.launcher.{typed.split('=')[0]} of 1 or more, found 0"):
        launcher_of(whose(), f"hydra.launcher.{typed}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux alone")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from tests.launching import endings, set_up\n"
        "marks = Path(sys.argv[2])\n"
        f"set_up('local', endings(marks), marks / 'sweep', '{CPU}', 'hydra.launcher.n_jobs=1')"
        ".launch([['seed=3']], 0)\n"
    )
    checkout = str(Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-c", code, checkout, str(tmp_path)]) as parent:
        while not (mark := tmp_path / "3").exists() or not mark.read_text():
            time.sleep(0.1)
        parent.kill()
    time.sleep(0.5)
    assert _started(int(mark.read_text())) is None, "it lives, or has not even become a zombie"


@pytest.mark.slow
def test_eight_jobs_at_once_lose_no_metric(
    bcdl_in_process: Callable[..., int], tiny: tuple[str, ...], tracking_root: Path
) -> None:
    from bcdl.tracking import TrackingStore

    typed = ("sweep.seeds=8", "sweep.name=e", "hydra/launcher=local", "hydra.launcher.n_jobs=8")
    assert bcdl_in_process("train", "-m", *typed, *tiny) == 0
    store = TrackingStore.open(tracking_root)
    children = store.runs(parent=store.resolve("e", kind="sweep"))
    assert children["status"].tolist() == ["FINISHED"] * 8
    assert children["params.seed"].astype(int).sort_values().tolist() == list(range(8))
    for run in children["run_id"]:
        losses = store.client.get_metric_history(run, "train/loss")
        assert len({point.step for point in losses}) == len(losses) == 2
        assert {"best/val/auroc", "test/auroc"} <= set(store.metrics(run))
