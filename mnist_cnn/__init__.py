"""Small-image classification with PyTorch Lightning: MNIST and its relatives."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_cnn.inference.base import Classifier

__version__ = "0.1.0"


def load(path: "str | Path | None" = None, root: "str | Path" = ".") -> "Classifier":
    """Load a trained network for use: `load("best").predict(["one.jpg", "two.png"])`.

    Args:
        path: A checkpoint, a run's folder or an exported `.onnx` file; "best" or "last" for the newest run's;
            "reference" for the network that comes with the package. None takes the newest run's best, or that network
            where there is none.
        root: The folder that holds lightning_logs.

    Raises:
        mnist_cnn.errors.UserError: if there is no such file, or it is none of this project's.
    """
    from mnist_cnn.inference.classifier import load  # imports NumPy, Pillow and SciPy; `mnist-cnn --help` needs none

    return load(path, root)
