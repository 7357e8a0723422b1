"""Small DICOM mammograms for tests of readers, without values that identify."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)


def write_dicom(file: Path, pixels: NDArray[np.uint8 | np.uint16], **tags: Any) -> Path:
    """Write grey pixels (H, W) as a DICOM file, and the folders above it; further tags by their names."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = DigitalMammographyXRayImageStorageForPresentation, generate_uid()
    made.Modality, made.PhotometricInterpretation = "MG", "MONOCHROME2"
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelData = np.ascontiguousarray(pixels).tobytes()
    for name, value in tags.items():
        setattr(made, name, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(file, enforce_file_format=True)
    return file
