"""`mnist-cnn export`: a trained network as one self-contained ONNX file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.console import short_path
from mnist_cnn.errors import UserError
from mnist_cnn.inference.classifier import CheckpointClassifier, load
from mnist_cnn.inference.export import export_onnx


def export(arguments: Sequence[str]) -> int:
    """Export the checkpoint that the arguments name."""
    options = _parse(arguments)
    classifier = load(options.ckpt_path, network=options.network)
    if not isinstance(classifier, CheckpointClassifier):
        raise UserError(f"{classifier.path} is an exported network already: a checkpoint is needed")
    difference = export_onnx(classifier, options.output)
    size = options.output.stat().st_size / 1e6
    shape = ", ".join(map(str, classifier.image_shape))
    print(f"Checkpoint  {short_path(classifier.path)}")
    print(f"Written to  {options.output} ({size:.2f} MB): uint8 images (N, {shape}) to probabilities")
    print(f"Checked     onnxruntime differs from PyTorch by {difference:.1e} at most")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("export")
    parser.add_argument("--output", type=Path, default=Path("model.onnx"), metavar="FILE", help="(model.onnx)")
    parser.add_checkpoint("a checkpoint")
    options = parser.parse_args(arguments)
    parser.file("--output", options.output, [".onnx"])
    return options
