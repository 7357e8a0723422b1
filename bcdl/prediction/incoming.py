"""What is to be predicted, as an exam table: from a manifest, or a folder of DICOM files and images."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pandas as pd
from omegaconf import DictConfig

from bcdl.data.naming import named
from bcdl.data.privacy import Pseudonyms, key_file, open_pseudonyms, private_messages, write_links
from bcdl.data.readers import DICOMFolder
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.image_files import RASTER, ImageFiles
from bcdl.data.readers.reader import Reader
from bcdl.data.readers.unlabelled import Unlabelled
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import NoDataError, UserError
from bcdl.imaging import AS_IT_IS, Display, Picture
from bcdl.serving.facts import POSITIONS, Facts

_LOG = logging.getLogger(__name__)
_SHEETS = (".csv", ".parquet")
_PREAMBLE = slice(128, 132)
NO_IMAGE, NO_DICOM_IMAGE, BAD_ROW = "files that are no images", "DICOM files without an image", "wrong rows"


@dataclass(frozen=True)
class Incoming:
    """What is to be predicted.

    Attributes:
        images: the exam table, of private data under pseudonyms; at least one row.
        reader: decodes its images.
        left_out: how many of what was found are not among them, by what they are.
    """

    images: pd.DataFrame
    reader: Reader
    left_out: dict[str, int]


class FolderFiles(FolderReader):
    """The pixels of files below a folder, DICOM by their content and others by their suffix."""

    name = "folder"

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Decode an image.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        if Path(path).suffix.lower() in RASTER:
            return super().load(path, frame, display)
        return DICOMFolder(self.root).load(path, frame, display)


def read_incoming(given: Path, how: DictConfig, facts: Facts, out: Path) -> Incoming:
    """Read who and what is to be predicted; no pixel is decoded.

    Args:
        given: a folder, or a manifest as CSV or Parquet.
        how: the node `data` of the configuration of `bcdl predict`.
        facts: of the data that the model was trained on.
        out: folder of the results; what lies in it is not read, and the links between names and pseudonyms
            are written there.

    Raises:
        UserError: there is no image, or it is not told whose they are.
    """
    pseudonyms = _pseudonyms(how, out)
    with private_messages(pseudonyms, given.stem):
        incoming = _from_folder(given, how, facts, out) if given.is_dir() else _from_sheet(given, how, facts)
    _warn_of_undated(incoming.images, facts)
    if pseudonyms is None:
        return incoming
    write_links(incoming.images, pseudonyms, "predictions")
    table = ExamTable(incoming.images, complete_findings(None), facts.classes, facts.classes[-1])
    return replace(incoming, images=pseudonyms.apply(table).images)


def _warn_of_undated(images: pd.DataFrame, facts: Facts) -> None:
    """Say that exams of a patient without dates go by their ids, or pseudonyms, where their order counts."""
    exams = images[images["exam_day"].isna()].groupby("patient_id")["exam_id"].nunique()
    undated = int((exams > 1).sum())
    if facts.unit == "patient" and undated:
        _LOG.warning(
            "the exams of %d patients have no date: they are ordered by their ids (pseudonyms, unless "
            "data.pseudonyms=false), which need not be the order of time; give exam_date",
            undated,
        )


def _pseudonyms(how: DictConfig, out: Path) -> Pseudonyms | None:
    """Return pseudonyms whose links lie with the results."""
    if not how.pseudonyms:
        return None
    key = key_file() if how.pseudonym_key is None else Path(how.pseudonym_key)
    return replace(open_pseudonyms(key), folder=out)


def _from_sheet(given: Path, how: DictConfig, facts: Facts) -> Incoming:
    if not given.is_file() or given.suffix.lower() not in _SHEETS:
        found = f"a file '{given.suffix}'" if given.is_file() else "nothing there"
        raise UserError(
            f"expected input to be a folder of DICOM files or images, or a manifest as .csv or .parquet, "
            f"found {found}: {given}"
        )
    reader = Unlabelled(
        given,
        None if how.root is None else Path(how.root),
        classes=facts.classes,
        positive=facts.classes[-1],
        on_bad_row=how.on_bad_row,
        whole_patients=facts.unit != "image",
    )
    images = reader.read().images
    wrong = len(reader.sheet()) - len(images)
    return Incoming(images, reader, {BAD_ROW: wrong} if wrong else {})


def _from_folder(given: Path, how: DictConfig, facts: Facts, out: Path) -> Incoming:
    paths = sorted(_files(given, out))
    dicom = {path for path in paths if Path(path).suffix.lower() not in RASTER and _is_dicom(given / path)}
    rasters = [path for path in paths if Path(path).suffix.lower() in RASTER]
    others = len(paths) - len(dicom) - len(rasters)
    if not dicom and not rasters:
        what = f"{others} files of other kinds" if others else "no file at all"
        raise UserError(
            f"{given}: expected DICOM files or images ({', '.join(RASTER)}) at any depth, found {what}"
        )
    rule = ImageFiles(given, how.patient_from, facts.unit != "image")
    tables = [rule.rows(rasters)] if rasters else []
    left_out = {NO_IMAGE: others} if others else {}
    if dicom:
        found = _dicom_rows(given, how, facts, dicom, alone=not rasters)
        tables += found
        if missing := len(dicom) - sum(map(len, found)):
            left_out[NO_DICOM_IMAGE] = missing
    images = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)
    unknown = {name: "NA" for name in POSITIONS if name not in facts.positions}
    return Incoming(complete_images(images.assign(**unknown)), cast(Reader, FolderFiles(given)), left_out)


def _dicom_rows(
    given: Path, how: DictConfig, facts: Facts, dicom: set[str], alone: bool
) -> list[pd.DataFrame]:
    """Return the exam table of DICOM files, in a list; none where images are of other kinds alone.

    Args:
        given: the folder.
        how: the node `data` of the configuration.
        facts: of the data that the model was trained on.
        dicom: the DICOM files among its files, relative to it.
        alone: whether there are no other images.
    """
    reader = DICOMFolder(
        given, "skip", patient_from=how.patient_from, exam_from=how.exam_from, classes=facts.classes,
        positive=facts.classes[-1],
    )  # fmt: skip
    try:
        read = reader.read().images
    except NoDataError:
        if alone:
            raise
        return []
    return [read[read["path"].isin(dicom)]]


def _files(given: Path, out: Path) -> Iterator[str]:
    """Yield the files below a folder, relative to it, but not those of the results."""
    results = out.resolve()
    for place, folders, files in os.walk(given):
        folders[:] = [name for name in folders if (Path(place) / name).resolve() != results]
        for name in files:
            yield (Path(place) / name).relative_to(given).as_posix()


def _is_dicom(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(_PREAMBLE.stop)[_PREAMBLE] == b"DICM"
    except OSError as error:
        raise UserError(f"cannot read the file {named('file', file)} ({error.strerror})") from error
