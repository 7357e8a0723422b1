import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdl.errors import UserError
from bcdl.sweeps.launchers.slurm_queue import GONE, Queue, Standing, ending, largest_array, require_commands


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a command in the place of one of Slurm's: it prints a text, and notes how it was called."""

    def put(command: str, text: str, error: str = "", code: int = 0) -> Path:
        script, asked = tmp_path / command, tmp_path / "asked"
        lines = [
            "#!/bin/sh",
            f'echo "$@" >> {asked}',
            f"cat <<'E'\n{text}\nE",
            f"echo '{error}' >&2",
            f"exit {code}",
        ]
        script.write_text("\n".join(lines))
        script.chmod(0o755)
        return asked

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return put


def test_standings_are_asked_for_whole_arrays_at_once(says: Callable[..., Path]) -> None:
    asked = says("squeue", "12_0  RUNNING  0\n12_1  FAILED  35072\n13  PENDING  0")
    standings = Queue().standings(["12_0", "12_1", "13"])
    assert standings == {
        "12_0": Standing("RUNNING"),
        "12_1": Standing("FAILED", 35072),
        "13": Standing("PENDING"),
    }
    assert len(asked.read_text().splitlines()) == 1
    assert "--jobs=12,13 " in asked.read_text()


def test_a_job_that_slurm_has_forgotten_has_ended(says: Callable[..., Path]) -> None:
    says("squeue", "12_0  RUNNING  0")
    standings = Queue().standings(["12_0", "12_1"])
    assert standings is not None
    assert [standing.ended for standing in standings.values()] == [False, True]
    says("squeue", "", "slurm_load_jobs error: Invalid job id specified", 1)
    assert Queue().standings(["12_0"]) == {"12_0": Standing(GONE)}


def test_a_controller_that_does_not_answer_ends_no_job(says: Callable[..., Path]) -> None:
    says("squeue", "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", 1)
    assert Queue().standings(["12_0"]) is None


def test_questions_become_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    queue = Queue()
    for _ in range(40):
        queue.wait()
    assert pauses[0] == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 15


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED", "STAGE_OUT"])
def test_a_job_that_may_still_run_has_not_ended(state: str) -> None:
    assert not Standing(state).ended


@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (Standing("TIMEOUT"), "Slurm ended job 12_3: TIMEOUT; .*raise hydra.launcher.timeout_min"),
        (Standing("OUT_OF_MEMORY"), "raise hydra.launcher.mem_gb"),
        (Standing("CANCELLED", 15), "cancelled with scancel"),
        (Standing("NODE_FAIL"), "its node failed"),
        (Standing("FAILED", 137 << 8), "killed by signal 9"),
        (Standing("FAILED", 9), "killed by signal 9"),
        (Standing("FAILED", 3 << 8), "exit code 3"),
        (Standing(GONE), "no longer knows it"),
    ],
    ids=lambda value: value.state if isinstance(value, Standing) else "",
)
def test_an_ending_says_what_happened_and_what_to_do(standing: Standing, text: str) -> None:
    with pytest.raises(Exception, match=text):
        raise ending("12_3", standing)


def test_the_largest_array_is_slurms_own_limit(says: Callable[..., Path]) -> None:
    says("scontrol", "MaxArraySize            = 501")
    assert largest_array() == 500


def test_without_slurm_its_commands_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"found no sbatch, squeue.*login node"):
        require_commands()
