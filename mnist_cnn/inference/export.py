"""Writing a trained network as one self-contained ONNX file."""

import json
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_cnn import __version__
from mnist_cnn.errors import UserError, of_system
from mnist_cnn.files import written_whole
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.inference.onnx import ONNXClassifier
from mnist_cnn.inference.onnx_file import FORMAT_KEY, with_checksum
from mnist_cnn.networks.model import Model

LARGEST_DIFFERENCE = 1e-5
CHECKED_BATCHES = (1, 7, 64)
FORMAT = 2  # files of format 1, which do not say so, have no checksum


class _Probabilities(nn.Module):
    """A model with softmax behind it: uint8 images (B, C, H, W) to probabilities (B, classes)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images).softmax(dim=1)


def export_onnx(classifier: CheckpointClassifier, path: Path) -> float:
    """Write a network as ONNX, once it has been found to give the same probabilities as PyTorch.

    Args:
        classifier: The network.
        path: The file to write; it is replaced when the new one is good.

    Returns:
        The largest difference between the probabilities of onnxruntime and PyTorch.

    Raises:
        UserError: if the packages for it are not installed, the file cannot be written, or the results differ.
    """
    onnx = _import_onnx()
    model = _to_onnx(classifier, onnx)
    try:
        with written_whole(path) as part:
            part.write_bytes(with_checksum(model.SerializeToString()))
            onnx.checker.check_model(str(part), full_check=True)
            difference = _largest_difference(classifier, ONNXClassifier(part))
            if not difference < LARGEST_DIFFERENCE:
                raise UserError(f"the exported network differs from PyTorch by {difference:.1e}: nothing was written")
    except OSError as error:
        raise UserError(f"nothing was exported: {of_system(error)}") from error
    return difference


def _to_onnx(classifier: CheckpointClassifier, onnx: Any) -> Any:
    """The network as an ONNX model, with its classes and its data in the metadata."""
    shape = classifier.image_shape
    program: Any = torch.onnx.export(
        _Probabilities(classifier.model).eval(),
        (torch.zeros(2, *shape, dtype=torch.uint8),),
        dynamo=True,
        external_data=False,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    model = program.model_proto
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]  # the exporter's notes, which name files of this machine
    model.producer_name, model.producer_version = "mnist-cnn", __version__
    model.doc_string = f"uint8 images (N, {', '.join(map(str, shape))}) to probabilities (N, classes)"
    metadata = {
        FORMAT_KEY: FORMAT,
        "class_names": classifier.class_names,
        "provenance": {**classifier.provenance.to_plain(), "dataset": _without_place(classifier.provenance.dataset)},
    }
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in metadata.items()})
    return model


def _without_place(dataset: str) -> str:
    """The name of a data set; of one's own, where they lie on this machine is nobody else's business."""
    return PurePath(dataset.replace("\\", "/")).name or dataset


def _largest_difference(one: CheckpointClassifier, other: ONNXClassifier) -> float:
    """Compare probabilities for noise and for drawn digits, in batches of several sizes."""
    from mnist_cnn.data.synthetic import synthetic_digits

    random = np.random.default_rng(0)
    largest = max(CHECKED_BATCHES)
    noise = random.integers(0, 256, (largest, *one.image_shape), dtype=np.uint8)
    checked: list[NDArray[np.uint8]] = [noise]
    if one.image_shape == (1, 28, 28):
        checked.append(synthetic_digits(range(largest))[0].numpy())
    return max(
        float(np.abs(one.predict_proba(images[:size]) - other.predict_proba(images[:size])).max())
        for size in CHECKED_BATCHES
        for images in checked
    )


def _import_onnx() -> Any:
    try:
        import onnx
        import onnxruntime  # noqa: F401 - needed for the comparison
        import onnxscript  # noqa: F401 - needed by torch's exporter
    except ImportError as error:
        raise UserError(
            f"export takes the package {error.name}, which is not installed: pip install 'mnist-cnn[onnx]', or in a "
            f"clone pip install -e '.[onnx]'"
        ) from error
    return onnx
