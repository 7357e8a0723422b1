"""Readers: one file a data set, from its own annotation files to the exam table."""

from bcdl.data.readers.breastmnist import BreastMNIST
from bcdl.data.readers.manifest import Manifest
from bcdl.data.readers.phantom import Phantom
from bcdl.data.readers.reader import Reader

__all__ = ["BreastMNIST", "Manifest", "Phantom", "Reader"]
