"""The model registry: names, aliases, versions that are made once, and what a failure leaves behind."""

import os
from pathlib import Path
from typing import Any

import pytest

from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.registry import check_alias, check_name, point, register, same_version


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


@pytest.fixture
def run_id(store: TrackingStore) -> str:
    with TrackedRun.start(store, "cnn") as run:
        return run.id


def write(logged: Any, path: Path) -> None:
    path.mkdir()
    (path / "MLmodel").write_text(f"model_id: {logged.model_id}\n")


def made(store: TrackingStore, run_id: str, folder: Path, content: str) -> int:
    folder = folder / content
    folder.mkdir()
    return register(store, "bcdl", run_id, write, folder, content=content, description="# A card").number


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V12", "", "two words", "a/b", "a:b", "a" * 256])
def test_an_alias_that_mlflow_keeps_for_itself_or_cannot_take_is_refused(alias: str) -> None:
    with pytest.raises(UserError, match=r"expected an alias of letters.*--as"):
        check_alias(alias)


@pytest.mark.parametrize("name", ["", "a/b", "bcdl@champion", "two words"])
def test_a_name_that_cannot_be_loaded_by_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"expected a name of letters.*--name"):
        check_name(name)


def test_a_version_has_its_card_run_and_model_and_the_alias_moves(
    store: TrackingStore, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = store.client.get_run(run_id).info
    first, second = (made(store, run_id, tmp_path, content) for content in ("one", "two"))
    assert (first, second) == (1, 2)
    version = store.client.get_model_version("bcdl", "1")
    assert (version.run_id, version.description) == (run_id, "# A card")
    assert store.client.get_logged_model(version.source.removeprefix("models:/")).status == "READY"
    known = same_version(store, "bcdl", "one")
    assert known is not None
    assert known.number == 1
    assert same_version(store, "bcdl", "three") is None
    assert point(store, known, "champion") is None
    latest = same_version(store, "bcdl", "two")
    assert latest is not None
    assert point(store, latest, "champion") == 1
    assert store.client.get_model_version_by_alias("bcdl", "champion").version == 2
    after = store.client.get_run(run_id).info
    assert (after.status, after.end_time) == (before.status, before.end_time)
    assert not (tmp_path / "mlflow.db").exists()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_a_version_that_could_not_be_written_is_none(
    store: TrackingStore, run_id: str, tmp_path: Path
) -> None:
    def fail(logged: Any, path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        register(store, "bcdl", run_id, fail, tmp_path, content="one", description="")
    assert same_version(store, "bcdl", "one") is None
    assert list(store.client.search_logged_models([store.experiment_id])) == []
    assert made(store, run_id, tmp_path, "one") == 1
