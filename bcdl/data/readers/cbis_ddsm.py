"""CBIS-DDSM: digitised film mammograms with outlined masses and calcifications."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers import cbis_ddsm_files as files
from bcdl.data.readers.cbis_ddsm_tables import NO_CALLBACK, abnormalities
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.samples import check_choice
from bcdl.data.table import ExamTable, complete_findings
from bcdl.errors import UserError
from bcdl.imaging import ImageError

WITHOUT_CALLBACK = ("benign", "drop")
CROPS = ("none", "roi")


@dataclass(frozen=True)
class CBISDDSM(FolderReader):
    """Digitised film mammograms; each abnormality has an outline, a crop and a pathology.

    Source: The Cancer Imaging Archive, https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY.
    Licence: CC BY 3.0.
    Format: `{mass,calc}_case_description_{train,test}_set.csv` in `root`, one row an abnormality. DICOM files
        below `CBIS-DDSM` (or below `root` itself): one in `Mass-Training_P_00001_LEFT_CC`, the whole image;
        two in `Mass-Training_P_00001_LEFT_CC_1`, crop and mask of abnormality 1; likewise in
        `Calc-Training_…`, `Mass-Test_…` and `Calc-Test_…`. Paths of the exam table name these folders; the
        files in them are looked up when they are decoded.
    Counts: 3,568 abnormalities on 3,032 images of 1,566 patients; 334 images have several, 33 benign and
        malignant ones. Train 2,391 images, 1,080 malignant; test 641, 267 malignant.
    Classes: `benign` (0), `malignant` (1, positive).
    Labels: the pathology; an image takes the worst of its abnormalities. BENIGN_WITHOUT_CALLBACK, benign
        and not recalled, is benign or left out (`without_callback`). BI-RADS is the highest assessment.
    Findings: one an abnormality, of kind `mass` or `calcification`, with a mask and no box. A mask's path
        names the folder; of the two files there it is the larger one, or else the one with two grey values.
    Splits: train and test, by the tables' names.
    Quirks: One view lies in two folders where it has both masses and calcifications; one of them is taken,
        the first of: on disk, of the test set, of Mass-. Masses and calcifications were split apart: 31
        patients stand in train and test, 29 images too. Such an image is a test image; 22 patients still have
        other images for training, and `data.on_patient_overlap` says what becomes of those. The paths that
        the tables give are not those of downloads and are passed over. Some masks have another size than
        their image. Density 0 and subtlety 0 mean unknown. Dates, ages and pixel spacing are unknown.
    Paper: Lee et al., A curated mammography data set for use in computer-aided detection and diagnosis
        research, Scientific Data 4 (2017).

    Args:
        without_callback: What BENIGN_WITHOUT_CALLBACK counts as: `benign`, or `drop` to leave such
            abnormalities out, and images with no others.
        crop: `none` for whole images, or `roi` for the data set's own crops: one row an abnormality with its
            own label, for the pre-training of patch classifiers. Crops hold no breast to look for and
            differ in size: add `imaging=default imaging.size=[256,256]`. There are no findings then.
        imaging_crop: What `imaging.crop` says; `breast` does not go with `crop=roi`.

    Raises:
        UserError: A file or folder is missing, or a choice is unknown or does not go with another.
    """

    without_callback: str = "benign"
    crop: str = "none"
    imaging_crop: str = "none"
    name: str = field(default="cbis_ddsm", init=False)
    classes: tuple[str, ...] = field(default=("benign", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("data.without_callback", self.without_callback, WITHOUT_CALLBACK)
        check_choice("data.crop", self.crop, CROPS)
        if self.crop == "roi" and self.imaging_crop != "none":
            raise UserError(
                f"expected imaging.crop=none with data.crop=roi, found {self.imaging_crop}: a crop has no "
                "breast to crop to; add imaging=default imaging.size=[256,256]"
            )

    def read(self) -> ExamTable:
        """Return one row an image (or a crop), in the order of the tables; no image is looked at.

        Raises:
            UserError: A table is missing, lacks a column, or has an unknown code or an abnormality twice.
        """
        rows = abnormalities(self.root, self.on_bad_row)
        if self.without_callback == "drop":
            rows = rows[rows["pathology"] != NO_CALLBACK]
        if self.crop == "roi":
            tables = _images(rows, "finding_id", "finding_path"), complete_findings(None)
        else:
            tables = _images(rows, "image_id", "image_path"), _findings(rows)
        table = ExamTable(*tables, self.classes, self.positive)
        return checked_table(table, str(self.root), self.on_bad_row)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode the mask of an abnormality's folder, (H, W); its size may not be the image's.

        Raises:
            ImageError: The folder is missing or holds no mask, or the mask cannot be decoded.
        """
        file = super().file(mask_path)
        if not file.is_file():
            file = files.crop_and_mask(file)[1]
        return super().load_mask(file.relative_to(self.root).as_posix())

    def file(self, path: str) -> Path:
        """Return the file in a folder that a path names: the image, or an abnormality's crop.

        Raises:
            ImageError: The folder is missing, outside the root, or does not hold what it should.
        """
        file = super().file(path)
        if file.is_file():
            return file
        return files.crop_and_mask(file)[0] if files.is_abnormality(file) else files.whole_image(file)

    def state(self, path: str) -> str:
        """Return a text that changes whenever a file in the folder does: sizes and times of change."""
        try:
            statuses = [file.stat() for file in files.dicom_files(super().file(path))]
        except (OSError, ImageError):
            return "missing"
        return ", ".join(f"{status.st_size} {status.st_mtime_ns}" for status in statuses) or "missing"

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return the DICOM files in folders that no row of the tables is about, relative to the root.

        Args:
            table: Passed over: copies of a view in a second folder are not in it.

        Raises:
            UserError: The tables are wrong.
        """
        rows = abnormalities(self.root, self.on_bad_row)
        place, names = files.image_folders(self.root)
        folders = {(place / name).as_posix() for name in names}
        strange = folders.difference(rows["image_path"], rows["finding_path"])
        found = (file for folder in strange for file in files.dicom_files(self.root / folder))
        return sorted(file.relative_to(self.root).as_posix() for file in found)


def _images(rows: pd.DataFrame, key: str, path: str) -> pd.DataFrame:
    """Return one row a `key`, with the worst of its abnormalities."""
    images = rows.groupby(key, sort=False, dropna=False).agg(
        patient_id=("patient_id", "first"),
        exam_id=("patient_id", "first"),
        laterality=("laterality", "first"),
        view=("view", "first"),
        label=("label", "max"),
        birads=("birads", "max"),
        density=("density", "first"),
        split=("split", "first"),
        meta_abnormality=("kind", lambda kinds: kinds.iloc[0] if kinds.nunique() == 1 else "both"),
        meta_subtlety=("subtlety", "max"),
    )
    paths = rows.sort_values("missing", kind="stable").groupby(key, dropna=False)[path].first()
    images = images.assign(path=paths, birads=images["birads"].astype(str))
    return images.rename_axis("image_id").reset_index()


def _findings(rows: pd.DataFrame) -> pd.DataFrame:
    columns = rows[["image_id", "finding_id", "kind", "label"]]
    return columns.assign(mask_path=rows["finding_path"])
