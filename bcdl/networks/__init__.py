"""Networks: pure modules from tensors to tensors. They know no trainer, no configuration and no data set."""

from bcdl.networks.decoder import Decoder
from bcdl.networks.efficientnet_lite0 import EfficientNetLite0
from bcdl.networks.encoder import Encoder
from bcdl.networks.head import Head
from bcdl.networks.radiomics import RadiomicsEncoder
from bcdl.networks.sequence import ViewSequence
from bcdl.networks.small_cnn import SmallCNN
from bcdl.networks.timm import TimmEncoder
from bcdl.networks.torchvision import TorchvisionEncoder
from bcdl.networks.weights import load_weights

__all__ = [
    "Decoder",
    "EfficientNetLite0",
    "Encoder",
    "Head",
    "RadiomicsEncoder",
    "SmallCNN",
    "TimmEncoder",
    "TorchvisionEncoder",
    "ViewSequence",
    "load_weights",
]
