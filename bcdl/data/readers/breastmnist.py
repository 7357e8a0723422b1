"""BreastMNIST: small breast ultrasound images in one npz file."""

import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers.download import download, file_md5
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import NoDataError, UserError
from bcdl.imaging import AS_IT_IS, Display, ImageError, Picture

URL = "https://zenodo.org/records/10519652/files/{name}?download=1"
MD5 = {
    28: "750601b1f35ba3300ea97c75c52ff8f6",
    64: "742edef2a1fd1524b2efff4bd7ba9364",
    128: "363e4b3f8d712e9b5de15470a2aaadf1",
    224: "b56378a6eefa9fed602bb16d192d4c8b",
}
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class BreastMNIST:
    """Breast ultrasound, malignant or not, in four sizes.

    Source: MedMNIST v2, https://zenodo.org/records/10519652; derived from BUSI (Dataset of breast ultrasound
        images).
    Licence: CC BY 4.0.
    Format: `breastmnist.npz` (28 x 28) or `breastmnist_<size>.npz` (64, 128, 224) with the arrays
        `{train,val,test}_images`, uint8 (N, size, size), and `{train,val,test}_labels`, (N, 1).
        A path reads `train/17`: image 17 of `train_images`.
    Counts: 780 images: 546 train, 78 val, 156 test; malignant 147, 21 and 42 of them.
    Classes: `malignant` (0, positive), `normal_or_benign` (1): the source codes malignant as 0.
    Splits: the source's own.
    Quirks: No patient ids are published, so every image counts as a patient of its own, though BUSI holds
        duplicates, some with conflicting labels: the test split may not be independent. Sides, dates and
        pixel spacing are unknown.
    Papers: Yang et al., MedMNIST v2, Scientific Data 10 (2023); Al-Dhabyani et al., Dataset of breast
        ultrasound images, Data in Brief 28 (2020).

    Args:
        root: Folder of the npz file.
        size: Height and width of the images: 28, 64, 128 or 224.
        download: Fetch the file in `read` when it is missing.
        url: Address to fetch it from; `None` is the published one.

    Raises:
        UserError: Another size, or the file is missing and not to be downloaded.
    """

    root: Path
    size: int = 28
    download: bool = False
    url: str | None = None
    name: str = field(default="breastmnist", init=False)
    classes: tuple[str, ...] = field(default=("malignant", "normal_or_benign"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))  # a string, when it comes from YAML
        if self.size not in MD5:
            raise UserError(
                f"breastmnist: expected data.size of {', '.join(map(str, MD5))}, found {self.size}"
            )
        if not self.download and not self.file.is_file():
            raise NoDataError(
                f"breastmnist: expected {self.file} (MD5 {MD5[self.size]}), found no such file; "
                "set data.root to its folder, or data.download=true to fetch it"
            )

    @property
    def file(self) -> Path:
        """The npz file."""
        return self.root / ("breastmnist.npz" if self.size == 28 else f"breastmnist_{self.size}.npz")

    def read(self) -> ExamTable:
        """Return one row an image, in the order train, val, test; there are no findings.

        Raises:
            UserError: The file is not the published one, or cannot be downloaded.
        """
        if not self.file.is_file():
            download(self.url or URL.format(name=self.file.name), self.file, MD5[self.size])
        self._check()
        with np.load(self.file) as arrays:
            images = pd.concat(
                [_rows(split, arrays[f"{split}_labels"]) for split in _SPLITS], ignore_index=True
            )
        return ExamTable(complete_images(images), complete_findings(None), self.classes, self.positive)

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Return the image that a path such as `train/17` names, (size, size); it has the one `frame` 0.

        Raises:
            ImageError: The file holds no such image.
        """
        split, _, number = path.partition("/")
        if frame != 0 or split not in _SPLITS or not number.isdecimal():
            raise ImageError(
                self.file, f"expected a path such as train/17 and frame 0, found {path} frame {frame}"
            )
        images = _images(self.file, split)
        if int(number) >= len(images):
            raise ImageError(self.file, f"expected one of {len(images)} images of {split}, found {path}")
        return Picture(images[int(number)])

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Raise: BreastMNIST has no outlines.

        Raises:
            UserError: Always.
        """
        raise UserError(f"breastmnist: expected no masks (none are published), found '{mask_path}'")

    def state(self, path: str) -> str:
        """Return the MD5 that `read` insists on."""
        return MD5[self.size]

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return nothing: every image of the file has its label."""
        return []

    def fingerprint(self) -> str:
        """Return the MD5 that `read` insists on."""
        return MD5[self.size]

    def _check(self) -> None:
        found = file_md5(self.file)
        if found == MD5[self.size]:
            return
        kind = "another archive" if zipfile.is_zipfile(self.file) else "truncated or no npz archive at all"
        raise UserError(
            f"{self.file}: expected MD5 {MD5[self.size]}, found {found}: {kind} "
            f"({self.file.stat().st_size} bytes); delete it and set data.download=true to fetch it anew"
        )


def _rows(split: str, labels: NDArray[np.integer]) -> pd.DataFrame:
    paths = [f"{split}/{number}" for number in range(len(labels))]
    return pd.DataFrame(
        {
            "patient_id": paths,
            "exam_id": paths,
            "image_id": paths,
            "view": "US",
            "path": paths,
            "label": labels.reshape(-1).astype(np.int64),
            "split": split,
        }
    )


@lru_cache(maxsize=len(_SPLITS))
def _images(file: Path, split: str) -> NDArray[np.uint8]:
    """Return all images of a split, (N, size, size): the archive decompresses them at once only."""
    with np.load(file) as arrays:
        images: NDArray[np.uint8] = arrays[f"{split}_images"]
    return images
