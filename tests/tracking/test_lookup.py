from pathlib import Path

import pytest

from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


def finished(store: TrackingStore, stem: str, **arguments: str) -> TrackedRun:
    with TrackedRun.start(store, stem, **arguments) as run:
        run.log_params({"model": stem})
        run.log_metrics({"best/val/auroc": 0.5})
    return run


def test_a_run_is_found_by_id_prefix_name_and_latest(store: TrackingStore) -> None:
    first, second = finished(store, "cnn"), finished(store, "cnn_rnn")
    assert store.resolve(first.id) == first.id
    assert store.resolve(first.id[:12]) == first.id
    assert store.resolve(f"cnn-{first.id[:4]}") == first.id
    assert store.resolve("latest") == second.id


def test_latest_is_the_newest_of_its_kind(store: TrackingStore) -> None:
    child, sweep = finished(store, "cnn"), finished(store, "sweep", kind="sweep")
    assert store.resolve("latest") == child.id
    assert store.resolve("latest", kind="sweep") == sweep.id


def test_an_unknown_name_gets_the_nearest_and_the_newest(store: TrackingStore) -> None:
    run = finished(store, "transfer")
    with pytest.raises(UserError, match=f"Did you mean '{run.name}'.*newest runs: {run.name}"):
        store.resolve("transfr")


def test_a_quote_in_a_name_is_no_query(store: TrackingStore) -> None:
    with pytest.raises(UserError, match="none yet"):
        store.resolve("x' or 'a' = 'a")


def test_an_ambiguous_name_lists_the_runs(store: TrackingStore) -> None:
    for _ in range(2):
        run = finished(store, "cnn")
        store.client.update_run(run.id, name="same")
    with pytest.raises(UserError, match="not one run but 2"):
        store.resolve("same")


def test_a_deleted_run_is_not_found(store: TrackingStore) -> None:
    run = finished(store, "cnn")
    store.client.delete_run(run.id)
    with pytest.raises(UserError, match=f"'{run.id}'"):
        store.resolve(run.id)


def test_runs_are_listed_newest_first_by_kind_and_parent(store: TrackingStore) -> None:
    parent = finished(store, "sweep", kind="sweep")
    first, second = (finished(store, stem, parent=parent.id) for stem in ("cnn", "transfer"))
    table = store.runs(parent=parent.id)
    assert table["run_id"].tolist() == [second.id, first.id]
    assert table["params.model"].tolist() == ["transfer", "cnn"]
    assert table["metrics.best/val/auroc"].tolist() == [0.5, 0.5]
    assert len(store.runs(kind=None)) == 3
    assert len(store.runs(kind=None, limit=1)) == 1
    assert store.runs(kind="evaluate").empty
