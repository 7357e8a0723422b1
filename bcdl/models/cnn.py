"""Convolution, pooling and fully connected layers, shared over the views of a sample."""

from bcdl.models.classifier import Classifier


class CNN(Classifier):
    """Encode every view, average the features of the valid ones, classify; the arguments of `Classifier`."""
