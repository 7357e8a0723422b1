import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from bcdl.checkpoints import _FITTED
from bcdl.distributed import _CONFIG
from bcdl.lineage import BEST_CHECKPOINT, LAST_CHECKPOINT
from bcdl.sweeps import member, storage
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.belonging import STUDY, mark_of
from bcdl.tracking.journal import Journal
from bcdl.tracking.litter import Survey, survey
from bcdl.tracking.litter_kinds import (
    ARTIFACTS,
    BEST,
    DELETED,
    DOWNLOADS,
    EMPTY,
    GONE,
    LAST,
    MODELS,
    NOTES,
    OUTBOXES,
    PARTS,
    SWEEPS,
)
from bcdl.tracking.tags import SWEEP_TAG
from bcdl.tracking.working_folder import BEST_FILE, FITTED_FILE, JOINED_FILE, LAST_FILE

STRANGE = "f" * 32  # a run that the store does not have
DAY = 86_400.0


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


@pytest.fixture
def run(store: TrackingStore) -> str:
    """A finished run with an empty working folder."""
    return ended(store)


def ended(store: TrackingStore, *, status: str = "FINISHED", **facts: str | dict[str, str]) -> str:
    tracked = TrackedRun.start(store, "cnn", **facts)  # type: ignore[arg-type]
    tracked.close(status)
    return tracked.id


def sign(folder: Path, mark: str) -> Path:
    """Leave the lock of a run of the store with this mark, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "journal.lock"
    lock.write_text(mark)
    age(lock)
    return lock


def own(store: TrackingStore, run: str = STRANGE) -> Path:
    """Make the working folder of a run that was the store's, and return it."""
    return sign(store.folder(run), store.mark).parent


def study(folder: Path, *runs: str, hours: float = 2.0) -> Path:
    """Write a study that names these runs as Optuna does: first the parent, then those of jobs."""
    facts = [{"parent": run} if not place else {"job.0": {"run": run}} for place, run in enumerate(runs)]
    lines = [json.dumps({"op_code": 2, "user_attr": each}, separators=(",", ":")) for each in facts]
    return write(folder / "study.journal", "\n".join(lines), hours)


