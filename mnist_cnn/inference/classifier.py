"""A trained network for use: `mnist_cnn.load(path).predict(pictures)`, for checkpoints and ONNX files alike."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Dataset
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError
from mnist_cnn.inference.base import Classifier
from mnist_cnn.inference.onnx import ONNXClassifier
from mnist_cnn.runs.folders import find_checkpoint, find_default_checkpoint

if TYPE_CHECKING:
    from mnist_cnn.networks import Network


class CheckpointClassifier(Classifier):
    """A network from a checkpoint, run by torch on the CPU.

    Args:
        path: The checkpoint.
        network: The class of its network, or its import path: for one of the user's that is not imported yet.

    Attributes:
        model: Normalisation and network.

    Raises:
        UserError: if the file is none of this project's checkpoints, or its network's class is not imported.
    """

    def __init__(self, path: Path, network: "str | type[Network] | None" = None) -> None:
        from mnist_cnn.networks import import_network
        from mnist_cnn.runs.checkpoint import Checkpoint

        named = import_network(network) if network is not None else None
        checkpoint = Checkpoint.read(path)
        checkpoint.check_holds(named)
        self.path = path
        self.model = checkpoint.build_model()
        self.provenance = checkpoint.provenance
        self._reading = Reading.from_settings(checkpoint.settings()["data"])
        self.class_names = list(self.provenance.class_names) or [str(i) for i in range(self.network.num_classes)]

    @property
    def network(self) -> "Network":
        """The network alone."""
        return self.model.network

    def find_dataset(self, place: str | None = None) -> Dataset:
        """The data set that it was trained on, read as it was then.

        Args:
            place: Where it is now, if it was moved.

        Raises:
            UserError: if it is not there.
        """
        found = find_dataset(place or self.provenance.dataset or "mnist", self._reading)
        found.refresh()
        return found

    def _probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            return self._checked(self.model.predict_proba(images).numpy())
        except UserError:
            raise
        except Exception as error:  # of a network of anyone's
            reason = " ".join(str(error).split())
            raise UserError(f"{self.path} cannot answer for images of {images.shape[1:]}: {reason}") from error


def load(
    path: str | Path | None = None, root: str | Path = ".", network: "str | type[Network] | None" = None
) -> Classifier:
    """Load a trained network for use.

    Args:
        path: A checkpoint, a run's folder or an exported `.onnx` file; "best" or "last" for the newest run's;
            "reference" for the network that comes with the package. None takes the newest run's best, or that network
            where there is none.
        root: The folder that holds lightning_logs.
        network: The class of the network, or its import path, where it is one of the user's.

    Raises:
        UserError: if there is no such file, or it is none of this project's, or holds another network.
    """
    found = find_default_checkpoint(Path(root)) if path is None else find_checkpoint(str(path), Path(root))
    return ONNXClassifier(found) if found.suffix == ".onnx" else CheckpointClassifier(found, network)
