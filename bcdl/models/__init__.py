"""LightningModules: what is optimised and logged. Every model takes every batch and gives logits."""

from bcdl.models.autoencoder import Autoencoder
from bcdl.models.callbacks import BatchSeed, BestCheckpoint, EarlyStopping, Pruning, StaysStopped
from bcdl.models.checkpoint import WholeCheckpoints, load_checkpoint
from bcdl.models.classifier import Classifier
from bcdl.models.cnn import CNN
from bcdl.models.cnn_rnn import CNNRNN
from bcdl.models.ema import EMA
from bcdl.models.progress import progress
from bcdl.models.radiomics import Radiomics
from bcdl.models.schedulers import constant, cosine, one_cycle, plateau
from bcdl.models.speed import Speed
from bcdl.models.transfer import Transfer

__all__ = [
    "CNN",
    "CNNRNN",
    "EMA",
    "Autoencoder",
    "BatchSeed",
    "BestCheckpoint",
    "Classifier",
    "EarlyStopping",
    "Pruning",
    "Radiomics",
    "Speed",
    "StaysStopped",
    "Transfer",
    "WholeCheckpoints",
    "constant",
    "cosine",
    "load_checkpoint",
    "one_cycle",
    "plateau",
    "progress",
]
