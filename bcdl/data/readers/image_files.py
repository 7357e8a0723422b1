"""Image files in folders, without any table: who and which view, by the names of folders and files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from bcdl.data.naming import named
from bcdl.data.readers.header_ids import patient_rule
from bcdl.data.schema import VIEWS
from bcdl.data.table import complete_images
from bcdl.errors import UserError
from bcdl.imaging.raster import DICOM, FORMATS

RASTER = tuple(suffix for suffix in FORMATS if suffix not in DICOM)
_SIDES = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
_VIEWS = VIEWS[: VIEWS.index("OTHER")]
_ONE_EXAM = "exam"  # of a patient whose files lie in no folder
_WORD = re.compile(r"[A-Za-z]+")
_BOTH = re.compile(rf"(LEFT|RIGHT|L|R)({'|'.join(_VIEWS)})")


@dataclass(frozen=True)
class ImageFiles:
    """The rule by which files become rows of the exam table.

    The patient is the folder that a file lies in, with its path below `root`, or what `patient_from` finds in
    the file's path; the exam is the folder. A file in `root` itself is a patient of its own, where a sample
    is one image. Side and view are words of the file's name: L, LEFT, R, RIGHT; CC, MLO, ML, …; LCC, RMLO.

    Args:
        root: The folder.
        patient_from: A regular expression whose first group in a path is the patient; `tag` and `folder` take
            the folder.
        whole_patients: Whether samples join images, so that files in `root` itself name no patient.

    Raises:
        UserError: `patient_from` is no rule.
    """

    root: Path
    patient_from: str = "tag"
    whole_patients: bool = False

    def __post_init__(self) -> None:
        patient_rule(self.patient_from)

    def rows(self, paths: list[str]) -> pd.DataFrame:
        """Return the exam table of files, one row a file.

        Args:
            paths: The files, relative to `root`, with `/`.

        Raises:
            UserError: A file names no patient.
        """
        return complete_images(pd.DataFrame([self._row(path) for path in paths]))

    def _row(self, path: str) -> dict[str, str]:
        side, view = position(PurePosixPath(path).stem)
        folder = PurePosixPath(path).parent.as_posix()
        return {
            "patient_id": self._patient(path, folder),
            "exam_id": folder if folder != "." else path if not self.whole_patients else _ONE_EXAM,
            "image_id": path,
            "path": path,
            "laterality": side,
            "view": view,
        }

    def _patient(self, path: str, folder: str) -> str:
        if self.patient_from not in ("tag", "folder"):
            rule = patient_rule(self.patient_from)
            match = rule.search(path) if rule else None
            if match is None or not match[1]:
                raise UserError(
                    f"expected a match of data.patient_from={self.patient_from} in every path below "
                    f"{self.root}, found none for {named('file', path)}; correct it"
                )
            return str(match[1])
        if folder != ".":
            return folder
        if self.whole_patients:
            raise UserError(
                f"expected the images of each exam in a folder of their own below {self.root}, found "
                f"{named('file', path)} in none: whose is it? Make folders, or set data.patient_from to a "
                "regular expression whose group is the patient in a path, or give a manifest"
            )
        return path


def position(stem: str) -> tuple[str, str]:
    """Return side and view by the words of a file's name, `NA` where it does not say, or says two.

    Args:
        stem: The name without its suffix.
    """
    words = list(_words(stem.upper()))
    sides = {_SIDES[word] for word in words if word in _SIDES}
    views = {word for word in words if word in _VIEWS}
    return (sides.pop() if len(sides) == 1 else "NA", views.pop() if len(views) == 1 else "NA")


def _words(name: str) -> Iterator[str]:
    for word in _WORD.findall(name):
        both = _BOTH.fullmatch(word)
        yield from both.groups() if both else (word,)
