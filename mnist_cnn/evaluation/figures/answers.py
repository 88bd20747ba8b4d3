"""Figures of what a network answers: which classes it confuses, its mistakes, and how sure it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnist_cnn.evaluation.figures.drawing import (
    BLUE,
    COLUMNS,
    GREY,
    ORANGE,
    add_title,
    aspect_of,
    cell_width,
    new_figure,
    show,
)
from mnist_cnn.evaluation.figures.lettering import literal

MOST_WIDTH = 22.0  # of a figure, in inches
LEAST_CELL = 0.12  # inches: in less no number can be read
MOST_COLUMNS = 24  # of a class's name beside a matrix
COLUMNS_PER_INCH = 14  # of a class's name above an image


def confusion_matrix(counts: ArrayLike, class_names: Sequence[str], title: str, width: float | None = None) -> Figure:
    """How often each class was taken for each.

    Counts are written as long as they can be read, and of many classes the names of every second, third or so.

    Args:
        counts: Number of images (classes, classes), true classes in rows.
        class_names: Names of the classes.
        title: What the counts are of.
        width: Of the figure, in inches; None lets it grow with the number of classes.
    """
    matrix = np.asarray(counts)
    classes = len(matrix)
    width = width or min(max(7.2, 0.26 * classes + 2), MOST_WIDTH)
    cell = 0.62 * width / classes
    figure = new_figure(width, 0.89 * width)
    axes = figure.add_subplot()
    # The diagonal would hide all else: colour shows mistakes, as parts of their true class.
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    mistakes = shares.copy()
    np.fill_diagonal(mistakes, 0.0)
    shown = axes.imshow(mistakes, cmap="Blues", vmin=0, vmax=mistakes.max() or 1)
    if cell >= LEAST_CELL:
        _write_counts(axes, matrix, mistakes, min(8.0, 30 * cell))
    every = int(np.ceil(LEAST_CELL / cell))
    names = [literal(name, MOST_COLUMNS) for name in class_names][::every]
    places, size = range(0, classes, every), min(10.0, 54 * cell * every)
    rotation = 0 if max(map(len, names)) <= 2 else 45 if classes <= 20 else 90
    axes.set_xticks(places, names, rotation=rotation, ha="right" if rotation == 45 else "center", fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.set(xlabel="predicted class", ylabel="true class")
    figure.colorbar(shown, label="mistakes, % of the true class", shrink=0.8)
    add_title(figure, title)
    return figure


def _write_counts(axes: Axes, matrix: NDArray[Any], mistakes: NDArray[Any], size: float) -> None:
    """Write counts (classes, classes) into their cells, in white on dark ones; right answers are bold."""
    limit = mistakes.max() / 2
    for row, column in np.argwhere(matrix):
        bold = "bold" if row == column else "normal"
        colour = "white" if mistakes[row, column] > limit else "black"
        text = str(matrix[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, weight=bold, size=size)


def example_sheet(
    images: ArrayLike,
    labels: Sequence[str],
    predicted: Sequence[str],
    title: str,
    notes: Sequence[str] = (),
    columns: int = COLUMNS,
) -> Figure:
    """Images with their [T]rue and [P]redicted labels; mistakes are set in orange.

    Args:
        images: Images (N, H, W) or (N, C, H, W).
        labels: True class of each.
        predicted: Predicted class of each.
        title: What they are.
        notes: A further line below each.
        columns: Images in a row.
    """
    pictures = np.asarray(images)
    width = cell_width(columns)
    columns = min(columns, max(len(pictures), 1))
    rows = -(-len(pictures) // columns) or 1
    most = int(COLUMNS_PER_INCH * width)
    true, answers = ([literal(name, most) for name in names] for names in (labels, predicted))
    names_are_long = max(map(len, [*true, *answers]), default=0) > 2
    lines = (2 if names_are_long else 1) + bool(notes)
    figure = new_figure(width * columns, (0.9 * width * aspect_of(pictures) + 0.19 * lines) * rows + 0.6)
    for number, image in enumerate(pictures):
        axes = figure.add_subplot(rows, columns, number + 1)
        show(axes, image)
        separator = "\n" if names_are_long else "   "
        text = f"[T] {true[number]}{separator}[P] {answers[number]}"
        text += f"\n{notes[number]}" if notes else ""
        axes.set_title(text, fontsize=8, color="black" if labels[number] == predicted[number] else ORANGE, pad=3)
    add_title(figure, title)
    return figure


def mistakes_sheet(images: Any, truth: Any, probabilities: Any, names: Sequence[str], columns: int = COLUMNS) -> Figure:
    """Mistakes, with the probabilities of the answer and of the true class.

    Args:
        images: Images (N, H, W) or (N, C, H, W).
        truth: True class of each (N,).
        probabilities: Of each class for each image (N, classes).
        names: Names of the classes.
        columns: Images in a row.
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
        columns,
    )


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
    figure = new_figure(6, 6)
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
