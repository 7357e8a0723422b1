import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher

from bcdl.errors import RunError, UserError
from bcdl.sweeps.ledger import Ledger
from tests.launching import checkpoints, endings, once, set_up, when
from tests.ray_cluster import NODE, ray_cluster

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = [
    pytest.mark.slow,
    # Ray leaves the streams of the processes that it starts to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator["Cluster"]:
    with ray_cluster() as started:
        yield started


@pytest.fixture
def launcher_of(
    cluster: "Cluster", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Launcher]]:
    """Sets up the launcher for a task; it leaves the cluster afterwards."""
    import ray

    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    monkeypatch.chdir(tmp_path)
    yield lambda task, *typed: set_up("ray", task, tmp_path / "sweep", *typed)
    ray.shutdown()


def test_every_job_has_an_end_of_its_own(
    launcher_of: Callable[..., Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_MARK", "passed-on")
    monkeypatch.setattr(sys, "argv", ["/bin/bcdl", "train"])
    launcher = launcher_of(endings(tmp_path))
    assert vars(type(launcher).__mro__[1])["slots"].fget(launcher) == 2

    well, raised, killed, wrong = launcher.launch([["seed=0"], ["seed=1"], ["seed=2"], ["model=nothing"]], 0)

    assert well.status == JobStatus.COMPLETED
    assert well.return_value == f"0 /bin/bcdl {tmp_path} passed-on 1 {vars(well)['log']}"
    assert [job.status for job in (raised, killed, wrong)] == [JobStatus.FAILED] * 3
    assert "no such breast" in str(raised._return_value)
    assert "WorkerCrashedError" in str(killed._return_value)
    assert "no 'nothing' in the config group 'model'" in str(wrong._return_value)
    assert "the output of 1" in Path(vars(raised)["log"]).read_text()
    assert "the output of 2" in Path(vars(killed)["log"]).read_text()


def test_an_interrupted_launch_interrupts_its_jobs(
    launcher_of: Callable[..., Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    get = ray.get

    def interrupted(task: object) -> object:
        if sys._getframe(1).f_code.co_name != "_outcome":
            return get(task)
        while not ((tmp_path / "3").exists() and (tmp_path / "4").exists()):
            time.sleep(0.1)
        raise KeyboardInterrupt

    launcher = launcher_of(endings(tmp_path))
    monkeypatch.setattr(ray, "get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.launch([[f"seed={seed}"] for seed in (3, 4, 5)], 0)
    assert [(tmp_path / f"{seed}.told").read_text() for seed in (3, 4)] == ["KeyboardInterrupt"] * 2
    assert not (tmp_path / "5").exists()


def test_a_node_that_is_killed_loses_its_job_only(
    launcher_of: Callable[..., Launcher], cluster: "Cluster", tmp_path: Path
) -> None:
    def kill() -> None:
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        while all(Path("/proc", (tmp_path / name).read_text()).exists() for name in ("3", "4")):
            time.sleep(0.1)  # the worker ends when it misses its node
        (tmp_path / "go").touch()

    watcher = once([tmp_path / "3", tmp_path / "4"], kill)
    jobs = launcher_of(endings(tmp_path)).launch([[f"seed={seed}"] for seed in (3, 4, 5)], 0)
    watcher.join(60)
    cluster.add_node(**NODE)
    cluster.wait_for_nodes()

    lost = [job for job in jobs if job.status == JobStatus.FAILED]
    assert len(lost) == 1
    assert lost[0] in jobs[:2]
    assert "Ray lost the job" in str(lost[0]._return_value)
    assert jobs[2].return_value.startswith("5 ")


def test_a_sweep_outlives_a_node(
    cluster: "Cluster",
    bcdl_in_process: Callable[..., int],
    tiny: tuple[str, ...],
    tracking_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    typed = (
        "seed=1,2",
        "hydra/launcher=ray",
        "sweep.name=s",
        "sweep.retries=1",
        f"data.store={tmp_path / 'store'}",
    )
    (node,) = cluster.worker_nodes
    watcher = when(checkpoints(tracking_root, 2), lambda: cluster.remove_node(node, allow_graceful=False))
    assert bcdl_in_process("train", "-m", *tiny, *typed, "trainer.max_epochs=60") == 0
    watcher.join(60)
    trials = Ledger.open("s", tracking_root).trials()
    assert sorted(trial.told for trial in trials) == ["failed", "finished", "finished"]
    (lost,) = [trial.jobs[0] for trial in trials if trial.told == "failed"]
    assert "Ray lost the job" in str(lost.error)
    assert Path(str(lost.log)).is_file()


def test_a_cluster_that_is_not_there_is_told_at_once(
    launcher_of: Callable[..., Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RunError, match=r"cannot reach the Ray cluster at 127\.0\.0\.1:1 .*refused"):
        launcher_of(endings(tmp_path)).launch([["seed=0"]], 0)


def test_what_ray_refuses_is_a_mistake_of_the_user(
    launcher_of: Callable[..., Launcher], tmp_path: Path
) -> None:
    launcher = launcher_of(endings(tmp_path), "+hydra.launcher.ray.init.num_cpus=3")
    with pytest.raises(UserError, match=r"Ray refuses hydra\.launcher\.ray\.init"):
        launcher.launch([["seed=0"]], 0)
