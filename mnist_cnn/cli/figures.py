"""`mnist-cnn figures`: the figures of a trained network, as files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.console import printable, remark, short_path
from mnist_cnn.data.registry import default_data_dir
from mnist_cnn.errors import UserError
from mnist_cnn.evaluation import figures
from mnist_cnn.evaluation.report import Subject, draw_report
from mnist_cnn.files import written_whole
from mnist_cnn.inference.classifier import CheckpointClassifier, load
from mnist_cnn.inference.viewing import as_seen

LONGEST_NAME = 80  # of a picture, in the names and titles of its figures


def draw_figures(arguments: Sequence[str]) -> int:
    """Write all figures of the checkpoint that the arguments name."""
    options = _parse(arguments)
    classifier = load(options.ckpt_path, network=options.network)
    if not isinstance(classifier, CheckpointClassifier):
        raise UserError(f"{classifier.path}: an exported network cannot be looked into; name a checkpoint")
    own = _read_pictures(classifier, options.images)
    print(f"Checkpoint  {short_path(classifier.path)}")
    drawn = draw_report(classifier, own, default_data_dir(options.data_dir), _leave_out, options.dataset)
    for name, figure in drawn:
        path = options.output / f"{name}.{options.format}"
        with written_whole(path) as part:
            figures.save(figure, part)
        print(f"Written to  {printable(path)}", flush=True)
    return 1 if len(own) < len(options.images) else 0


def _read_pictures(classifier: CheckpointClassifier, paths: Sequence[Path]) -> list[Subject]:
    """The user's pictures as the network sees them, beside what they are; those that cannot be read are named."""
    subjects: list[Subject] = []
    for path, prediction in zip(paths, classifier.predict(paths) if paths else (), strict=True):
        if prediction.image is None:
            of_which = "" if prediction.is_error else f"{printable(path)}: "
            remark(f"error: {of_which}{prediction.problem}")
            continue
        name = stem = printable(path.stem)[:LONGEST_NAME]
        number = 1
        while any(subject.name == name for subject in subjects):  # pictures of several folders have one name
            number += 1
            name = f"{stem}-{number}"
        subjects.append(Subject(name, _as_tensor(prediction.image), as_seen(path)))
    return subjects


def _as_tensor(image: NDArray[np.uint8]) -> torch.Tensor:
    """What a network saw, (H, W) or (H, W, 3), as it was given it: (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.atleast_3d(image), 2, 0)))


def _leave_out(what: str, reason: str | None) -> None:
    remark(f"{what} left out: {reason or 'the network has none'}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("figures")
    parser.add_checkpoint("a checkpoint")
    parser.add_argument("--output", type=Path, default=Path("figures"), metavar="DIR", help="(figures)")
    parser.add_argument("--format", choices=["png", "svg"], default="png", help="(png)")
    parser.add_argument(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="PICTURE",
        help="own pictures for feature maps and saliency",
    )
    parser.add_argument(
        "--data.dataset", dest="dataset", metavar="NAME_OR_PATH", help="where the network's data are now, if moved"
    )
    parser.add_data_dir()
    options = parser.parse_args(arguments)
    parser.folder("--output", options.output)
    return options
