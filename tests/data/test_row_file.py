from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bcdl.data.row_file import RowFile
from bcdl.errors import RunError

ROWS = np.arange(6 * 4, dtype=np.uint16).reshape(6, 2, 2)


def row_file(path: Path, rows: int = 6) -> RowFile:
    return RowFile(path / "rows.npy", rows, (2, 2), np.dtype(np.uint16))


def test_rows_lie_where_they_were_written_in_any_order(tmp_path: Path) -> None:
    file = row_file(tmp_path)
    file.create()
    with file.writing() as write:
        for row in (5, 0, 3, 1, 4, 2):
            write(row, ROWS[row].tobytes())
    file.sync()
    np.testing.assert_array_equal(np.load(file.path), ROWS)


def test_a_disk_without_room_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    file = row_file(tmp_path, rows=1_000_000)
    with pytest.raises(RunError, match=r"needs 8 MB in .*, where 3 MB are free"):
        file.create()
    assert not file.path.exists()
