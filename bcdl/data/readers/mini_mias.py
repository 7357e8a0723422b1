"""mini-MIAS: 322 digitised film mammograms with circles around their abnormalities."""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bcdl.data.readers.annotations import rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.labels import NORMAL
from bcdl.data.samples import check_choice
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import NoDataError, UserError

_LOG = logging.getLogger(__name__)
_LAYOUT = "Info.txt (or a copy named labels*.txt) beside mdb001.pgm, or beside a folder all-mias of them"
_LINE = re.compile(
    r"(?P<image>mdb(?P<number>\d{3}))\s+(?P<background>\S+)\s+(?P<kind>\S+)(?:\s+(?P<severity>[A-Za-z]+))?"
    r"(?:\s+(?P<x>\d+)\s+(?P<y>\d+)\s+(?P<radius>\d+))?(?:\s+\*.*)?"
)
_CODES = {
    "background": ("F", "G", "D"),
    "kind": ("CALC", "CIRC", "SPIC", "MISC", "ARCH", "ASYM", "NORM"),
    "severity": ("B", "M", "NORM"),
}
_KINDS = {
    "CALC": "calcification",
    "CIRC": "circumscribed_mass",
    "SPIC": "spiculated_mass",
    "MISC": "other_mass",
    "ARCH": "architectural_distortion",
    "ASYM": "asymmetry",
}
_EXAMPLE, _CELLS = "mdb001 G CIRC B 535 425 197", "image, background, class, severity, x, y, radius"
_SIZE = 1024
_SPACING = 0.2  # millimetres: scanned at 50 micrometres, reduced to 200


@dataclass(frozen=True)
class MiniMIAS(FolderReader):
    """Screening mammograms on film, with a circle around each abnormality.

    Source: Mammographic Image Analysis Society, mini-MIAS database of mammograms,
        http://peipa.essex.ac.uk/info/mias.html.
    Licence: for research only, by its own agreement.
    Format: `Info.txt`: prose, then lines `mdb001 G CIRC B 535 425 197` (image, background, class, severity,
        centre x and y, radius) or `mdb003 D NORM`; some copies name the table `labels*.txt` and lack the
        prose. Images `mdbNNN.pgm`, 1024 x 1024, 8 bit, 0.2 mm a pixel, beside it or in `all-mias`.
    Counts: 330 lines for 322 images of 161 patients.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: severity B is benign, M malignant; an image takes the worst of its lines. NORM has none: `normal`
        says what it counts as.
    Findings: one a line with an abnormality; the box around its circle, cut off at the image's edge. Four
        images give no circle (the calcifications are spread): their findings have no box.
    Splits: none.
    Quirks: The circles' origin is the bottom left corner. Two images are one patient's: the odd number is the
        right breast, the even one the left; a patient is named after the odd one. All views are MLO. The
        background (F fatty, G glandular, D dense) is not the BI-RADS density, and is kept in
        `meta_background`. Dates and ages are unknown.
    Paper: Suckling et al., The Mammographic Image Analysis Society digital mammogram database, Excerpta
        Medica International Congress Series 1069 (1994).

    Args:
        normal: What images of normal breasts count as: `benign`, `drop` (left out) or `unlabelled`.
    """

    normal: str = "benign"
    name: str = field(default="mini_mias", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("data.normal", self.normal, NORMAL)

    def read(self) -> ExamTable:
        """Return one row an image and one finding an abnormality.

        Raises:
            UserError: The table is missing, or a line of it is not in the documented form.
        """
        file = _table(self.root)
        rows = _rows(file, self.on_bad_row)
        if self.normal == "drop":
            rows = rows[rows["severity"] != "NORM"]
        normal = pd.NA if self.normal == "unlabelled" else 0
        rows = rows.assign(label=rows["severity"].map({"B": 0, "M": 1, "NORM": normal}).astype("Int64"))
        table = ExamTable(_images(rows, self._folder()), _findings(rows), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _folder(self) -> str:
        return "all-mias/" if (self.root / "all-mias").is_dir() else ""


def _table(root: Path) -> Path:
    files = [root / "Info.txt", *sorted(root.glob("labels*.txt"))]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise NoDataError(f"expected Info.txt in {root}, found no such file. Expected layout: {_LAYOUT}")
    return found


def _rows(file: Path, on_bad_row: str) -> pd.DataFrame:
    """Return the table's lines, `severity` NORM for normal breasts; the prose above them is passed over."""
    try:
        lines = file.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise UserError(f"{file}: expected the table of mini-MIAS, cannot read it ({error})") from error
    found = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip().startswith("mdb")]
    rows = [parts.groupdict() for _, line in found if (parts := _LINE.fullmatch(line))]
    if len(rows) < len(found) or not rows:
        _refuse_lines([line for line in found if not _LINE.fullmatch(line[1])], len(rows), file, on_bad_row)
    frame = pd.DataFrame(rows)
    frame["severity"] = frame["severity"].mask(frame["severity"].isna() & (frame["kind"] == "NORM"), "NORM")
    for column, codes in _CODES.items():
        frame = rows_of_known(frame, column, codes, file, on_bad_row)
    return frame


def _refuse_lines(bad: list[tuple[int, str]], good: int, file: Path, on_bad_row: str) -> None:
    message = f"{file}: expected lines such as '{_EXAMPLE}' or 'mdb003 D NORM' ({_CELLS}), found "
    if not bad:
        raise UserError(f"{message}none; is it the table of mini-MIAS, unchanged?")
    message += f"'{bad[0][1]}' in line {bad[0][0]} and {len(bad) - 1} more that are none"
    if on_bad_row == "error" or not good:
        raise UserError(f"{message}; correct it, or set data.on_bad_row=skip to leave such lines out")
    _LOG.warning("%s: these are left out", message)


def _images(rows: pd.DataFrame, folder: str) -> pd.DataFrame:
    labels = rows.groupby("image")["label"].max()
    rows = rows.drop_duplicates("image").reset_index(drop=True)
    odd = rows["number"].astype(int) % 2 == 1
    patients = (rows["number"].astype(int) - ~odd).map("mdb{:03d}".format)
    images = pd.DataFrame(
        {
            "patient_id": patients,
            "exam_id": patients,
            "image_id": rows["image"],
            "laterality": odd.map({True: "R", False: "L"}),
            "view": "MLO",
            "path": folder + rows["image"] + ".pgm",
            "pixel_spacing": _SPACING,
            "label": rows["image"].map(labels),
            "meta_background": rows["background"],
        }
    )
    return complete_images(images)


def _findings(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["kind"] != "NORM"]
    x, y, radius = (pd.to_numeric(rows[column]).astype("float64") for column in ("x", "y", "radius"))
    row = _SIZE - y
    edges = {"x0": x - radius, "y0": row - radius, "x1": x + radius, "y1": row + radius}
    findings = pd.DataFrame(
        {
            "image_id": rows["image"],
            "finding_id": rows["image"] + "#" + rows.groupby("image").cumcount().astype(str),
            "kind": rows["kind"].map(_KINDS),
            "label": rows["label"],
            **{name: edge.clip(0, _SIZE) for name, edge in edges.items()},
        }
    )
    return complete_findings(findings)
