"""DICOM files made for the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"


def dataset(pixels: NDArray[Any], bits: int | None = None, **tags: Any) -> Dataset:
    """Return a data set with grey or RGB pixels; further tags by their names, None takes one away."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = MAMMOGRAM, generate_uid(), "MG"
    made.PatientID, made.PatientName = "secret", "Secret^Name"
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.Rows, made.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    made.BitsAllocated = pixels.dtype.itemsize * 8
    made.BitsStored = bits or made.BitsAllocated
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    return made


@pytest.fixture
def dicom(tmp_path: Path) -> Any:
    """Write a DICOM file and return its path."""

    def write(pixels: NDArray[Any], bits: int | None = None, syntax: str | None = None, **tags: Any) -> Path:
        made = dataset(np.ascontiguousarray(pixels), bits, **tags)
        if syntax:
            made.compress(syntax, generate_instance_uid=False)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.dcm"
        made.save_as(path, enforce_file_format=True)
        return path

    return write
