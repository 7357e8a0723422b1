"""BUSI: 780 breast ultrasound images in folders by class, with outlines."""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.labels import NORMAL
from bcdl.data.samples import check_choice
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import NoDataError, UserError

_LOG = logging.getLogger(__name__)
_TOP = "Dataset_BUSI_with_GT"
_KINDS = ("benign", "malignant", "normal")
_LAYOUT = f"{_TOP}/{{{','.join(_KINDS)}}}/benign (1).png, benign (1)_mask.png, benign (1)_mask_1.png"
_NAME = re.compile(r"(?P<image>(?P<kind>[a-z]+) \((?P<number>\d+)\))(?P<mask>_mask(?:_\d+)?)?\.png")


@dataclass(frozen=True)
class BUSI(FolderReader):
    """Breast ultrasound, normal, benign or malignant, with outlines of the lesions.

    Source: Baheya Hospital, Cairo; https://scholar.cu.edu.eg/?q=afahmy/pages/dataset.
    Licence: as its page says; the paper is CC BY 4.0.
    Format: `Dataset_BUSI_with_GT/{benign,malignant,normal}/benign (1).png`, of different sizes, with an
        outline `benign (1)_mask.png` and, of further lesions, `benign (1)_mask_1.png`. `root` is the folder
        above or that folder itself.
    Counts: 780 images: 437 benign, 210 malignant, 133 normal.
    Classes: `normal_or_benign` (0), `malignant` (1, positive).
    Labels: the folder; `normal` says what normal breasts count as.
    Findings: one an outline, of kind `lesion`. Copies without outlines exist and have no findings; those of
        normal breasts are empty and left aside.
    Splits: none.
    Quirks: No patient ids are published, so every image counts as a patient of its own. It holds duplicates,
        some with conflicting labels, which a split by patient cannot keep together: `data.drop_duplicates`
        and `bcdl audit` deal with them. Sides, dates and pixel spacing are unknown.
    Paper: Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28 (2020).

    Args:
        normal: What images of normal breasts count as: `benign`, `drop` (left out) or `unlabelled`.
    """

    normal: str = "benign"
    name: str = field(default="busi", init=False)
    classes: tuple[str, ...] = field(default=("normal_or_benign", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("data.normal", self.normal, NORMAL)

    def read(self) -> ExamTable:
        """Return one row an image, by class and number; an outline without its image is a row too.

        Raises:
            UserError: A folder is missing or empty, or a file's name is none of the documented ones.
        """
        kinds = _KINDS[:2] if self.normal == "drop" else _KINDS
        folder = self._folder()
        files = pd.DataFrame([row for kind in kinds for row in self._files(folder, kind)])
        normal = pd.NA if self.normal == "unlabelled" else 0
        labels = files["kind"].map({"benign": 0, "malignant": 1, "normal": normal}).astype("Int64")
        files = files.assign(label=labels).sort_values(["kind", "number", "mask"], ignore_index=True)
        table = ExamTable(_images(files), _findings(files), self.classes, self.positive)
        return checked_table(table, str(folder), self.on_bad_row)

    def _folder(self) -> Path:
        return self.root / _TOP if (self.root / _TOP).is_dir() else self.root

    def _files(self, folder: Path, kind: str) -> list[dict[str, object]]:
        """Return the parts of the names of a class's files; `mask` is empty for images."""
        if not (folder / kind).is_dir():
            raise NoDataError(
                f"expected a folder {kind} in {folder}, found none; correct data.root. "
                f"Expected layout: {_LAYOUT}"
            )
        rows = []
        for file in sorted((folder / kind).glob("*.png")):
            parts = _NAME.fullmatch(file.name)
            if parts is None or parts["kind"] != kind:
                self._refuse(file, kind)
                continue
            place = (file.parent / parts["image"]).relative_to(self.root).as_posix()
            rows.append({**parts.groupdict(""), "number": int(parts["number"]), "place": place})
        if not rows:
            raise UserError(f"expected images in {folder / kind}, found none. Expected layout: {_LAYOUT}")
        return rows

    def _refuse(self, file: Path, kind: str) -> None:
        message = f"{file}: expected a name such as '{kind} (1).png' or '{kind} (1)_mask.png', found another"
        if self.on_bad_row == "error":
            raise UserError(f"{message}; take it away, or set data.on_bad_row=skip to leave such files out")
        _LOG.warning("%s: it is left out", message)


def _images(files: pd.DataFrame) -> pd.DataFrame:
    rows = files.drop_duplicates("image")
    ids = dict.fromkeys(("patient_id", "exam_id", "image_id"), rows["image"])
    columns = {**ids, "view": "US", "path": rows["place"] + ".png", "label": rows["label"]}
    return complete_images(pd.DataFrame(columns))


def _findings(files: pd.DataFrame) -> pd.DataFrame:
    rows = files[(files["mask"] != "") & (files["kind"] != "normal")]
    findings = {
        "image_id": rows["image"],
        "finding_id": rows["image"] + "#" + rows.groupby("image").cumcount().astype(str),
        "kind": "lesion",
        "label": rows["label"],
        "mask_path": rows["place"] + rows["mask"] + ".png",
    }
    return complete_findings(pd.DataFrame(findings))
