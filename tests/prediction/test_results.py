"""The folder of the results: nothing in it is lost unasked, and a table reads as it was written."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bcdl.errors import UserError
from bcdl.prediction.results import Results

TABLE = pd.DataFrame({"sample_id": ["a", "b"], "probability": [0.1234567890123456, None]})
READ: dict[str, Callable[[Path], pd.DataFrame]] = {
    "csv": pd.read_csv,
    "parquet": pd.read_parquet,
    "json": pd.read_json,
}


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_a_table_is_read_as_it_was_written(form: str, tmp_path: Path) -> None:
    file = Results(tmp_path / "new" / "out", form, False).write_table(TABLE, "samples")
    pd.testing.assert_frame_equal(READ[form](file), TABLE, check_dtype=False)
    assert [path.name for path in file.parent.iterdir()] == [f"samples.{form}"]


def test_predictions_are_replaced_only_when_asked(tmp_path: Path) -> None:
    first = Results(tmp_path, "parquet", False)
    first.write_table(TABLE, "samples")
    first.overlay("a", set()).touch()
    with pytest.raises(UserError, match=r"found samples.parquet in .*overwrite=true"):
        Results(tmp_path, "csv", False)
    second = Results(tmp_path, "csv", True)
    assert (tmp_path / "samples.parquet").exists()
    second.clear()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_else_lies_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    Results(tmp_path, "csv", False).clear()
    assert (tmp_path / "mine.txt").exists()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write there"):
        Results(tmp_path / "file" / "out", "csv", False)
    with pytest.raises(UserError, match=r"csv, parquet, json, found 'cvs'. Did you mean 'csv'"):
        Results(tmp_path, "cvs", False)


def test_overlays_have_names_of_their_own_in_their_folder(tmp_path: Path) -> None:
    results, taken = Results(tmp_path, "csv", False), set[str]()
    found = [results.overlay(name, taken) for name in ("a/b", "a_b", "A_B", "../../etc/x", "y" * 300)]
    assert len({path.name.casefold() for path in found}) == 5
    assert {path.parent for path in found} == {tmp_path / "overlays"}
    for path in found:
        path.touch()
