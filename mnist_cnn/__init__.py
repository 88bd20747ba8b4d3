"""Small-image classification with PyTorch Lightning: MNIST and its relatives."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_cnn.inference import Classifier

__version__ = "0.1.0"


def load(path: Any = None, root: Any = ".") -> "Classifier":
    """Load a trained network for use; see `mnist_cnn.inference.load`."""
    from mnist_cnn.inference import load

    return load(path, root)
