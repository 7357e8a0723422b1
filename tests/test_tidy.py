import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdl.tidy import size_text
from bcdl.tracking import TrackedRun, TrackingStore
from tests.tracking.test_litter import STRANGE, ended, own, write

Bcdl = Callable[..., int]


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


@pytest.fixture
def litter(store: TrackingStore) -> Path:
    """The folder of 1.5 kB of a run that the store lacks, in a root with a finished run."""
    ended(store)
    write(own(store) / "last.ckpt", "x" * 1500)
    return store.folder(STRANGE)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give the process a terminal, on which a person types an answer."""

    def use(answer: str) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)

    return use


def test_without_a_terminal_it_only_lists(
    litter: Path, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("gc") == 0
    told = capsys.readouterr().out
    assert "1 folders of runs: the store has no such runs any more" in " ".join(told.replace("│", "").split())
    assert "1.5 kB" in told
    assert "Add --yes" in told
    assert (litter / "last.ckpt").exists()


def test_yes_removes_and_says_how_much(
    litter: Path, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("gc", "--yes") == 0
    assert "Removed 1 item, freed 1.5 kB" in capsys.readouterr().out
    assert not litter.exists()
    assert bcdl_in_process("gc") == 0
    assert "Nothing to remove" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "stays"), [("", True), ("n", True), ("what", True), ("y", False), ("YES", False)]
)
def test_a_person_is_asked(
    litter: Path, bcdl_in_process: Bcdl, terminal: Callable[[str], None], answer: str, stays: bool
) -> None:
    terminal(answer)
    assert bcdl_in_process("gc") == 0
    assert litter.exists() == stays


def test_what_has_come_to_be_needed_while_a_person_thought_stays(
    litter: Path, bcdl_in_process: Bcdl, terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal("y")

    def think(prompt: str) -> str:
        (litter / "last.ckpt").touch()
        return "y"

    monkeypatch.setattr("builtins.input", think)
    assert bcdl_in_process("gc") == 0
    assert litter.exists()


def test_a_run_that_begins_to_be_written_after_the_look_is_not_removed(
    store: TrackingStore,
    bcdl_in_process: Bcdl,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = ended(store)
    last = write(store.folder(run) / "last.ckpt")
    monkeypatch.setattr("bcdl.tracking.working_folder.is_alive", lambda folder: False)
    monkeypatch.setattr("bcdl.tracking.working_folder.FILE", "no.such")
    with TrackedRun.resume(store, run):
        store.client.set_terminated(run, "FINISHED")
        assert bcdl_in_process("gc", "--yes", "--last-checkpoints") == 1
    assert "living process" in capsys.readouterr().err
    assert last.exists()


def test_a_failed_removal_is_told_and_the_rest_goes_on(
    litter: Path,
    store: TrackingStore,
    bcdl_in_process: Bcdl,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = write(own(store, "e" * 32) / "last.ckpt", "x" * 2000).parent
    rmtree = shutil.rmtree

    def refuse(path: Path) -> None:
        if path == other:
            raise PermissionError(13, "Permission denied", str(path))
        rmtree(path)

    monkeypatch.setattr("bcdl.tracking.removal.shutil.rmtree", refuse)
    assert bcdl_in_process("gc", "--yes") == 1
    told = capsys.readouterr()
    assert f"not removed: runs/{'e' * 32}" in told.err
    assert "1 item could not be removed" in told.err
    assert "Removed 1 item, freed 1.5 kB" in told.out
    assert (litter.exists(), other.exists()) == (False, True)


def test_what_asks_for_a_flag_stays_without_it_and_is_told(
    store: TrackingStore, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    finished, deleted = ended(store), ended(store)
    last = write(store.folder(finished) / "last.ckpt")
    of_deleted = write(store.folder(deleted) / "last.ckpt")
    store.client.delete_run(deleted)
    assert bcdl_in_process("gc", "--yes") == 0
    told = capsys.readouterr().out
    assert f"With --deleted also deleted in MLflow: 1 item, {5 + len(store.mark)} B" in told
    assert "With --last-checkpoints also last checkpoints: 1 item, 5 B" in told
    assert last.exists()
    assert of_deleted.exists()
    assert bcdl_in_process("gc", "--yes", "--last-checkpoints") == 0
    assert (last.exists(), of_deleted.exists()) == (False, True)
    assert bcdl_in_process("gc", "--yes", "--deleted") == 0
    assert not of_deleted.exists()


def test_links_in_what_is_removed_are_not_followed(
    litter: Path, bcdl_in_process: Bcdl, tmp_path: Path
) -> None:
    outside = write(tmp_path / "outside/kept.txt")
    (litter / "link").symlink_to(outside.parent)
    (litter / "file").symlink_to(outside)
    for link in (litter / "link", litter / "file"):
        os.utime(link, (0, 0), follow_symlinks=False)
    write(litter / "last.ckpt")
    assert bcdl_in_process("gc", "--yes") == 0
    assert not litter.exists()
    assert outside.exists()


def test_a_living_run_is_told_of(
    store: TrackingStore, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrackedRun.start(store, "cnn"):
        assert bcdl_in_process("gc") == 0
    assert "Left alone, being written now: 1" in capsys.readouterr().out


def test_what_another_store_may_have_made_stays_and_is_told(
    store: TrackingStore, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(store)
    last = write(store.folder(STRANGE) / "last.ckpt")
    assert bcdl_in_process("gc", "--yes", "--deleted", "--last-checkpoints") == 0
    assert "Left alone, unknown here and perhaps of another store" in capsys.readouterr().out
    assert last.exists()


def test_the_table_fits_80_columns(
    litter: Path,
    store: TrackingStore,
    bcdl_in_process: Bcdl,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for digit in "0123456789":
        write(own(store, digit * 32) / "last.ckpt", "x" * 10)
    assert bcdl_in_process("gc") == 0
    table = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert max(map(len, table)) <= 80
    assert any("and 8 more" in line for line in table)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("--experiment", "bcld"), "Did you mean 'bcdl'?"),
        (("--older-than", "-1"), "days of 0 or more, found -1"),
        (("--older-than", "nan"), "days of 0 or more, found nan"),
    ],
)
def test_bad_choices_are_a_users_error(
    litter: Path, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], told: str
) -> None:
    assert bcdl_in_process("gc", "--yes", *typed) == 2
    assert told in capsys.readouterr().err
    assert litter.exists()


def test_a_root_without_a_store_is_a_users_error(
    bcdl_in_process: Bcdl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("gc", "--tracking-root", str(tmp_path / "nowhere")) == 2
    assert "expected a tracking store" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (3_200_000_000, "3.2 GB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert size_text(size) == text
