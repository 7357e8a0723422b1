import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bcdl.tracking import TrackedRun, TrackingStore, log_provenance
from bcdl.tracking.provenance import checkout, collect_provenance


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_changed_checkout_is_dirty(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    clean = checkout(tmp_path)
    (tmp_path / "a").write_text("2")
    assert (len(clean["commit"]), clean["dirty"]) == (40, False)
    assert checkout(tmp_path) == {**clean, "dirty": True}


def test_outside_a_checkout_the_commit_is_unknown(tmp_path: Path) -> None:
    assert checkout(tmp_path)["commit"] == "unknown"


def test_provenance_names_versions_and_machine_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setattr(sys, "argv", ["/home/someone/bin/bcdl", "train", "seed=1"])
    facts = collect_provenance()
    assert facts["packages"]["mlflow"] == version("mlflow")
    assert facts["machine"]["cores"] >= 1
    assert facts["command"] == "bcdl train seed=1"
    assert "hunter2" not in json.dumps(facts)
    assert "someone" not in json.dumps(facts)


def test_provenance_is_an_artifact_and_tags(tracking_root: Path) -> None:
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        log_provenance(run)
    facts = json.loads(store.download(run.id, "provenance.json").read_text())
    tags = store.client.get_run(run.id).data.tags
    assert tags["mlflow.source.git.commit"] == facts["git"]["commit"]
    assert tags["bcdl.git.dirty"] in ("true", "false")
