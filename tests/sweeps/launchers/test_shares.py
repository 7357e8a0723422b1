import pytest

from bcdl.errors import UserError
from bcdl.sweeps.launchers.gpus import Gpu, visible
from bcdl.sweeps.launchers.shares import Shares

TWO = (Gpu("0", 24.0), Gpu("1", 24.0))
ANSWER = "0, GPU-aa, 24576\n1, GPU-bb, 24576\n2, GPU-cc, 81920\n"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcdl.sweeps.launchers.shares.available_cores", lambda: 8)


def shares(n_jobs: int | None = None, threads: int | None = None, **more: object) -> Shares:
    given = {"trials_per_gpu": 1, "gpu_memory": None, "gpus": (), **more}
    return Shares.of(n_jobs, threads, **given)  # type: ignore[arg-type]


def test_cores_are_shared_out() -> None:
    assert (shares(4).n_jobs, shares(4).threads) == (4, 2)
    assert shares(16).threads == 1
    assert shares(2, threads=1).threads == 1


def test_without_a_number_half_of_the_cores_or_all_gpus_work() -> None:
    assert shares().n_jobs == 4
    assert shares(gpus=TWO).n_jobs == 2
    assert shares(gpus=TWO, trials_per_gpu=3).n_jobs == 6


def test_each_slot_gets_a_gpu_of_its_own_in_turn() -> None:
    found = shares(4, gpus=TWO, trials_per_gpu=2)
    assert [found.environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(4)] == ["0", "1", "0", "1"]
    assert found.environment(0)["OMP_NUM_THREADS"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in shares(4).environment(0)


def test_more_jobs_than_the_gpus_take_are_refused() -> None:
    with pytest.raises(UserError, match=r"at most 2 jobs on 2 GPUs, found hydra\.launcher\.n_jobs=3"):
        shares(3, gpus=TWO)


def test_more_jobs_than_fit_into_the_memory_are_refused() -> None:
    with pytest.raises(UserError, match=r"3 jobs of 10 GiB to fit on GPU 0, which has 24\.0 GiB"):
        shares(gpus=TWO, trials_per_gpu=3, gpu_memory=10)
    assert shares(gpus=TWO, trials_per_gpu=2, gpu_memory=10).n_jobs == 4


@pytest.mark.parametrize(
    ("chosen", "names"),
    [(None, ["0", "1", "2"]), ("2,0", ["2", "0"]), ("GPU-bb", ["GPU-bb"]), ("", []), ("-1", [])],
)
def test_the_gpus_that_are_visible_are_found(chosen: str | None, names: list[str]) -> None:
    assert [gpu.name for gpu in visible(ANSWER, chosen)] == names


def test_the_memory_is_in_gib() -> None:
    assert [gpu.gib for gpu in visible(ANSWER, "0,2")] == [24.0, 80.0]
