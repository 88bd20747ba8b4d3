"""Small-image classification with PyTorch Lightning: MNIST and its relatives.

    import mnist_cnn

    mnist_cnn.load("best").predict(["one.jpg", "two.png"])  # a trained network in use

    class MyCNN(mnist_cnn.Network): ...  # a network of one's own, for --network my_networks.MyCNN

    classifier = mnist_cnn.ImageClassifier(MyCNN())  # a LightningModule, for anyone's Trainer
    data = mnist_cnn.MNISTDataModule(rotation=12)  # a LightningDataModule

Importing it is light: torch and Lightning are imported with the names that need them. `mnist_cnn.training.run` has a
whole run as plain functions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_cnn.data.datamodule import MNISTDataModule
    from mnist_cnn.inference.base import Classifier, Prediction
    from mnist_cnn.networks import Network
    from mnist_cnn.training.classifier import ImageClassifier

__all__ = ["Classifier", "ImageClassifier", "MNISTDataModule", "Network", "Prediction", "__version__", "load"]

__version__ = "0.1.0"

_PLACES = {
    "Classifier": "mnist_cnn.inference.base",
    "ImageClassifier": "mnist_cnn.training.classifier",
    "MNISTDataModule": "mnist_cnn.data.datamodule",
    "Network": "mnist_cnn.networks",
    "Prediction": "mnist_cnn.inference.base",
}


def load(
    path: "str | Path | None" = None, root: "str | Path" = ".", network: "str | type[Network] | None" = None
) -> "Classifier":
    """Load a trained network for use: `load("best").predict(["one.jpg", "two.png"])`.

    The file may come from anywhere: no code in it is run, and it is looked through before anything is made of it.

    Args:
        path: A checkpoint, a run's folder or an exported `.onnx` file; "best" or "last" for the newest run's;
            "reference" for the network that comes with the package. None takes the newest run's best, or that network
            where there is none.
        root: The folder that holds lightning_logs.
        network: The class of the network, or its import path such as "my_networks.MyCNN", where it is one of yours
            whose module is not imported yet: a file does not decide which code is imported.

    Returns:
        A classifier: `predict` takes pictures of any kind and prepares them as the training images were, and
        `predict_proba` takes images in the network's own form. `class_names`, `image_size` (height and width),
        `channels` and `layout` ("digit", "garment" or "picture") say what it was trained on.

    Raises:
        mnist_cnn.errors.UserError: if there is no such file; if it is damaged, was altered, is none of this project's
            or larger than is read from anywhere; if its weights are no finite numbers or do not fit its network. The
            text is one line that says which. It is a `ValueError`, so that `except ValueError` will do.
    """
    from mnist_cnn.inference.classifier import load  # imports NumPy, Pillow and SciPy; `mnist-cnn --help` needs none

    return load(path, root, network)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
