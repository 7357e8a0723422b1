import sqlite3
from pathlib import Path

import optuna
import pytest

from bcdl.errors import UserError
from bcdl.sweeps.storage import VARIABLE, _opened_journal, open_storage


def test_a_sweep_s_study_is_a_file_in_the_tracking_root(tmp_path: Path) -> None:
    optuna.create_study(study_name="s", storage=open_storage(None, tmp_path, "s"))
    assert (tmp_path / "sweeps" / "s" / "study.journal").exists()


def test_an_address_and_the_variable_name_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"sqlite:///{tmp_path}/a.db"
    optuna.create_study(study_name="s", storage=open_storage(address, tmp_path, "s"))
    monkeypatch.setenv(VARIABLE, address)
    assert [each.study_name for each in open_storage(None, tmp_path, "other").get_all_studies()] == ["s"]


def test_a_closed_port_is_told_at_once_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened") as caught:
        open_storage("postgresql://me:secret@127.0.0.1:9/sweeps", tmp_path, "s")
    assert "secret" not in str(caught.value)
    assert "BCDL_SWEEP_STORAGE" in str(caught.value)


def test_a_database_of_a_newer_optuna_is_refused_with_the_remedy(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/a.db"
    open_storage(address, tmp_path, "s").remove_session()
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
    with pytest.raises(UserError, match="newer Optuna"):
        open_storage(address, tmp_path, "s")


def test_a_journal_of_a_newer_optuna_is_refused_with_the_remedy(tmp_path: Path) -> None:
    optuna.create_study(study_name="s", storage=open_storage(None, tmp_path, "s"))
    file = tmp_path / "sweeps" / "s" / "study.journal"
    file.write_text(file.read_text() + '{"op_code":99,"worker_id":"w"}\n')
    _opened_journal.cache_clear()  # as another process finds it
    with pytest.raises(UserError, match="newer Optuna"):
        open_storage(None, tmp_path, "s")


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        open_storage("nonsense", tmp_path, "s")
