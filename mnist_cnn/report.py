"""`mnist-cnn figures`: the figures of a trained network, as files."""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_cnn import figures, introspection
from mnist_cnn.cli import PROGRAM, short_path
from mnist_cnn.command_parser import CommandParser
from mnist_cnn.data.datasets import default_data_dir, find_dataset, read_dataset
from mnist_cnn.data.download import obtain
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError, UserError
from mnist_cnn.images import to_network_input
from mnist_cnn.inference import CheckpointClassifier, load
from mnist_cnn.runs import run_dir_of

SHEET = 40  # images on a sheet
CHOSEN = 3  # images whose feature maps are drawn
SALIENT = 6


def draw_figures(arguments: Sequence[str]) -> int:
    """Write all figures of the checkpoint that the arguments name."""
    options = _parse(arguments)
    classifier = load(options.ckpt_path)
    if not isinstance(classifier, CheckpointClassifier):
        raise UserError(f"{classifier.path}: an exported network cannot be looked into; name a checkpoint")
    own = [(path.stem, torch.from_numpy(to_network_input(path, classifier.layout))) for path in options.images]
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"Checkpoint  {short_path(classifier.path)}")
    for name, figure in _figures(classifier, own, options.data_dir):
        path = options.output / f"{name}.{options.format}"
        figures.save(figure, path)
        print(f"Written to  {path}", flush=True)
    return 0


def _figures(
    classifier: CheckpointClassifier, own: Sequence[tuple[str, Tensor]], data_dir: str | None
) -> Iterator[tuple[str, Figure]]:
    """Draw one figure after the other, with a name for its file."""
    run_dir = run_dir_of(classifier.path)
    if curves := read_curves(run_dir / "metrics.csv"):
        yield "learning_curves", figures.learning_curves(curves, f"Training of {_describe(classifier)}")
    else:
        _leave_out("learning curves", f"there is no metrics.csv in {run_dir}")
    name, weights = introspection.first_kernels(classifier.network)
    yield "kernels", figures.kernels(weights, f"{_describe(classifier)}: {name}")
    chosen = list(own)
    try:
        images, labels = _test_images(classifier, data_dir)
    except (DatasetAbsentError, DatasetAlteredError) as error:
        _leave_out("figures of test images", str(error))
    else:
        yield from _figures_of_results(classifier, images, labels)
        if not own:
            first = [int((labels == label).nonzero()[0]) for label in labels.unique()[:CHOSEN]]
            chosen = [(classifier.class_names[int(labels[i])].replace("/", "-"), images[i, 0]) for i in first]
    for name, image in chosen:
        layers = introspection.feature_maps(classifier.network, _normalised(classifier, image[None, None]))
        if not layers:
            _leave_out("feature maps", "the network has none")
            break
        maps = [(layer, output[0].float()) for layer, output in layers]
        yield f"feature_maps_{name}", figures.feature_maps(image, maps, f"What the network makes of {name}")


def _figures_of_results(
    classifier: CheckpointClassifier, images: Tensor, labels: Tensor
) -> Iterator[tuple[str, Figure]]:
    """Figures of what the network answers on test images (N, 1, H, W) with labels (N,)."""
    names = classifier.class_names
    probabilities = np.concatenate([classifier.predict_proba(batch.numpy()) for batch in images.split(1000)])
    truth, predicted = labels.numpy(), probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    title = f"{len(truth):,} test images of {_data_title(classifier)}"
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    accuracy = 100 * float((truth == predicted).mean())
    yield "confusion_matrix", figures.confusion_matrix(counts, names, f"{title}: {accuracy:.2f} % right")
    sheet = slice(0, SHEET)
    yield (
        "examples",
        figures.example_sheet(
            images[sheet, 0],
            [names[i] for i in truth[sheet]],
            [names[i] for i in predicted[sheet]],
            "The first test images: [T]rue and [P]redicted",
        ),
    )
    wrong = np.flatnonzero(truth != predicted)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:SHEET]
    if len(worst):
        yield "mistakes", mistakes_sheet(images[worst, 0], truth[worst], probabilities[worst], names)
    first = [int(np.flatnonzero(truth == label)[0]) for label in np.unique(truth)[:SALIENT]]
    gradients = introspection.saliency(classifier.network, _normalised(classifier, images[first]))
    yield (
        "saliency",
        figures.saliency(
            images[first, 0], gradients, [names[i] for i in predicted[first]], "Pixels that the answer depends on"
        ),
    )
    yield "reliability", figures.reliability_diagram(sure, truth == predicted, title)


def mistakes_sheet(images: Any, truth: Any, probabilities: Any, names: Sequence[str]) -> Figure:
    """Draw mistakes, images (N, H, W), with the probabilities (N, classes) of the answer and of the true class."""
    predicted = probabilities.argmax(axis=1)
    notes = [
        f"{100 * row[answer]:.0f} %, {100 * row[true]:.0f} %"
        for row, answer, true in zip(probabilities, predicted, truth, strict=True)
    ]
    return figures.example_sheet(
        images,
        [names[i] for i in truth],
        [names[i] for i in predicted],
        "The surest mistakes: [T]rue and [P]redicted, with the probabilities of [P] and [T]",
        notes,
    )


def read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Epochs, counted from 1, and values of loss and accuracy in a run's metrics.csv; empty without one."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name in ("train/loss", "train/accuracy", "val/loss", "val/accuracy"):
        points = [(float(row["epoch"]) + 1, float(row[name])) for row in rows if row.get(name)]
        if points:
            curves[name] = ([epoch for epoch, _ in points], [value for _, value in points])
    return curves


def _test_images(classifier: CheckpointClassifier, data_dir: str | None) -> tuple[Tensor, Tensor]:
    """The test images of the data that the network was trained on."""
    name, folder = classifier.provenance.get("dataset", "mnist"), default_data_dir(data_dir)
    obtain(name, folder, ["test"])
    return read_dataset(name, folder, "test")


def _normalised(classifier: CheckpointClassifier, images: Tensor) -> Tensor:
    return (images.float() / 255 - classifier.mean) / classifier.std


def _data_title(classifier: CheckpointClassifier) -> str:
    return find_dataset(classifier.provenance.get("dataset", "mnist")).title


def _describe(classifier: CheckpointClassifier) -> str:
    return f"{type(classifier.network).__name__} on {_data_title(classifier)}"


def _leave_out(what: str, reason: str) -> None:
    print(f"{PROGRAM}: {what} left out: {reason}", file=sys.stderr)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("figures")
    parser.add_checkpoint("a checkpoint")
    parser.add_argument("--output", type=Path, default=Path("figures"), metavar="DIR", help="(figures)")
    parser.add_argument("--format", choices=["png", "svg"], default="png", help="(png)")
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], metavar="PICTURE", help="own pictures for the feature maps"
    )
    parser.add_argument("--data.data_dir", dest="data_dir", metavar="DIR", help="folder that holds the data sets")
    options = parser.parse_args(arguments)
    if options.output.exists() and not options.output.is_dir():
        parser.error(f"--output {options.output}: that is a file; a folder is needed")
    return options
