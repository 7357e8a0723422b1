import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hydra.core.utils import JobReturn, JobStatus

from bcdl.errors import RunError
from bcdl.sweeps.launchers import slurm_task
from bcdl.sweeps.launchers.remote import RemoteJob, failed
from bcdl.sweeps.launchers.slurm_queue import Queue, Standing
from bcdl.sweeps.launchers.slurm_task import PATIENCE, Sent, outside_slurm, wait

cloudpickle = pytest.importorskip("cloudpickle")
pytest.importorskip("submitit")


@pytest.fixture
def sent(tmp_path: Path) -> Sent:
    """A job with the id 12_3 that Slurm has accepted."""
    paths = SimpleNamespace(
        result_pickle=tmp_path / "result.pkl", stdout=tmp_path / "log.out", folder=tmp_path
    )
    job = cast(RemoteJob, SimpleNamespace(overrides=("seed=3",)))
    return Sent(job, cast(Any, SimpleNamespace(job_id="12_3", paths=paths)))


def _write(folder: Path, outcome: JobReturn | str) -> None:
    kind = "error" if isinstance(outcome, str) else "success"
    (folder / "result.pkl").write_bytes(cloudpickle.dumps((kind, outcome)))


def test_a_result_counts_only_once_slurm_has_ended_the_job(sent: Sent, tmp_path: Path) -> None:
    _write(tmp_path, failed((), RunError("asked to end")))
    sent.look(Standing("PENDING"), PATIENCE)  # preempted, and back in the queue
    assert not sent.done
    sent.look(Standing("COMPLETED"), PATIENCE)
    assert sent.done


def test_while_slurm_is_away_a_result_tells(sent: Sent, tmp_path: Path) -> None:
    sent.look(None, PATIENCE)
    assert not sent.done
    _write(tmp_path, JobReturn(status=JobStatus.COMPLETED))
    sent.look(None, PATIENCE)
    assert sent.done


def test_a_job_that_runs_again_is_given_its_patience_anew(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(slurm_task.time, "monotonic", lambda: now[0])
    for state, later in [("NODE_FAIL", 10), ("PENDING", 10), ("FAILED", 10), ("FAILED", 10)]:
        sent.look(Standing(state), PATIENCE)
        assert not sent.done
        now[0] += later
    sent.look(Standing("FAILED", 137 << 8), PATIENCE)
    assert sent.done
    assert "signal 9" in str(sent.outcome()._return_value)


def test_what_slurm_ended_is_told_in_slurms_words(sent: Sent, tmp_path: Path) -> None:
    _write(tmp_path, failed((), RunError("the job was asked to end (SIGTERM), and did")))
    sent.look(Standing("TIMEOUT", 15), PATIENCE)
    outcome = sent.outcome()
    assert str(outcome._return_value).startswith("Slurm ended job 12_3: TIMEOUT")
    assert vars(outcome)["log"] == str(tmp_path / "log.out")


def test_what_the_job_raised_is_told_in_its_own_words(sent: Sent, tmp_path: Path) -> None:
    _write(tmp_path, "Traceback ...\nModuleNotFoundError: No module named 'mine'\n")
    sent.look(Standing("FAILED", 1 << 8), PATIENCE)
    assert str(sent.outcome()._return_value) == "ModuleNotFoundError: No module named 'mine'"


def test_waiting_goes_on_while_slurm_does_not_answer(
    sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None, {"12_3": Standing("RUNNING")}, None, {"12_3": Standing("COMPLETED")}])
    monkeypatch.setattr(Queue, "wait", lambda self: None)
    monkeypatch.setattr(Queue, "standings", lambda self, ids: next(answers))
    wait([sent], patience=0)
    assert sent.done
    assert list(answers) == []


def test_a_sweep_inside_a_job_hands_none_of_the_jobs_variables_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SRUN_DEBUG", "SLURM_CONF"):
        monkeypatch.setenv(name, "1")
    with outside_slurm():
        left = {name for name in os.environ if name.startswith(("SLURM", "SRUN"))}
    assert left == {"SLURM_CONF"}
    assert os.environ["SLURM_MEM_PER_NODE"] == "1"
