"""The folder of the results: it is not overwritten unasked, and every file in it is whole or not there."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bcdl.errors import UserError, nearest

FORMATS = ("csv", "parquet", "json")
SAMPLES, PATIENTS, SUMMARY, OVERLAYS = "samples", "patients", "summary.json", "overlays"


class Results:
    """The folder, made and tried out at once.

    Args:
        folder: where results go.
        form: of the tables, one of `FORMATS`.
        overwrite: whether the results of an earlier prediction may be replaced.

    Raises:
        UserError: another form, results that are there already, or a folder that cannot be written.
    """

    def __init__(self, folder: Path, form: str, overwrite: bool) -> None:
        if form not in FORMATS:
            raise UserError(
                f"expected format to be one of {', '.join(FORMATS)}, found '{form}'.{nearest(form, FORMATS)}"
            )
        self.folder, self.form = folder, form
        old = [path for path in (*self._tables(), folder / SUMMARY) if path.exists()]
        if old and not overwrite:
            raise UserError(
                f"expected a folder without predictions, found {old[0].name} in {folder}; name another with "
                "out=, or set overwrite=true to replace them"
            )
        self._try_out()

    def clear(self) -> None:
        """Remove the results of an earlier prediction."""
        tables = [path for path in self._tables() if path.exists()]
        for path in [*tables, *(self.folder / OVERLAYS).glob("*.png")]:
            path.unlink()
        (self.folder / SUMMARY).unlink(missing_ok=True)

    def _tables(self) -> list[Path]:
        return [self.folder / f"{name}.{form}" for name in (SAMPLES, PATIENTS) for form in FORMATS]

    def _try_out(self) -> None:
        probe = self.folder / f".{secrets.token_hex(4)}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(
                f"expected a folder to write to in out={self.folder}, cannot write there ({error.strerror})"
            ) from error

    def write_table(self, table: pd.DataFrame, name: str) -> Path:
        """Write a table in the form that is wanted; return the file."""
        file = self.folder / f"{name}.{self.form}"
        part = file.with_name(f".{file.name}.part")
        match self.form:
            case "csv":
                table.to_csv(part, index=False)
            case "parquet":
                table.to_parquet(part, index=False)
            case _:
                part.write_text(table.to_json(orient="records", indent=1, double_precision=15))
        part.replace(file)
        return file

    def write_summary(self, facts: Mapping[str, Any]) -> Path:
        """Write what was applied, and what came of it; return the file."""
        file = self.folder / SUMMARY
        part = file.with_name(f".{file.name}.part")
        part.write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n")
        part.replace(file)
        return file

    def overlay(self, sample_id: str, taken: set[str]) -> Path:
        """Return a file for the overlay of a sample, which no other sample has, and make its folder.

        Args:
            sample_id: the sample.
            taken: names of the overlays so far; this one's is added.
        """
        folder = self.folder / OVERLAYS
        folder.mkdir(exist_ok=True)
        stem = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in sample_id)[:120]
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        return Path(os.path.normpath(folder / f"{name}.png"))
