import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.courier import Courier, next_batch
from bcdl.tracking.journal import Entry, Journal


class FlakyClient:
    """Fails every other request; a third of the failures come after the request arrived."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, float, int, int]] = []
        self.calls = 0

    def log_batch(self, run_id: str, metrics: list[Metric], **rest: object) -> None:
        self.calls += 1
        if self.calls % 2 and self.calls % 3:
            raise MlflowException("no answer")
        self.arrived += [(metric.key, metric.value, metric.timestamp, metric.step) for metric in metrics]
        if self.calls % 2:
            raise MlflowException("the answer was lost")


class DeadClient:
    """Never answers within the patience of a test."""

    def log_batch(self, run_id: str, metrics: list[Metric], **rest: object) -> None:
        time.sleep(0.02)
        raise MlflowException("nobody there")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def courier(client: Any, journal: Journal, **waits: float) -> Courier:
    return Courier(client, "run", journal, **{"interval": 0.01, "first_wait": 0.001, **waits})


def append(journal: Journal, step: int) -> None:
    journal.append("metrics", values={"loss": step / 10}, step=step)


def steps(entries: list[Entry]) -> list[int]:
    return [entry.content["step"] for entry in entries]


def test_a_flaky_server_gets_everything_in_order_once(tmp_path: Path) -> None:
    journal, client = Journal(tmp_path), FlakyClient()
    sender = courier(client, journal)
    for step in range(200):
        append(journal, step)
        time.sleep(0.0005)
    sender.close(5)
    distinct = list(dict.fromkeys(client.arrived))  # MLflow drops identical (key, value, time, step)
    assert client.calls > 5
    assert [step for _, _, _, step in distinct] == list(range(200))
    assert journal.close()
    assert not (tmp_path / "journal.jsonl").exists()


def test_mlflow_keeps_one_of_identical_metrics(tracking_root: Path) -> None:
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        for _ in range(2):
            store.client.log_batch(run.id, metrics=[Metric("a", 1.0, 5, 0), Metric("a", float("nan"), 6, 1)])
    assert len(store.client.get_metric_history(run.id, "a")) == 2


def test_a_dead_server_never_blocks_and_all_stays_for_the_next_open(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    sender = courier(DeadClient(), journal)
    slowest = 0.0
    for step in range(100):
        start = time.perf_counter()
        append(journal, step)
        slowest = max(slowest, time.perf_counter() - start)
    start = time.perf_counter()
    sender.close(0.2)
    assert slowest < 0.05
    assert time.perf_counter() - start < 5
    assert not journal.close()
    again, client = Journal(tmp_path), FlakyClient()
    courier(client, again).close(5)
    assert again.close()
    assert [step for _, _, _, step in dict.fromkeys(client.arrived)] == list(range(100))


def test_a_server_that_dies_during_a_run_loses_nothing(
    tracking_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TrackingStore.open(tracking_root)
    run = TrackedRun.start(store, "cnn")
    run.patience = 0.2
    with monkeypatch.context() as dead, run:
        refused = MlflowException("nobody there")

        def refuse(*args: object, **kwargs: object) -> None:
            raise refused

        for name in ("log_batch", "log_artifact", "set_terminated"):
            dead.setattr(MlflowClient, name, refuse)
        run.log_metrics({"loss": 1.0})
        run.log_text("kept", "a.txt")
    assert store.status(run.id) == "RUNNING"
    store = TrackingStore.open(tracking_root)
    assert store.status(run.id) == "FINISHED"
    assert store.metrics(run.id)["loss"] == 1.0
    assert store.download(run.id, "a.txt").read_text() == "kept"


def test_a_line_that_a_killed_process_left_unfinished_is_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    append(journal, 0)
    journal.close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"kind": "metr')
    again = Journal(tmp_path)
    append(again, 1)
    assert steps(again.pending()) == [0, 1]
    again.close()


def test_a_delivered_entry_is_not_pending_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in range(3):
        append(journal, step)
    journal.advance(journal.pending(limit=2))
    journal.close()
    again = Journal(tmp_path)
    assert steps(again.pending()) == [2]
    again.close()


def test_what_is_appended_between_two_looks_at_a_long_journal_is_read_whole(journal: Journal) -> None:
    for step in range(1100):
        append(journal, step)
    journal.advance(journal.pending())
    append(journal, 1100)
    assert steps(journal.pending()) == list(range(1000, 1101))


@pytest.mark.parametrize("name", ["pending", "advance"])
def test_a_disk_in_trouble_for_a_moment_stops_no_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    journal, client = Journal(tmp_path), FlakyClient()
    works, failures = getattr(Journal, name), iter(range(2))

    def fail(*args: Any, **kwargs: Any) -> Any:
        for _ in failures:
            raise OSError(28, "No space left on device")
        return works(*args, **kwargs)

    monkeypatch.setattr(Journal, name, fail)
    sender = courier(client, journal)
    for step in range(20):
        append(journal, step)
        time.sleep(0.005)
    sender.close(5)
    assert [step for _, _, _, step in dict.fromkeys(client.arrived)] == list(range(20))
    assert journal.close()


def test_the_offset_of_a_journal_that_is_gone_does_not_count_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "journal.offset").write_text("100")
    for first, last in [(0, 1), (1, 9)]:  # the second time the journal is longer than that
        journal = Journal(tmp_path)
        for step in range(first, last):
            append(journal, step)
        assert steps(journal.pending()) == list(range(last))
        assert not journal.close()


@pytest.mark.parametrize("text", ["", "12 ", "x"])
def test_with_a_damaged_offset_all_is_sent_again(tmp_path: Path, text: str) -> None:
    journal = Journal(tmp_path)
    append(journal, 0)
    journal.close()
    (tmp_path / "journal.offset").write_text(text)
    again = Journal(tmp_path)
    assert steps(again.pending()) == [0]
    again.close()


def test_a_forked_child_does_not_hold_the_journal_of_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from bcdl.tracking.journal import Journal\n"
        "folder = Path(sys.argv[1]); journal = Journal(folder); journal.append('tags', values={})\n"
        "ready = folder / 'child'\n"
        "if os.fork() == 0:\n"
        "    (folder / 'new').write_text(str(os.getpid())); (folder / 'new').rename(ready); time.sleep(60)\n"
        "while not ready.exists(): time.sleep(0.01)\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    try:
        Journal(tmp_path, leftover=True).close()
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_parent_keeps_its_journal_when_a_forked_child_ends(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from bcdl.errors import UserError\n"
        "from bcdl.tracking.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); journal.append('tags', values={}); child = os.fork()\n"
        "if child == 0: sys.exit()\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "try: Journal(Path(sys.argv[1]), leftover=True)\n"
        "except UserError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 7


def test_two_writers_of_one_journal_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(UserError, match="another process"):
        Journal(tmp_path)
    journal.close()
    Journal(tmp_path).close()


def test_a_request_carries_values_of_all_kinds_up_to_mlflows_limits(journal: Journal) -> None:
    for step in range(3):
        journal.append("metrics", values={f"m{i}": 0.0 for i in range(400)}, step=step)
    for start in (0, 60, 120):
        journal.append("tags", values={f"t{start + i}": "b" for i in range(60)})
    journal.append("input", name="a", digest="b", source="c", context="d")
    sizes = []
    while batch := next_batch(journal.pending()):
        sizes.append([len(entry.content["values"]) for entry in batch if entry.kind != "input"])
        journal.advance(batch)
    assert sizes == [[400, 400], [400, 60], [60], [60], []]


def test_of_a_tag_that_is_set_twice_in_one_request_the_last_value_stays(
    tracking_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDL_TRACKING_INTERVAL", "60")
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        run.set_tags({"a": "1"})
        run.log_params({"p": 3})
        run.set_tags({"a": "2", "b": "3"})
    recorded = store.client.get_run(run.id).data
    assert (recorded.tags["a"], recorded.tags["b"], recorded.params["p"]) == ("2", "3", "3")


def test_the_journal_is_readable_json(journal: Journal) -> None:
    append(journal, 7)
    line = json.loads((journal.folder / "journal.jsonl").read_text())
    assert (line["kind"], line["content"]) == ("metrics", {"values": {"loss": 0.7}, "step": 7})
