"""The figures of a trained network and its results, one after the other: for a command, a notebook, anyone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_cnn.data.on_disk import Images
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError, UserError
from mnist_cnn.evaluation import figures, introspection
from mnist_cnn.evaluation.evaluation import Evaluation
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.runs.curves import Rows
from mnist_cnn.runs.folders import run_dir_of

SHEET = 40  # images on a sheet
CHOSEN = 3  # images whose feature maps are drawn
SALIENT = 6
LONGEST_NAME = 120  # bytes in the name of a figure's file
BATCH_SIZE = 1000

Drawn = Iterator[tuple[str, Figure]]
# Is told what is not drawn, and why: None where there is nothing to draw.
LeaveOut = Callable[[str, str | None], Any]


@dataclass(frozen=True)
class Subject:
    """An image whose way through a network is drawn.

    Attributes:
        name: For the figures' files and titles.
        image: The image (C, H, W), as the network is given it.
        photograph: The picture (H, W, 3) that it was made of; None where it was made of none, or that cannot be shown.
    """

    name: str
    image: Tensor
    photograph: Any = None


def draw_report(
    classifier: CheckpointClassifier,
    own: Sequence[Subject],
    data_dir: Path,
    leave_out: LeaveOut,
    place: str | None = None,
) -> Drawn:
    """Draw all figures of a network.

    Args:
        classifier: The network.
        own: Pictures whose feature maps and saliency are wanted; without any, feature maps of test images are drawn.
        data_dir: The folder that holds the data sets.
        leave_out: Is told what is not drawn, and why.
        place: Name or path of the data set that it was trained on, if that was moved.

    Yields:
        A name for the figure's file, and the figure.
    """
    run_dir = run_dir_of(classifier.path)
    kept = Rows.read(run_dir / "metrics.csv")
    if kept.problem:
        leave_out("a part of the learning curves" if kept.rows else "learning curves", kept.problem)
    if curves := kept.curves():
        yield "learning_curves", figures.learning_curves(curves, f"Training of {_describe(classifier)}")
    elif not kept.problem:
        leave_out("learning curves", f"there is no metrics.csv in {run_dir}, or nothing in it")
    chosen = list(own)
    try:
        images, labels = _test_images(classifier, data_dir, place)
    except (DatasetAbsentError, DatasetAlteredError, UserError) as error:
        leave_out("figures of test images", str(error))
    else:
        yield from _of_results(classifier, images, labels, leave_out)
        if not own:
            first = [int((labels == label).nonzero()[0]) for label in labels.unique()[:CHOSEN]]
            chosen = [Subject(classifier.class_names[int(labels[i])], images[i]) for i in first]
    yield from _of_network(classifier, chosen, leave_out)
    for subject in own:
        yield from drawn_safely(
            {f"saliency_{_as_file_name(subject.name)}": partial(_saliency_of, classifier, subject)}, leave_out
        )


@contextmanager
def safely(what: str, leave_out: LeaveOut) -> Iterator[None]:
    """Turn an error of drawing into a word: a picture that cannot be drawn never ends what it is a picture of."""
    try:
        yield
    except Exception as error:  # of a network, names or images of anyone's
        leave_out(what, f"{type(error).__name__}: {' '.join(str(error).split())}")


def drawn_safely(drawings: Mapping[str, Callable[[], Figure | None]], leave_out: LeaveOut) -> Drawn:
    """Draw figures by name, and say why where there is none."""
    for name, draw in drawings.items():
        figure = None
        failed = True
        with safely(name, leave_out):
            figure = draw()
            failed = False
        if figure is not None:
            yield name, figure
        elif not failed:
            leave_out(name, None)


def kernels_of(model: Any, image: Tensor, about: str = "", columns: int = figures.COLUMNS) -> Figure | None:
    """The weights that a network looks at an image (C, H, W) with; None where there are none to be shown."""
    found = introspection.first_weights(model.network, model.normalise(image[None].to(model.mean.device)))
    if found is None:
        return None
    name, weights = found
    return figures.kernels(weights.float().cpu(), f"{about}: {name}" if about else name, columns)


def feature_maps_of(model: Any, image: Tensor, title: str, **shown: Any) -> Figure | None:
    """What each block makes of an image (C, H, W), `shown` as `figures.feature_maps` takes it; None without maps."""
    layers = introspection.feature_maps(model.network, model.normalise(image[None].to(model.mean.device)))
    maps = [(name, output[0].float().cpu()) for name, output in layers]
    return figures.feature_maps(image.cpu(), maps, title, **shown) if maps else None


def mistakes_of(evaluation: Evaluation, images: Images, most: int, columns: int = figures.COLUMNS) -> Figure | None:
    """The surest mistakes among images (N, C, H, W); None if there are none."""
    worst = evaluation.mistakes[:most]
    if not len(worst):
        return None
    truth, probabilities = evaluation.labels[worst], evaluation.probabilities[worst]
    return figures.mistakes_sheet(images[worst].cpu(), truth, probabilities, evaluation.class_names, columns)


def confusion_of(evaluation: Evaluation, title: str, **size: float) -> Figure:
    """How often each class was taken for each."""
    return figures.confusion_matrix(evaluation.counts, evaluation.class_names, title, **size)


def _of_network(classifier: CheckpointClassifier, chosen: Sequence[Subject], leave_out: LeaveOut) -> Drawn:
    """Figures of the network itself: kernels, and feature maps of images."""
    model = classifier.model
    image = chosen[0].image if chosen else torch.zeros(classifier.image_shape, dtype=torch.uint8)
    yield from drawn_safely({"kernels": lambda: kernels_of(model, image, _describe(classifier))}, leave_out)
    for subject in chosen:
        title = f"What the network makes of {subject.name}"
        (answer,) = _answers(classifier, subject.image[None])
        shown = {"answer": answer, "photograph": subject.photograph}
        draw = partial(feature_maps_of, model, subject.image, title, **shown)
        drawn = list(drawn_safely({f"feature_maps_{_as_file_name(subject.name)}": draw}, leave_out))
        yield from drawn
        if not drawn:  # nor will there be of the others
            break


def _answers(classifier: CheckpointClassifier, images: Tensor) -> list[str]:
    """What the network says of images (N, C, H, W): the likeliest class of each and its probability."""
    probabilities = classifier.predict_proba(images.numpy())
    likeliest = probabilities.argmax(axis=1)
    return [
        f"{classifier.class_names[i]} ({100 * row[i]:.1f} %)" for i, row in zip(likeliest, probabilities, strict=True)
    ]


def _of_results(classifier: CheckpointClassifier, images: Images, labels: Tensor, leave_out: LeaveOut) -> Drawn:
    """Figures of what the network answers on test images (N, C, H, W) with labels (N,)."""
    probabilities = torch.cat(
        [torch.from_numpy(classifier.predict_proba(batch.numpy())) for batch in images.split(BATCH_SIZE)]
    )
    results = Evaluation(probabilities, labels, classifier.class_names)
    title = f"{len(labels):,} test images of {_data_title(classifier)}"
    drawings: dict[str, Callable[[], Figure | None]] = {
        "confusion_matrix": lambda: confusion_of(results, f"{title}: {100 * results.accuracy:.2f} % right"),
        "examples": lambda: _examples(results, images[:SHEET]),
        "mistakes": lambda: mistakes_of(results, images, SHEET),
        "saliency": lambda: _saliency(classifier, images, results),
        "reliability": lambda: _reliability(results, title),
    }
    yield from drawn_safely(drawings, leave_out)


def _examples(results: Evaluation, images: Tensor) -> Figure:
    names = results.class_names
    truth, answers = ([names[i] for i in which[: len(images)]] for which in (results.labels, results.predicted))
    return figures.example_sheet(images, truth, answers, "The first test images: [T]rue and [P]redicted")


def _reliability(results: Evaluation, title: str) -> Figure:
    bins = results.calibration
    error = results.calibration_error
    return figures.reliability_diagram(bins.counts, bins.accuracies, bins.confidences, error, title)


def _saliency(classifier: CheckpointClassifier, images: Images, results: Evaluation) -> Figure:
    first = [int((results.labels == label).nonzero()[0]) for label in results.labels.unique()[:SALIENT]]
    return _saliency_figure(classifier, images[first], "Pixels that the answer depends on")


def _saliency_of(classifier: CheckpointClassifier, subject: Subject) -> Figure:
    photographs = () if subject.photograph is None else (subject.photograph,)
    title = f"Pixels of {subject.name} that the answer depends on"
    return _saliency_figure(classifier, subject.image[None], title, photographs)


def _saliency_figure(
    classifier: CheckpointClassifier, images: Tensor, title: str, photographs: Sequence[Any] = ()
) -> Figure:
    """Which pixels of images (N, C, H, W) the answers depend on."""
    gradients = introspection.saliency(classifier.model.network, classifier.model.normalise(images))
    return figures.saliency(images, gradients.float(), _answers(classifier, images), title, photographs)


def _as_file_name(name: str) -> str:
    """A name, such as that of a class, as a part of a file's: without what systems do not allow there, and not long."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "-" for c in name)
    return kept.encode()[:LONGEST_NAME].decode(errors="ignore").strip(" .")


def _test_images(classifier: CheckpointClassifier, data_dir: Path, place: str | None) -> tuple[Images, Tensor]:
    """The test images of the data that the network was trained on."""
    dataset = classifier.find_dataset(place)
    if len(dataset.class_names) != len(classifier.class_names):
        raise UserError(
            f"{dataset.title} has {len(dataset.class_names)} classes, and the network {len(classifier.class_names)}"
        )
    dataset.obtain(data_dir, ["test"])
    return dataset.read(data_dir, "test")


def _data_title(classifier: CheckpointClassifier) -> str:
    try:
        return classifier.find_dataset().title
    except UserError:  # moved since, or of another machine
        return Path(classifier.provenance.dataset).name


def _describe(classifier: CheckpointClassifier) -> str:
    return f"{type(classifier.network).__name__} on {_data_title(classifier)}"
