"""What all figures share: colours, images, and scales that a single value cannot spoil."""

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnist_cnn.evaluation.figures.lettering import AnyScriptFigure, literal

# Told apart with every kind of colour vision, and by brightness too.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
MAPS = "cividis"
SIGNED = "PuOr"
DPI = 110
COLUMNS = 8  # of images, kernels and feature maps, on a page of its own
CARD_COLUMNS = 4  # in TensorBoard, which shows pictures at a width of 350 pixels
GAP = 2  # pixels between them

USUAL = 0.99  # part of the values that is taken to be usual
TOLERANCE = 1.25  # a value of so many times the largest usual one spoils nothing


def save(figure: Figure, path: Any) -> None:
    """Write a figure as PNG or SVG, whichever the file's name ends in."""
    figure.savefig(path, dpi=DPI, metadata={"Date": None} if str(path).endswith(".svg") else None)


def new_figure(width: float, height: float) -> Figure:
    """A figure of its own, free of pyplot's global state; width and height in inches."""
    return AnyScriptFigure(figsize=(width, height), layout="constrained")


def cell_width(columns: int) -> float:
    """Width of an image in a figure of so many columns, in inches; on a card it is smaller, beside text as large."""
    return 1.35 if columns > CARD_COLUMNS else 1.05


def add_title(figure: Figure, text: str) -> None:
    """Write what a figure shows above it, in as many lines as its width takes."""
    width = figure.get_size_inches()[0]
    size = 12 if width > 6 else 10
    figure.suptitle(literal(fill(text, int(120 * width / size))), fontsize=size)


def aspect_of(image: NDArray[Any]) -> float:
    """Height by width of an image (..., H, W), as far as a figure's cells follow it."""
    height, width = image.shape[-2:]
    return min(max(height / width, 0.3), 3.0)


def robust_limit(values: ArrayLike) -> float:
    """How far from 0 a scale of values is to reach so that a few of them cannot make all others look alike.

    Args:
        values: Values of any shape; those that are no numbers do not count.

    Returns:
        The largest distance from 0, apart from those far beyond what 99 % of them keep within.
    """
    distances = np.abs(np.asarray(values, dtype=np.float64))
    distances = np.sort(distances[np.isfinite(distances)], axis=None)
    if not len(distances):
        return 1.0
    usual = distances[int(USUAL * (len(distances) - 1))]  # always below the largest: one value never decides
    kept = distances[distances <= TOLERANCE * usual] if usual else distances
    return float(kept[-1]) or 1.0


def add_scale(figure: Figure, shown: Any, values: ArrayLike, label: str, noted: bool = True, **place: Any) -> None:
    """Add a colour bar, which ends in an arrow where values lie beyond it, and says how many.

    Args:
        figure: The figure.
        shown: What was drawn, with its limits.
        values: The values that it shows.
        label: What they are.
        noted: Whether to say how many; there may be no room for it.
        place: Where, as `Figure.colorbar` takes it.
    """
    found = np.asarray(values, dtype=np.float64)
    low, high = shown.get_clim()
    above, below = int((found > high).sum()), int((found < low).sum())
    extend = {(True, True): "both", (True, False): "max", (False, True): "min"}.get((above > 0, below > 0), "neither")
    note = f"\n({above + below:,} of {found.size:,} beyond)" if noted and above + below else ""
    bar = figure.colorbar(shown, extend=extend, **place)
    bar.set_label(f"{label}{note}", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def show(axes: Axes, image: NDArray[Any]) -> None:
    """Show an image (H, W) or (C, H, W): three channels in colour, any other number as their mean in grey."""
    if image.ndim == 3:
        image = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0)
    axes.imshow(image, cmap="gray")
    without_ticks(axes)


def without_ticks(axes: Axes, framed: bool = True) -> None:
    """Take the ticks away, and if asked for the frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_frame_on(framed)


def mosaic(grids: NDArray[Any], in_row: int = COLUMNS) -> NDArray[Any]:
    """Lay grids (N, h, w) out in rows with gaps of no value between them: one picture is drawn far faster than many."""
    count, height, width = grids.shape
    zoom = -(-24 // max(height, width))  # so that a gap is small beside a grid of few cells
    height, width = height * zoom, width * zoom
    rows, columns = -(-count // in_row), min(in_row, count)
    picture = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for number, grid in enumerate(grids):
        row, column = divmod(number, in_row)
        top, left = row * (height + GAP), column * (width + GAP)
        picture[top : top + height, left : left + width] = np.kron(grid, np.ones((zoom, zoom)))
    return picture
