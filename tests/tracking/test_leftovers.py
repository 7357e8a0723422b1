from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking import journal as journal_module
from bcdl.tracking.journal import Journal
from bcdl.tracking.leftovers import deliver_leftovers


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


def leave(store: TrackingStore, status: str | None = None) -> str:
    """Leave the journal of a run whose process died, and return the run's id."""
    run = store.client.create_run(store.experiment_id, run_name="cnn")
    journal = Journal(store.folder(run.info.run_id))
    journal.append("metrics", values={"loss": 1.0, "auroc": 0.5}, step=1)
    if status:
        journal.append("status", status=status, end=None)
    journal.close()
    return str(run.info.run_id)


def test_what_was_delivered_is_told(store: TrackingStore) -> None:
    died, ended = leave(store), leave(store, "FINISHED")
    by_run = {delivery.run: delivery for delivery in store.deliver_leftovers()}
    assert (by_run[died].state, by_run[died].status) == ("delivered", "KILLED")
    assert (by_run[ended].state, by_run[ended].status) == ("delivered", "FINISHED")
    assert by_run[ended].counts == {"metrics": 2}
    assert by_run[ended].name == "cnn"
    assert store.status(ended) == "FINISHED"
    assert store.deliver_leftovers() == []


def test_a_killed_run_ends_when_it_gave_its_last_sign(store: TrackingStore) -> None:
    died = leave(store)
    store.deliver_leftovers()
    logged = store.client.get_metric_history(died, "loss")[0].timestamp
    assert store.client.get_run(died).info.end_time == logged


def test_living_runs_cost_the_store_no_request(store: TrackingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with TrackedRun.start(store, "cnn") as run, monkeypatch.context() as silent:
        silent.delattr(MlflowClient, "get_run")
        assert [(each.run, each.state) for each in store.deliver_leftovers()] == [(run.id, "alive")]


def test_a_store_that_is_away_is_asked_once_and_every_journal_stays(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {leave(store, "FINISHED") for _ in range(4)}
    asked = []

    def refuse(client: MlflowClient, run_id: str) -> None:
        asked.append(run_id)
        raise MlflowException("nobody there")

    with monkeypatch.context() as dead:
        dead.setattr(MlflowClient, "get_run", refuse)
        deliveries = store.deliver_leftovers()
    assert len(asked) == 1
    assert {(each.run, each.state) for each in deliveries} == {(run, "waiting") for run in left}
    assert all("nobody there" in str(each.error) for each in deliveries)
    assert {store.status(run) for run in left} == {"RUNNING"}
    store.deliver_leftovers()
    assert {store.status(run) for run in left} == {"FINISHED"}


def test_a_run_of_another_store_is_left_alone(store: TrackingStore) -> None:
    journal = Journal(store.folder("f" * 32))
    journal.append("metrics", values={"loss": 1.0}, step=1)
    journal.close()
    assert [each.state for each in store.deliver_leftovers()] == ["unknown"]
    assert (store.folder("f" * 32) / "journal.jsonl").exists()


def test_a_journal_of_another_user_blocks_nothing(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, mine = leave(store), leave(store, "FINISHED")
    lock = journal_module._lock

    def refuse(folder: Path, wait: float) -> int:
        if folder.name == theirs:
            raise PermissionError(13, "Permission denied", str(folder / "journal.lock"))
        return lock(folder, wait)

    monkeypatch.setattr(journal_module, "_lock", refuse)
    by_run = {delivery.run: delivery for delivery in store.deliver_leftovers()}
    assert (by_run[theirs].state, by_run[mine].state) == ("waiting", "delivered")
    assert "Permission denied" in str(by_run[theirs].error)
    TrackingStore.open(store.root)


def test_a_damaged_line_blocks_no_other_run_and_stays(store: TrackingStore) -> None:
    damaged, whole = leave(store), leave(store, "FINISHED")
    file = store.folder(damaged) / "journal.jsonl"
    file.write_text(f"garbled\n{file.read_text()}")
    for _ in range(2):  # its lock is let go
        by_run = {delivery.run: delivery for delivery in store.deliver_leftovers()}
        assert (by_run[damaged].state, "JSONDecodeError" in str(by_run[damaged].error)) == ("waiting", True)
    assert store.status(whole) == "FINISHED"
    assert file.read_text().startswith("garbled")


def test_a_journal_that_cannot_be_removed_blocks_nothing(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(store, "FINISHED")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as locked:
        locked.setattr(Path, "unlink", refuse)
        assert [each.state for each in store.deliver_leftovers()] == ["waiting"]
    assert [each.state for each in store.deliver_leftovers()] == ["delivered"]


def test_a_copy_that_is_gone_since_it_was_delivered_holds_up_nothing(store: TrackingStore) -> None:
    run = leave(store)
    journal = Journal(store.folder(run))
    journal.append("artifact", file="outbox/tmp1/a.txt", folder=None)
    journal.close()
    assert [each.state for each in store.deliver_leftovers()] == ["delivered"]
    assert store.status(run) == "KILLED"


def test_what_mlflow_refuses_is_counted_apart(store: TrackingStore) -> None:
    run = leave(store)
    journal = Journal(store.folder(run))
    journal.append("metrics", values={"bad\nname": 1.0}, step=1)
    journal.close()
    (delivery,) = store.deliver_leftovers()
    assert (delivery.counts, delivery.refused) == ({"metrics": 2}, {"metrics": 1})
    assert delivery.rejected == store.folder(run) / "rejected.jsonl"


def test_only_the_runs_that_were_named_are_delivered(store: TrackingStore) -> None:
    first, second = leave(store, "FINISHED"), leave(store, "FINISHED")
    deliver_leftovers(store.plain_client, store.root / "runs", [second])
    assert (store.status(first), store.status(second)) == ("RUNNING", "FINISHED")


def test_a_dead_run_is_ended_behind_what_its_journal_holds(store: TrackingStore) -> None:
    died = leave(store)
    store.end(died, "FAILED", "killed by signal 9")
    assert store.status(died) == "FAILED"
    assert store.metrics(died)["loss"] == 1.0
    assert store.client.get_run(died).data.tags["bcdl.error"] == "killed by signal 9"


def test_ending_a_dead_run_while_the_store_is_away_is_delivered_later(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = leave(store)

    def refuse(*args: object) -> None:
        raise MlflowException("nobody there")

    with monkeypatch.context() as dead:
        dead.setattr(MlflowClient, "get_run", refuse)
        store.end(died, "FAILED", "killed by signal 9")
    assert store.status(died) == "RUNNING"
    store.deliver_leftovers()
    assert store.status(died) == "FAILED"


def test_a_living_run_is_not_ended_by_somebody_else(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run, pytest.raises(UserError, match="another process"):
        store.end(run.id, "FAILED")
