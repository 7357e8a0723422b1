"""INbreast: 410 full-field digital mammograms with BI-RADS and precise outlines."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers.annotations import days_since_first, read_annotations, rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.code_rule import check_apart, checked_codes, label_codes
from bcdl.data.readers.contours import Contour, read_contours
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.headers import header_size
from bcdl.data.schema import FINDING_COLUMNS, TEXT
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.imaging import ImageError

_LOG = logging.getLogger(__name__)
_LAYOUT = "INbreast.csv beside AllDICOMs/<File Name>_<patient>_MG_<side>_<view>_ANON.dcm and AllXML/"
_COLUMNS = ("Patient age", "Laterality", "View", "Acquisition date", "File Name", "ACR", "Bi-Rads")
_BIRADS = ("1", "2", "3", "4", "4a", "4b", "4c", "5", "6")
_VIEWS = {"CC": "CC", "MLO": "ML", "FB": "FB"}  # in the table: in file names
_DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
_FILE = re.compile(r"(?P<name>[^_.]+)_(?P<patient>[^_]+)_MG_.*\.dcm", re.IGNORECASE)


@dataclass(frozen=True)
class INbreast(FolderReader):
    """Screening, diagnostic and follow-up mammograms of one centre, outlined by specialists.

    Source: Hospital de São João, Breast Centre, Porto; Moreira et al., 2012.
    Licence: restricted; by agreement with its authors.
    Format: `INbreast.csv` (separated by semicolons, padded with spaces), one row an image; images
        `AllDICOMs/<File Name>_<patient>_MG_<L|R>_<CC|ML>_ANON.dcm`; outlines `AllXML/<File Name>.xml`.
    Counts: 410 images of 115 patients.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: the image's BI-RADS, by `malignant` and `benign`; others (3) are unlabelled. This is no pathology,
        and `birads` is the label in other words.
    Findings: one row an outline: kind as named in lower case (`mass`, `calcification`, `cluster`, …), box
        and mask, no label. A contour of one or two points is a point finding, a box of as many pixels.
        `AllXML/22.xml#3` is the mask of contour 3 of that file, from 0. Images without a file have none.
    Splits: none ("NA").
    Quirks: Patient columns read `removed`; the patient is the hash in the file's name, so the patient of an
        image without a file is unknown, and the image counts as a patient of its own. The view MLO is ML in
        file names; one view is FB; one ACR is blank. ACR 1 to 4 is density A to D. Dates are months, such as
        `201001`; other ones count as unknown. Pixel spacing is left to the file.
    Paper: Moreira et al., INbreast: toward a full-field digital mammographic database, Academic Radiology 19
        (2012).

    Args:
        malignant: BI-RADS categories that count as malignant, of 1, 2, 3, 4, 4a, 4b, 4c, 5, 6.
        benign: BI-RADS categories that count as benign or normal.
    """

    malignant: Sequence[str] = ("4", "4a", "4b", "4c", "5", "6")
    benign: Sequence[str] = ("1", "2")
    name: str = field(default="inbreast", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("malignant", "benign"):
            object.__setattr__(self, key, checked_codes(f"data.{key}", getattr(self, key), _BIRADS))
        check_apart(self.benign, self.malignant)

    def read(self) -> ExamTable:
        """Return one row an image and one finding an outline.

        Raises:
            UserError: The table is missing or not in its documented form, or a file of outlines is damaged.
        """
        file = self.root / "INbreast.csv"
        rows = read_annotations(file, _COLUMNS, _LAYOUT, separator=";").astype(TEXT)
        rows = rows_of_known(rows, "Laterality", ("L", "R"), file, self.on_bad_row)
        rows = rows_of_known(rows, "View", tuple(_VIEWS), file, self.on_bad_row)
        rows = rows_of_known(rows, "ACR", tuple(_DENSITIES), file, self.on_bad_row, empty=True)
        rows = rows_of_known(rows, "Bi-Rads", _BIRADS, file, self.on_bad_row)
        table = ExamTable(self._images(rows), self._findings(rows["File Name"]), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Draw an outline, such as `AllXML/22580192.xml#0`, on an empty image (H, W) of its image's size.

        Raises:
            UserError: There is no such file or outline, or no image to give the size.
        """
        path, _, number = mask_path.partition("#")
        contours = read_contours(self.file(path))
        if not number.isdecimal() or int(number) >= len(contours):
            raise ImageError(self.file(path), f"expected one of {len(contours)} outlines, found '#{number}'")
        name = Path(path).stem
        if name not in (files := self._files()):
            raise ImageError(
                self.file(path), f"expected AllDICOMs/{name}_*.dcm, to know its size, found none"
            )
        return contours[int(number)].mask(*header_size(self.file(files[name][0])))

    def _files(self) -> dict[str, tuple[str, str]]:
        """Return the path and the patient of every image, by the name that the table has for it."""
        folder = self.root / "AllDICOMs"
        names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
        parts = [found for name in names if (found := _FILE.fullmatch(name))]
        return {part["name"]: (f"AllDICOMs/{part.string}", part["patient"]) for part in parts}

    def _images(self, rows: pd.DataFrame) -> pd.DataFrame:
        names, files = rows["File Name"], self._files()
        if lost := len(names) - int(names.isin(list(files)).sum()):
            _LOG.warning(
                "%s: %d of %d images have no file in AllDICOMs: each counts as a patient of its own",
                *(self.root, lost, len(names)),
            )
        unknown = "AllDICOMs/" + names + "_*_MG_" + rows["Laterality"] + "_" + rows["View"].map(_VIEWS)
        paths = names.map({name: path for name, (path, _) in files.items()}).astype(TEXT)
        patients = names.map({name: patient for name, (_, patient) in files.items()}).astype(TEXT)
        patients = patients.fillna(names)
        months = pd.to_datetime(rows["Acquisition date"], format="%Y%m", errors="coerce")
        days = days_since_first(patients, months)
        return pd.DataFrame(
            {
                "patient_id": patients,
                "exam_id": patients + "/" + days.astype("Int64").astype(TEXT).fillna("unknown"),
                "exam_day": days,
                "image_id": names,
                "laterality": rows["Laterality"],
                "view": rows["View"],
                "path": paths.fillna(unknown + "_ANON.dcm"),
                "label": label_codes(rows["Bi-Rads"], self.benign, self.malignant),
                "birads": rows["Bi-Rads"],
                "density": rows["ACR"].map(_DENSITIES),
                "age": rows["Patient age"].mask(rows["Patient age"] == "removed"),
            }
        )

    def _findings(self, names: pd.Series) -> pd.DataFrame:
        findings = []
        for name in names.dropna().drop_duplicates():
            path = f"AllXML/{name}.xml"
            for number, contour in enumerate(self._contours(self.file(path))):
                place = {"image_id": name, "finding_id": f"{name}#{number}", "mask_path": f"{path}#{number}"}
                box = dict(zip(("x0", "y0", "x1", "y1"), contour.box, strict=True))
                findings.append({**place, "kind": contour.kind, **box})
        return pd.DataFrame(findings, columns=list(FINDING_COLUMNS))

    def _contours(self, file: Path) -> list[Contour]:
        if not file.is_file():
            return []
        try:
            return read_contours(file)
        except UserError as error:
            if self.on_bad_row == "error":
                raise
            _LOG.warning("left out: %s", error)
            return []
