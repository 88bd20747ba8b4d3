"""Figures of networks and their results: from plain arrays to matplotlib figures, which the caller saves.

Colours are told apart with every kind of colour vision, and by brightness too: cividis, Blues, PuOr, blue with orange.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
MAPS = "cividis"
SIGNED = "PuOr"
DPI = 110
COLUMNS = 8  # of kernels and feature maps
GAP = 2  # pixels between them


def save(figure: Figure, path: Any) -> None:
    """Write a figure as PNG or SVG, whichever the file's name ends in."""
    figure.savefig(path, dpi=DPI, metadata={"Date": None} if str(path).endswith(".svg") else None)


def learning_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> Figure:
    """Loss and accuracy over the epochs.

    Args:
        curves: Epochs, counted from 1, and values by name: "train/loss", "val/loss", "train/accuracy", "val/accuracy".
        title: What was trained.
    """
    figure = _figure(9.5, 4)
    for place, (name, scale, unit) in enumerate([("loss", 1, ""), ("accuracy", 100, " (%)")], start=1):
        axes = figure.add_subplot(1, 2, place)
        for stage, colour, style in [("train", ORANGE, "--"), ("val", BLUE, "-")]:
            if (curve := curves.get(f"{stage}/{name}")) is not None:
                label = {"train": "training (mean over the epoch)", "val": "validation (after it)"}[stage]
                axes.plot(curve[0], scale * np.asarray(curve[1]), style, color=colour, label=label, marker=".")
        axes.set(xlabel="epoch", ylabel=f"{name}{unit}", title=name.capitalize())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "loss":
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    figure.suptitle(_literal(title))
    return figure


def confusion_matrix(counts: ArrayLike, class_names: Sequence[str], title: str) -> Figure:
    """How often each class was taken for each.

    Args:
        counts: Number of images (classes, classes), true classes in rows.
        class_names: Names of the classes.
        title: What the counts are of.
    """
    matrix = np.asarray(counts)
    figure = _figure(7.2, 6.4)
    axes = figure.add_subplot()
    # The diagonal would hide all else: colour shows mistakes, as parts of their true class.
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    mistakes = shares.copy()
    np.fill_diagonal(mistakes, 0.0)
    shown = axes.imshow(mistakes, cmap="Blues", vmin=0, vmax=mistakes.max() or 1)
    limit = mistakes.max() / 2
    for row, column in np.ndindex(*matrix.shape):
        if matrix[row, column]:
            bold = "bold" if row == column else "normal"
            colour = "white" if mistakes[row, column] > limit else "black"
            axes.text(
                column, row, str(matrix[row, column]), ha="center", va="center", color=colour, weight=bold, size=8
            )
    class_names = [_literal(name) for name in class_names]
    rotation = 45 if max(map(len, class_names)) > 2 else 0
    axes.set_xticks(range(len(class_names)), class_names, rotation=rotation, ha="right" if rotation else "center")
    axes.set_yticks(range(len(class_names)), class_names)
    axes.set(xlabel="predicted class", ylabel="true class", title=_literal(title))
    figure.colorbar(shown, label="mistakes, % of the true class", shrink=0.8)
    return figure


