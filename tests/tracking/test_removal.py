from pathlib import Path

import pytest

from bcdl.tracking.journal import Journal
from bcdl.tracking.removal import InUseError, measure, remove


def test_what_lies_outside_of_the_root_is_not_removed(tmp_path: Path) -> None:
    outside = tmp_path / "kept"
    outside.write_text("")
    (tmp_path / "root").mkdir()
    for path in (outside, tmp_path / "root" / ".." / "kept"):
        with pytest.raises(OSError, match="leads out of"):
            remove(path, tmp_path / "root", None)
    assert outside.exists()


def test_a_link_is_not_removed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(OSError, match="leads out of"):
        remove(link, tmp_path, None)
    assert link.is_symlink()


def test_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    remove(tmp_path / "gone", tmp_path, tmp_path / "no_run")


def test_nothing_of_a_living_run_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "run" / "last.ckpt"
    journal = Journal(file.parent)
    file.write_text("")
    with pytest.raises(InUseError, match="living process"):
        remove(file, tmp_path, file.parent)
    assert file.exists()
    journal.close()
    remove(file, tmp_path, file.parent)
    assert not file.exists()


def test_a_size_counts_files_and_follows_no_link(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "a").write_bytes(b"12345")
    (tmp_path / "large").write_bytes(b"0" * 9999)
    (folder / "link").symlink_to(tmp_path / "large")
    size, _ = measure(folder)
    assert size == 5 + (folder / "link").lstat().st_size
    assert measure(tmp_path / "gone") == (0, 0.0)