def write(path: Path, content: str = "12345", hours: float = 2.0) -> Path:
    """Write a file that was last changed so many hours ago, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    age(path, hours)
    return path


def age(path: Path, hours: float = 2.0) -> None:
    moment = time.time() - 3600 * hours
    for each in (path, path.parent, path.parent.parent):
        os.utime(each, (moment, moment))


def look(store: TrackingStore, **choices: float | str) -> Survey:
    return survey(store.plain_client, store.uri, store.root, **choices)  # type: ignore[arg-type]


def found(store: TrackingStore, **choices: float | str) -> set[tuple[str, str]]:
    """Return the name of the kind and the path in the root of everything that was found."""
    items = look(store, **choices).items
    return {(item.kind.name, str(item.path.relative_to(store.root))) for item in items}


def test_names_are_those_that_their_owners_use() -> None:
    assert (BEST_FILE, LAST_FILE) == (BEST_CHECKPOINT, LAST_CHECKPOINT)
    assert (JOINED_FILE, FITTED_FILE) == (_CONFIG, _FITTED)
    assert member.SWEEP_TAG == SWEEP_TAG
    assert (storage.SWEEPS, storage.FILE) == ("sweeps", STUDY)


def test_a_folder_of_a_run_that_the_store_lacks_is_found_with_its_size(
    store: TrackingStore, run: str
) -> None:
    write(own(store) / "last.ckpt", "x" * 300)
    items = look(store).items
    size = 300 + len(store.mark)
    assert [(item.kind, item.path, item.size) for item in items] == [(GONE, store.folder(STRANGE), size)]


def test_a_store_that_knows_none_of_the_runs_is_not_believed(store: TrackingStore) -> None:
    write(own(store) / "last.ckpt")
    study(store.root / "sweeps/lr-3f2a", STRANGE)
    seen = look(store)
    assert seen.items == []
    assert (seen.stranger, seen.kept) == (2, {})


@pytest.fixture
def server(
    store: TrackingStore, database_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TrackingStore:
    """Another store with the same tracking root, as after a move to a server; it has a run there."""
    (tmp_path / "server").mkdir()
    database = shutil.copy(database_template, tmp_path / "server")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    moved = TrackingStore.open(store.root)
    ended(moved)
    return moved


def test_what_another_store_has_in_the_same_root_is_left_alone(
    store: TrackingStore, run: str, server: TrackingStore
) -> None:
    parent = ended(store, kind="sweep", tags={SWEEP_TAG: "lr-3f2a"})
    for each in (run, parent):
        write(store.folder(each) / "last.ckpt")
    study(store.root / "sweeps/lr-3f2a", parent, run)
    seen = look(server)
    assert (seen.items, seen.kept["foreign"], seen.stranger) == ([], 3, 0)
    assert {path for _, path in found(store)} == {f"runs/{each}/last.ckpt" for each in (run, parent)}


def test_what_nothing_says_the_store_of_is_left_alone(store: TrackingStore, run: str) -> None:
    write(store.folder(STRANGE) / "last.ckpt")
    write(store.root / "sweeps/lr-3f2a/0/job.log")
    study(store.root / "sweeps/lr-9c1b", STRANGE)
    seen = look(store)
    assert (seen.items, seen.kept) == ([], {"foreign": 3})


def test_a_mark_follows_a_root_that_is_moved_and_holds_no_password(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert mark_of(f"sqlite:///{here}/mlflow.db", here) == mark_of(f"sqlite:///{there}/mlflow.db", there)
    assert mark_of(f"sqlite:///{here}/mlflow.db", there) != mark_of(f"sqlite:///{here}/mlflow.db", here)
    addresses = [f"http://reader:{word}@host:5000" for word in ("old", "new")]
    assert len({mark_of(address, here) for address in addresses}) == 1


def test_experiments_are_all_looked_at_however_many(
    store: TrackingStore, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TrackingStore.open(store.root, "other")  # the newest comes first
    write(store.folder(run) / "last.ckpt")
    search = MlflowClient.search_experiments

    def search_one(*place: object, max_results: int = 1000, **choices: object) -> object:
        return search(*place, max_results=1, **choices)

    monkeypatch.setattr(MlflowClient, "search_experiments", search_one)
    assert [item.kind for item in look(store).items] == [LAST]


def test_what_has_no_status_is_left_alone_for_an_hour(store: TrackingStore, run: str) -> None:
    write(own(store) / "last.ckpt", hours=0.5)
    assert look(store).kept == {"young": 1}
    assert found(store) == set()


def test_a_folder_of_a_run_deleted_in_mlflow_asks_for_a_flag(store: TrackingStore, run: str) -> None:
    write(store.folder(run) / "last.ckpt")
    store.client.delete_run(run)
    assert found(store) == {(DELETED.name, f"runs/{run}")}
    assert DELETED.flag == "--deleted"


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_a_run_that_can_be_resumed_keeps_its_checkpoints(store: TrackingStore, status: str) -> None:
    run = ended(store, status=status)
    for name in ("last.ckpt", "best.ckpt", "fitted.json"):
        write(store.folder(run) / name)
    assert found(store) == set()


def test_the_last_checkpoint_of_a_finished_run_asks_for_a_flag(store: TrackingStore, run: str) -> None:
    write(store.folder(run) / "last.ckpt")
    assert found(store) == {(LAST.name, f"runs/{run}/last.ckpt")}
    assert LAST.flag == "--last-checkpoints"


@pytest.mark.parametrize(("content", "litter"), [("weights", True), ("WEIGHTS", False)])
def test_a_best_checkpoint_is_found_where_the_artifact_is_the_same_to_the_byte(
    store: TrackingStore, content: str, litter: bool
) -> None:
    with TrackedRun.start(store, "cnn") as tracked:
        best = write(tracked.folder / "best.ckpt", "weights")
        tracked.log_artifact(best, "checkpoints")
    write(best, content)
    artifact = store.download(tracked.id, "checkpoints/best.ckpt")
    for file in (best, artifact):
        os.utime(file, (1, 1))  # a size and a time do not make two files the same
    assert ((BEST.name, f"runs/{tracked.id}/best.ckpt") in found(store)) == litter


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        (PARTS, "last.ckpt.part", "last.ckpt.part"),
        (DOWNLOADS, "downloads/checkpoints/best.ckpt", "downloads"),
        (OUTBOXES, "outbox/tmp1/roc.png", "outbox"),
        (NOTES, "joined.yaml", "joined.yaml"),
        (NOTES, "fitted.json", "fitted.json"),
    ],
)
def test_remains_in_a_working_folder_are_found(
    store: TrackingStore, run: str, kind: object, name: str, path: str
) -> None:
    write(store.folder(run) / name)
    write(store.folder(run) / "rejected.jsonl")
    assert [(item.kind, item.path) for item in look(store).items] == [(kind, store.folder(run) / path)]


def test_a_download_of_this_hour_is_left_to_who_reads_it(store: TrackingStore, run: str) -> None:
    write(store.folder(run) / "downloads/config.yaml", hours=0.5)
    assert found(store) == set()


def test_a_folder_with_nothing_but_a_lock_is_empty(store: TrackingStore, run: str) -> None:
    assert found(store) == set()
    age(store.folder(run) / "journal.lock")
    assert found(store) == {(EMPTY.name, f"runs/{run}")}


def everything(folder: Path) -> None:
    for name in ("last.ckpt", "last.ckpt.part", "downloads/a", "joined.yaml", "outbox/tmp/a"):
        write(folder / name)


def test_nothing_of_a_living_run_is_found(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as tracked:
        store.client.set_terminated(tracked.id, "FINISHED")  # a lock says more than a status
        everything(tracked.folder)
        assert look(store).kept == {"alive": 1}
        assert found(store) == set()


def test_nothing_of_a_run_that_waits_to_be_delivered_is_found(store: TrackingStore, run: str) -> None:
    wait(store.folder(run))
    everything(store.folder(run))
    assert look(store).kept == {"undelivered": 1}
    assert found(store) == set()


def wait(folder: Path) -> None:
    """Leave a journal that waits to be delivered."""
    journal = Journal(folder)
    journal.append("metrics", values={"loss": 1.0}, step=1)
    journal.close()
    age(folder / "journal.jsonl")


def test_what_waits_for_a_run_that_the_store_has_no_more_can_go(store: TrackingStore, run: str) -> None:
    deleted = ended(store)
    store.client.delete_run(deleted)
    for folder in (store.folder(deleted), own(store)):
        wait(folder)
    assert found(store) == {(DELETED.name, f"runs/{deleted}"), (GONE.name, f"runs/{STRANGE}")}


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_nothing_of_an_unfinished_sweep_is_found(store: TrackingStore, status: str) -> None:
    parent = ended(store, kind="sweep", status=status, tags={SWEEP_TAG: "lr-3f2a"})
    child = ended(store, parent=parent)
    nested = ended(store, parent=child, kind="evaluate")
    for each in (parent, child, nested):
        everything(store.folder(each))
    write(store.root / "sweeps/lr-3f2a/study.journal")
    assert look(store).kept == {"sweep": 3}
    assert found(store) == set()
    store.client.set_terminated(parent, "FINISHED")
    assert {kind for kind, _ in found(store)} == {
        each.name for each in (LAST, PARTS, DOWNLOADS, NOTES, OUTBOXES)
    }


def test_a_run_below_a_run_of_an_unfinished_sweep_is_kept_where_that_has_no_folder(
    store: TrackingStore,
) -> None:
    parent = ended(store, kind="sweep", status="KILLED", tags={SWEEP_TAG: "lr-3f2a"})
    child = ended(store, parent=parent)
    nested = ended(store, parent=child, kind="evaluate")
    shutil.rmtree(store.folder(child))
    everything(store.folder(nested))
    assert found(store) == set()


def test_an_unfinished_sweep_that_was_deleted_with_its_runs_can_go(store: TrackingStore) -> None:
    parent = ended(store, kind="sweep", status="KILLED", tags={SWEEP_TAG: "lr-3f2a"})
    child = ended(store, parent=parent)
    write(store.root / "sweeps/lr-3f2a/study.journal")
    store.client.delete_run(parent)
    assert ("sweep", 1) in look(store).kept.items()  # its child may be looked at still
    store.client.delete_run(child)
    expected = {f"runs/{parent}", f"runs/{child}", "sweeps/lr-3f2a"}
    assert found(store) == {(DELETED.name, path) for path in expected}


def test_a_sweep_without_a_parent_run_is_found_after_an_hour(store: TrackingStore, run: str) -> None:
    own(store)
    for place, named in enumerate([(STRANGE,), ("e" * 32, run)]):  # a mark, a known run
        file = study(store.root / f"sweeps/lr-{place}", *named, hours=0.5)
        assert (SWEEPS.name, f"sweeps/lr-{place}") not in found(store)
        age(file)
        assert (SWEEPS.name, f"sweeps/lr-{place}") in found(store)


def test_a_deleted_sweep_that_still_runs_is_left_alone(store: TrackingStore) -> None:
    with TrackedRun.start(store, "lr", kind="sweep", tags={SWEEP_TAG: "lr-3f2a"}) as parent:
        store.client.set_terminated(parent.id, "KILLED")
        store.client.delete_run(parent.id)
        write(store.root / "sweeps/lr-3f2a/study.journal")
        assert found(store) == set()


def test_of_hydras_dated_folders_only_empty_ones_are_found(store: TrackingStore, run: str) -> None:
    write(store.root / "sweeps/2026-11-01_10-00-00-123456/0/job.log")
    empty = store.root / "sweeps/2026-11-01_10-00-00-654321/0"
    empty.mkdir(parents=True)
    age(empty)
    assert found(store) == {(EMPTY.name, "sweeps/2026-11-01_10-00-00-654321")}


def test_artifacts_of_runs_and_models_that_the_store_lacks_are_found(store: TrackingStore, run: str) -> None:
    model, deleted = (store.client.create_logged_model(store.experiment_id).model_id for _ in range(2))
    store.client.delete_logged_model(deleted)
    lacking = f"m-{STRANGE}"
    for name in (f"{run}/artifacts/a.txt", f"{STRANGE}/artifacts/a.txt"):
        write(store.root / "mlartifacts" / name)
    for name in (model, deleted, lacking):
        write(store.root / "mlartifacts/models" / name / "artifacts/MLmodel")
        age(store.root / "mlartifacts/models" / name)
    age(store.root / "mlartifacts" / STRANGE)
    assert found(store) == {
        (ARTIFACTS.name, f"mlartifacts/{STRANGE}"),
        (DELETED.name, f"mlartifacts/models/{deleted}"),
        (MODELS.name, f"mlartifacts/models/{lacking}"),
    }


def test_artifacts_of_another_store_are_not_looked_at(store: TrackingStore, run: str, tmp_path: Path) -> None:
    write(store.root / "mlartifacts" / STRANGE / "artifacts/a.txt")
    write(store.root / "mlartifacts/models" / f"m-{STRANGE}" / "artifacts/a.txt")
    (tmp_path / "moved").mkdir()
    store.root.joinpath("mlflow.db").rename(tmp_path / "moved/mlflow.db")
    other = f"sqlite:///{tmp_path / 'moved/mlflow.db'}"
    client = type(store.plain_client)(tracking_uri=other)
    assert survey(client, other, store.root).items == []


def test_artifacts_that_may_be_those_of_a_second_sqlite_file_are_left_alone(
    store: TrackingStore, run: str
) -> None:
    for name in (f"{STRANGE}/artifacts/a.txt", f"models/m-{STRANGE}/artifacts/MLmodel"):
        write(store.root / "mlartifacts" / name)
    for folder in (STRANGE, f"models/m-{STRANGE}"):
        age(store.root / "mlartifacts" / folder)
    assert len(found(store)) == 2
    shutil.copy(store.root / "mlflow.db", store.root / "team.db")
    assert found(store) == set()
    assert look(store).kept["foreign"] == 2


def test_nothing_that_a_registered_model_version_needs_is_found(
    store: TrackingStore, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)  # where MLflow looks a logged model up
    model = store.client.create_logged_model(store.experiment_id).model_id
    store.client.create_registered_model("bcdl")
    gone = store.root / "mlartifacts" / STRANGE
    store.client.create_model_version("bcdl", str(gone / "artifacts/model"), run_id=run)
    store.client.create_model_version("bcdl", f"models:/{model}", model_id=model)
    store.client.delete_logged_model(model)
    everything(store.folder(run))
    for folder in (gone, store.root / "mlartifacts/models" / model):
        write(folder / "artifacts/model/MLmodel")
        age(folder / "artifacts")
    assert found(store) == set()


def linked(link: Path, target: Path) -> None:
    """Make a link that is as old as its target."""
    link.symlink_to(target)
    os.utime(link, (0, 0), follow_symlinks=False)


def test_links_are_passed_over(store: TrackingStore, run: str, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside/runs/last.ckpt").parent
    everything(outside)
    for link in ("runs", "sweeps", "mlartifacts"):
        (store.root / link).mkdir(exist_ok=True)
        linked(store.root / link / ("e" * 32), outside)
    for name in ("last.ckpt", "outbox", "downloads"):
        linked(store.folder(run) / name, outside / name)
    assert found(store) == set()


def test_other_folders_of_the_root_are_not_looked_at(store: TrackingStore, run: str) -> None:
    for name in ("stores/phantom/store.json", "runs/mine/last.ckpt.part", f"{STRANGE}/last.ckpt"):
        write(store.root / name)
    assert found(store) == set()


def test_older_than_counts_from_the_end_of_a_run(store: TrackingStore) -> None:
    runs = [ended(store), ended(store)]
    for run in runs:
        write(store.folder(run) / "last.ckpt", hours=99)
    store.client.set_terminated(runs[0], "FINISHED", int(1000 * (time.time() - 3 * DAY)))
    assert found(store, older_than=2 * DAY) == {(LAST.name, f"runs/{runs[0]}/last.ckpt")}


def test_only_what_belongs_to_runs_of_an_experiment(store: TrackingStore, run: str) -> None:
    other = TrackingStore.open(store.root, "other")
    theirs = ended(other)
    own(store)
    for each in (run, theirs, STRANGE):
        write(store.folder(each) / "last.ckpt")
    assert found(store, experiment=other.experiment_id) == {(LAST.name, f"runs/{theirs}/last.ckpt")}
    assert len(found(store)) == 3


@pytest.fixture
def far(store: TrackingStore, run: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the run's artifacts those of a server, which lists a best checkpoint of so many bytes."""
    from mlflow.entities import FileInfo, RunInfo

    def serve(size: int) -> None:
        monkeypatch.setattr(RunInfo, "artifact_uri", "mlflow-artifacts:/1/artifacts")
        listed = [FileInfo("checkpoints/best.ckpt", is_dir=False, file_size=size)]
        monkeypatch.setattr(MlflowClient, "list_artifacts", lambda *place: listed)

    return serve


@pytest.mark.parametrize(
    ("size", "status", "litter"), [(5, "FINISHED", 1), (6, "FINISHED", 0), (5, "KILLED", 0)]
)
def test_in_a_far_store_a_finished_runs_artifact_has_the_size_of_the_checkpoint(
    far: Callable[[int], None], store: TrackingStore, run: str, size: int, status: str, litter: int
) -> None:
    write(store.folder(run) / "best.ckpt")
    store.client.set_terminated(run, status)
    far(size)
    assert [item.kind for item in look(store).items] == [BEST] * litter
