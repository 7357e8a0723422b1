import errno
import os
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage

from bcdl.sweeps.whole_lines import WholeLines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.journal"


def study(file: Path, create: bool = False) -> optuna.Study:
    storage = JournalStorage(WholeLines(str(file)))
    if create:
        return optuna.create_study(study_name="s", storage=storage)
    return optuna.load_study(study_name="s", storage=storage)


def test_half_a_line_of_a_dead_writer_is_cut_and_the_study_goes_on(file: Path) -> None:
    study(file, create=True).set_user_attr("first", 1)
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":2,"worker')
    again = study(file)
    assert again.user_attrs == {"first": 1}
    again.set_user_attr("second", 2)
    assert study(file).user_attrs == {"first": 1, "second": 2}
    assert file.read_bytes().startswith(whole)


def test_a_file_that_is_nothing_but_half_a_line_begins_anew(file: Path) -> None:
    file.write_bytes(b"{" * 10_000)
    assert study(file, create=True).user_attrs == {}


def test_a_full_disk_loses_no_line_and_leaves_no_half(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = study(file, create=True)
    kept.set_user_attr("first", 1)
    whole = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            kept.set_user_attr("second", 2)
    assert file.read_bytes() == whole
    kept.set_user_attr("third", 3)
    assert study(file).user_attrs == {"first": 1, "third": 3}


def test_no_lock_is_left_behind(file: Path) -> None:
    study(file, create=True)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