def example_sheet(
    images: ArrayLike, labels: Sequence[str], predicted: Sequence[str], title: str, notes: Sequence[str] = ()
) -> Figure:
    """Images with their [T]rue and [P]redicted labels; mistakes are set in orange.

    Args:
        images: Images (N, H, W) or (N, C, H, W).
        labels: True class of each.
        predicted: Predicted class of each.
        title: What they are.
        notes: A further line below each.
    """
    pictures = np.asarray(images)
    columns = min(8, max(len(pictures), 1))
    rows = -(-len(pictures) // columns) or 1
    names_are_long = max((len(name) for name in [*labels, *predicted]), default=0) > 2
    lines = (2 if names_are_long else 1) + bool(notes)
    figure = _figure(1.35 * columns, (1.2 + 0.19 * lines) * rows + 0.6)
    for number, image in enumerate(pictures):
        axes = figure.add_subplot(rows, columns, number + 1)
        _show(axes, image)
        separator = "\n" if names_are_long else "   "
        text = f"[T] {labels[number]}{separator}[P] {predicted[number]}"
        text += f"\n{notes[number]}" if notes else ""
        axes.set_title(
            _literal(text), fontsize=8, color="black" if labels[number] == predicted[number] else ORANGE, pad=3
        )
    figure.suptitle(_literal(title))
    return figure


def mistakes_sheet(images: Any, truth: Any, probabilities: Any, names: Sequence[str]) -> Figure:
    """Mistakes, with the probabilities of the answer and of the true class.

    Args:
        images: Images (N, H, W) or (N, C, H, W).
        truth: True class of each (N,).
        probabilities: Of each class for each image (N, classes).
        names: Names of the classes.
    """
    true, shares = np.asarray(truth), np.asarray(probabilities)
    predicted = shares.argmax(axis=1)
    notes = [
        f"{100 * row[answer]:.0f} %, {100 * row[label]:.0f} %"
        for row, answer, label in zip(shares, predicted, true, strict=True)
    ]
    return example_sheet(
        images,
        [names[i] for i in true],
        [names[i] for i in predicted],
        "The surest mistakes: [T]rue and [P]redicted, with the probabilities of [P] and [T]",
        notes,
    )


def kernels(weights: ArrayLike, title: str) -> Figure:
    """The weights that a first layer looks at the image with, the units in rows from the left.

    Args:
        weights: Weights (units, height, width).
        title: Of which layer.
    """
    grids = np.asarray(weights)
    rows = -(-len(grids) // COLUMNS)
    figure = _figure(9.5, 1.05 * rows + 0.7)
    axes = figure.add_subplot()
    limit = float(np.abs(grids).max()) or 1.0
    shown = axes.imshow(_mosaic(grids), cmap=SIGNED, interpolation="nearest", vmin=-limit, vmax=limit)
    _without_ticks(axes, framed=False)
    figure.colorbar(shown, label="weight", shrink=0.9)
    axes.set_title(_literal(title))
    return figure


def feature_maps(image: ArrayLike, layers: Sequence[tuple[str, ArrayLike]], title: str, most: int = 16) -> Figure:
    """What each block makes of an image, with the image itself beside it.

    Args:
        image: Image (H, W) or (C, H, W).
        layers: Name and feature maps (channels, h, w) after each block.
        title: Which image.
        most: Channels to show of each block, the first ones.
    """
    heights = [-(-min(len(np.asarray(maps)), most) // COLUMNS) for _, maps in layers]
    figure = _figure(11, max(1.05 * sum(heights) + 0.45 * len(layers) + 0.4, 2.6))
    places = figure.add_gridspec(len(layers), 2, width_ratios=[1, 4], height_ratios=heights)
    axes = figure.add_subplot(places[:, 0])
    _show(axes, np.asarray(image))
    axes.set_title("the image", fontsize=10)
    for row, (name, maps) in enumerate(layers):
        channels = np.asarray(maps)
        count, (height, width) = len(channels), channels.shape[1:]
        shown = channels[:most]
        axes = figure.add_subplot(places[row, 1])
        picture = axes.imshow(
            _mosaic(shown),
            MAPS,
            interpolation="nearest",
            vmin=min(float(shown.min()), 0.0),
            vmax=float(shown.max()) or 1,
        )
        _without_ticks(axes, framed=False)
        which = f", the first {len(shown)}" if len(shown) < count else ""
        axes.set_title(f"{name}: {count} maps of {height}x{width}{which}", fontsize=10)
        figure.colorbar(picture, label="activation", shrink=0.9).ax.tick_params(labelsize=7)
    figure.suptitle(_literal(title))
    return figure


def saliency(images: ArrayLike, gradients: ArrayLike, predicted: Sequence[str], title: str) -> Figure:
    """Which pixels an answer depends on.

    Args:
        images: Images (N, H, W) or (N, C, H, W).
        gradients: Derivative of the answer's logit by each pixel (N, H, W).
        predicted: The answers.
        title: What it is.
    """
    pictures, slopes = np.asarray(images), np.abs(np.asarray(gradients))
    count = len(pictures)
    figure = _figure(1.5 * count + 1.1, 3.9)
    limit = float(slopes.max()) or 1.0
    shown: Any = None
    lower = []
    for number in range(count):
        axes = figure.add_subplot(2, count, number + 1)
        _show(axes, pictures[number])
        axes.set_title(_literal(f"[P] {predicted[number]}"), fontsize=9)
        axes = figure.add_subplot(2, count, count + number + 1)
        shown = axes.imshow(slopes[number], cmap=MAPS, vmin=0, vmax=limit)
        _without_ticks(axes)
        lower.append(axes)
    figure.colorbar(shown, ax=lower, label="|d logit / d pixel|", shrink=0.9)
    figure.suptitle(_literal(title))
    return figure


def reliability_diagram(
    counts: ArrayLike, accuracies: ArrayLike, confidences: ArrayLike, error: float, title: str
) -> Figure:
    """Whether answers that claim a probability are right that often.

    Args:
        counts: Number of answers in each range of probability (bins + 1,); the last is of those that claim exactly 1.
        accuracies: Share of right answers in each range (bins + 1,).
        confidences: Mean probability that the answers in each range claim (bins + 1,).
        error: Expected calibration error, from 0 to 1.
        title: What the answers are of.
    """
    sizes = np.asarray(counts)
    filled = sizes > 0
    hits, claimed = np.asarray(accuracies)[filled], np.asarray(confidences)[filled]
    bins = len(sizes) - 1
    answers = np.append(sizes[: bins - 1], sizes[bins - 1 :].sum())
    figure = _figure(6, 6)
    axes, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="perfectly calibrated")
    axes.plot(claimed, hits, "o-", color=BLUE, label="this network")
    axes.set(ylabel="share of right answers", title=f"{title}\ncalibration error {100 * error:.2f} %")
    axes.grid(alpha=0.3)
    axes.legend()
    below.bar((np.arange(bins) + 0.5) / bins, answers, 0.9 / bins, color=ORANGE)
    below.set(xlabel="probability that the network gives its answer", ylabel="answers", xlim=(0, 1))
    below.set_yscale("log")
    return figure


def _literal(text: str) -> str:
    """A text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _figure(width: float, height: float) -> Figure:
    """A figure of its own, free of pyplot's global state; width and height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def _show(axes: Axes, image: NDArray[Any]) -> None:
    """Show an image (H, W) or (C, H, W): three channels in colour, any other number as their mean in grey."""
    if image.ndim == 3:
        image = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0)
    axes.imshow(image, cmap="gray")
    _without_ticks(axes)


def _without_ticks(axes: Axes, framed: bool = True) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_frame_on(framed)


def _mosaic(grids: NDArray[Any]) -> NDArray[Any]:
    """Lay grids (N, h, w) out in rows with gaps of no value: one picture is drawn far faster than many."""
    count, height, width = grids.shape
    zoom = -(-24 // max(height, width))  # so that a gap is small beside a grid of few cells
    height, width = height * zoom, width * zoom
    rows, columns = -(-count // COLUMNS), min(COLUMNS, count)
    picture = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for number, grid in enumerate(grids):
        row, column = divmod(number, COLUMNS)
        top, left = row * (height + GAP), column * (width + GAP)
        picture[top : top + height, left : left + width] = np.kron(grid, np.ones((zoom, zoom)))
    return picture
