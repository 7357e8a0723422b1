import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdl.checkpoints import _FITTED
from bcdl.distributed import _CONFIG
from bcdl.lineage import BEST_CHECKPOINT, LAST_CHECKPOINT
from bcdl.sweeps import member, storage
from bcdl.tracking import TrackedRun, TrackingStore
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
    assert storage.SWEEPS == "sweeps"


def test_a_folder_of_a_run_that_the_store_lacks_is_found_with_its_size(
    store: TrackingStore, run: str
) -> None:
    write(store.folder(STRANGE) / "last.ckpt", "x" * 300)
    items = look(store).items
    assert [(item.kind, item.path, item.size) for item in items] == [(GONE, store.folder(STRANGE), 300)]


def test_a_store_that_knows_none_of_the_runs_is_not_believed(store: TrackingStore) -> None:
    write(store.folder(STRANGE) / "last.ckpt")
    write(store.root / "sweeps/lr-3f2a/study.journal")
    seen = look(store)
    assert seen.items == []
    assert seen.stranger == 2


def test_what_has_no_status_is_left_alone_for_an_hour(store: TrackingStore, run: str) -> None:
    write(store.folder(STRANGE) / "last.ckpt", hours=0.5)
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
    for name in (run, STRANGE):
        journal = Journal(store.folder(name))
        journal.append("metrics", values={"loss": 1.0}, step=1)
        journal.close()
        everything(store.folder(name))
    assert look(store).kept == {"undelivered": 2}
    assert found(store) == set()


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
    study = write(store.root / "sweeps/lr-3f2a/study.journal", hours=0.5)
    assert found(store) == set()
    age(study)
    assert found(store) == {(SWEEPS.name, "sweeps/lr-3f2a")}


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
    store.root.joinpath("mlflow.db").rename(tmp_path / "mlflow.db")
    other = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = type(store.plain_client)(tracking_uri=other)
    assert survey(client, other, store.root).items == []


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
    for each in (run, theirs, STRANGE):
        write(store.folder(each) / "last.ckpt")
    assert found(store, experiment=other.experiment_id) == {(LAST.name, f"runs/{theirs}/last.ckpt")}
    assert len(found(store)) == 3


@pytest.fixture
def far(store: TrackingStore, run: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the run's artifacts those of a server, which lists a best checkpoint of so many bytes."""
    from mlflow import MlflowClient
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
