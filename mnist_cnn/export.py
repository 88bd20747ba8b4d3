"""`mnist-cnn export`: a trained network as one self-contained ONNX file."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mnist_cnn import __version__
from mnist_cnn.cli import short_path
from mnist_cnn.command_parser import CommandParser
from mnist_cnn.errors import UserError
from mnist_cnn.images import SIDE
from mnist_cnn.inference import CheckpointClassifier, ONNXClassifier, load

LARGEST_DIFFERENCE = 1e-5
CHECKED_BATCHES = (1, 7, 64)


class _EndToEnd(nn.Module):
    """Normalisation, network and softmax in one: uint8 images (B, 1, 28, 28) to probabilities (B, classes)."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images.float() / 255 - self.mean) / self.std).softmax(dim=1)


def export(arguments: Sequence[str]) -> int:
    """Export the checkpoint that the arguments name."""
    options = _parse(arguments)
    classifier = load(options.ckpt_path)
    if not isinstance(classifier, CheckpointClassifier):
        raise UserError(f"{classifier.path} is an exported network already: a checkpoint is needed")
    difference = export_onnx(classifier, options.output)
    size = options.output.stat().st_size
    print(f"Checkpoint  {short_path(classifier.path)}")
    print(f"Written to  {options.output} ({size / 1e6:.2f} MB): uint8 images (N, 1, {SIDE}, {SIDE}) to probabilities")
    print(f"Checked     onnxruntime differs from PyTorch by {difference:.1e} at most")
    return 0


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
    network = _EndToEnd(classifier.network, classifier.mean, classifier.std).eval()
    example = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.uint8)
    program: Any = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        external_data=False,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    model = program.model_proto
    model.producer_name, model.producer_version = "mnist-cnn", __version__
    model.doc_string = "uint8 images (N, 1, 28, 28), light on dark, to probabilities (N, classes)"
    metadata = {"class_names": classifier.class_names, "provenance": classifier.provenance}
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in metadata.items()})
    part = path.with_name(f"{path.name}.part.onnx")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(part))
        onnx.checker.check_model(str(part), full_check=True)
        difference = _largest_difference(classifier, ONNXClassifier(part))
        if not difference < LARGEST_DIFFERENCE:
            raise UserError(f"the exported network differs from PyTorch by {difference:.1e}: nothing was written")
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return difference


def _largest_difference(one: CheckpointClassifier, other: ONNXClassifier) -> float:
    """Compare probabilities for noise and for drawn digits, in batches of several sizes."""
    from mnist_cnn.data.synthetic import synthetic_digits

    random = np.random.default_rng(0)
    digits = synthetic_digits(range(max(CHECKED_BATCHES)))[0].numpy()
    differences = []
    for size in CHECKED_BATCHES:
        for images in (random.integers(0, 256, (size, 1, SIDE, SIDE), dtype=np.uint8), digits[:size]):
            differences.append(np.abs(one.predict_proba(images) - other.predict_proba(images)).max())
    return float(max(differences))


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


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("export")
    parser.add_argument("--output", type=Path, default=Path("model.onnx"), metavar="FILE", help="(model.onnx)")
    parser.add_checkpoint("a checkpoint")
    options = parser.parse_args(arguments)
    if options.output.suffix.lower() != ".onnx":
        parser.error(f"--output {options.output}: the name must end in .onnx")
    return options
