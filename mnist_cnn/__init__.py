"""Small-image classification with PyTorch Lightning: MNIST and its relatives, one command, exact resume."""

__version__ = "0.1.0"
