"""The data sets that bcdl can read, one file each; `reader.py` says how to add one."""

from bcdl.data.readers.breastmnist import BreastMNIST
from bcdl.data.readers.busi import BUSI
from bcdl.data.readers.cbis_ddsm import CBISDDSM
from bcdl.data.readers.cmmd import CMMD
from bcdl.data.readers.csaw_cc import CSAWCC
from bcdl.data.readers.dicom_folder import DICOMFolder
from bcdl.data.readers.embed import EMBED
from bcdl.data.readers.inbreast import INbreast
from bcdl.data.readers.manifest import Manifest
from bcdl.data.readers.mini_mias import MiniMIAS
from bcdl.data.readers.phantom import Phantom
from bcdl.data.readers.reader import Reader
from bcdl.data.readers.rsna import RSNA
from bcdl.data.readers.vindr_mammo import VinDrMammo

__all__ = [
    "BUSI",
    "CBISDDSM",
    "CMMD",
    "CSAWCC",
    "EMBED",
    "RSNA",
    "BreastMNIST",
    "DICOMFolder",
    "INbreast",
    "Manifest",
    "MiniMIAS",
    "Phantom",
    "Reader",
    "VinDrMammo",
]
