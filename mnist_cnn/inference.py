"""A trained network for use: `mnist_cnn.load(path).predict(pictures)`, for checkpoints and ONNX files alike.

Importing this module imports neither torch nor Lightning; a checkpoint needs torch, an ONNX file onnxruntime alone.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.errors import UserError
from mnist_cnn.images import Layout, NoInkError, UnreadablePictureError, to_network_input
from mnist_cnn.runs import find_checkpoint, find_default_checkpoint

BATCH_SIZE = 256


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one picture.

    Attributes:
        label: Name of the most probable class; empty if there is no answer.
        index: Number of that class, or -1.
        probability: Its probability, from 0 to 1.
        top: The most probable classes with their probabilities, the likeliest first.
        image: What the network saw, uint8 (28, 28); None if there was nothing to see.
        problem: Why there is no answer; empty if there is one.
        is_error: Whether the picture could not be read, rather than being empty.
    """

    label: str = ""
    index: int = -1
    probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    image: NDArray[np.uint8] | None = None
    problem: str = ""
    is_error: bool = False


class Classifier(ABC):
    """A trained network, ready to answer.

    Attributes:
        path: The file that it was read from.
        class_names: Names of the classes, by number.
        provenance: What it was trained on: `dataset` and `stand_in_for`, None where a file does not say.
    """

    path: Path
    class_names: list[str]
    provenance: dict[str, Any]

    @abstractmethod
    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map uint8 images (N, 1, 28, 28), light on dark, to probabilities (N, classes)."""

    @property
    def layout(self) -> Layout:
        """How pictures are brought into the form of the data set that the network was trained on."""
        return "garment" if self.provenance.get("dataset") == "fashion_mnist" else "digit"

    def predict(self, pictures: Any, top_k: int = 3) -> list[Prediction]:
        """Answer for pictures of any kind.

        Args:
            pictures: One picture or many: paths, Pillow images, arrays, tensors; see `images.to_network_input`. An
                array or tensor of three dimensions is many pictures (N, H, W), unless its last dimension is colour
                (H, W, 3 or 4) or its first is 1; one of four is (N, 1, H, W) or (N, H, W, channels).
            top_k: How many of the likeliest classes to give.

        Returns:
            A prediction for each picture, in their order. One that cannot be read is a prediction with a `problem`.
        """
        if top_k < 1:
            raise UserError(f"top_k={top_k}: at least 1 is needed")
        answers: list[Prediction] = []
        seen: list[tuple[int, NDArray[np.uint8]]] = []
        for picture in _each(pictures):
            try:
                seen.append((len(answers), to_network_input(picture, self.layout)))
                answers.append(Prediction())
            except (NoInkError, UnreadablePictureError) as error:
                answers.append(Prediction(problem=str(error), is_error=isinstance(error, UnreadablePictureError)))
        for start in range(0, len(seen), BATCH_SIZE):
            batch = seen[start : start + BATCH_SIZE]
            probabilities = self.predict_proba(np.stack([image for _, image in batch])[:, None])
            for (position, image), row in zip(batch, probabilities, strict=True):
                answers[position] = self._answer(image, row, top_k)
        return answers

    def _answer(self, image: NDArray[np.uint8], probabilities: NDArray[np.float32], top_k: int) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")[:top_k]
        top = tuple((self.class_names[i], float(probabilities[i])) for i in order)
        return Prediction(top[0][0], int(order[0]), top[0][1], top, image)


class CheckpointClassifier(Classifier):
    """A network from a checkpoint, run by torch on the CPU.

    Args:
        path: The checkpoint.

    Raises:
        UserError: if the file is none of this project's checkpoints, or its network's class is not imported.
    """

    def __init__(self, path: Path) -> None:
        import torch

        from mnist_cnn.networks import build_network
        from mnist_cnn.runs import read_checkpoint

        checkpoint = read_checkpoint(path)
        self.path = path
        self.network = build_network(checkpoint["hyper_parameters"]["network"]).eval()
        weights = checkpoint["state_dict"]
        self.network.load_state_dict(
            {name.removeprefix("network."): v for name, v in weights.items() if name.startswith("network.")}
        )
        self.network.to(memory_format=torch.channels_last)
        self.mean, self.std = weights["mean"], weights["std"]
        self.provenance = checkpoint.get("provenance") or {}
        names = self.provenance.get("class_names") or [str(label) for label in range(self.network.num_classes)]
        self.class_names = list(names)

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map uint8 images (N, 1, 28, 28), light on dark, to probabilities (N, classes)."""
        import torch

        with torch.inference_mode():
            normalised = (torch.from_numpy(images).float() / 255 - self.mean) / self.std
            return self.network(normalised).softmax(dim=1).numpy()


class ONNXClassifier(Classifier):
    """An exported network, run by onnxruntime.

    Args:
        path: The file that `mnist-cnn export` wrote.

    Raises:
        UserError: if onnxruntime is not installed, or the file is no network of this project.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(
                f"{path} takes onnxruntime, which is not installed: pip install 'mnist-cnn[onnx]', or in a clone "
                f"pip install -e '.[onnx]'"
            ) from error
        self.path = path
        onnxruntime.set_default_logger_severity(3)
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a dozen kinds, none of which derives from another
            raise UserError(f"{path} is damaged or no ONNX file: onnxruntime cannot read it") from error
        metadata = self.session.get_modelmeta().custom_metadata_map
        if "class_names" not in metadata:
            raise UserError(f"{path} was not written by mnist-cnn export: it does not name its classes")
        self.class_names = json.loads(metadata["class_names"])
        self.provenance = json.loads(metadata.get("provenance", "null")) or {}

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map uint8 images (N, 1, 28, 28), light on dark, to probabilities (N, classes)."""
        return self.session.run(None, {self.session.get_inputs()[0].name: images})[0]


def load(path: str | Path | None = None, root: str | Path = ".") -> Classifier:
    """Load a trained network for use.

    Args:
        path: A checkpoint or an exported `.onnx` file; "best" or "last" for the newest run's. None takes the newest
            run's best, or the network that comes with the project if there are no runs.
        root: The folder that holds lightning_logs.

    Raises:
        UserError: if there is no such file, or it is none of this project's.
    """
    found = find_default_checkpoint(Path(root)) if path is None else find_checkpoint(str(path), Path(root))
    return ONNXClassifier(found) if found.suffix == ".onnx" else CheckpointClassifier(found)


def _each(pictures: Any) -> Iterable[Any]:
    """The single pictures of what may be one or many."""
    if isinstance(pictures, Sequence | Iterable) and not isinstance(pictures, str | Path) and not _is_array(pictures):
        return pictures
    if not _is_array(pictures):
        return [pictures]
    array = np.asarray(pictures)
    if array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in (3, 4) and array.shape[0] != 1):
        return list(array)
    return [array]


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and hasattr(value, "ndim")
