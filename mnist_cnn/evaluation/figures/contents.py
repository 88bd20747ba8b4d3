"""What a data set looks like."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_cnn.evaluation.figures.drawing import add_title, new_figure, without_ticks
from mnist_cnn.evaluation.figures.lettering import literal

SHEET_COLUMNS = 12  # images of a class
MOST_CLASSES = 64  # on a sheet


def contact_sheet(images: Sequence[NDArray[Any]], names: Sequence[str], counts: Sequence[int], title: str) -> Figure:
    """Some images of each class, a row for each.

    Args:
        images: Images of each class, uint8 (n, C, H, W), of which the first `SHEET_COLUMNS` are shown.
        names: Names of the classes.
        counts: Number of images of each class.
        title: What they are.
    """
    rows = min(len(names), MOST_CLASSES)
    height, width = next((some.shape[2:] for some in images if len(some)), (1, 1))
    cell = 0.62
    figure = new_figure(cell * SHEET_COLUMNS + 1.6, (cell * height / width + 0.06) * rows + 0.7)
    grid = figure.add_gridspec(rows, 2, width_ratios=[1.6, cell * SHEET_COLUMNS])
    for row in range(rows):
        label = figure.add_subplot(grid[row, 0])
        without_ticks(label, framed=False)
        text = f"{shorten(names[row], 22, placeholder='...') or names[row][:20]}\n{counts[row]:,}"
        label.text(1, 0.5, literal(text), ha="right", va="center", fontsize=8, transform=label.transAxes)
        axes = figure.add_subplot(grid[row, 1])
        strip = np.moveaxis(_strip(images[row][:SHEET_COLUMNS], height, width), 0, -1)
        axes.imshow(strip.squeeze(-1) if strip.shape[-1] == 1 else strip, cmap="gray", vmin=0, vmax=255)
        without_ticks(axes, framed=False)
    more = f"; {len(names) - rows} more classes are not shown" if len(names) > rows else ""
    add_title(figure, f"{title}{more}")
    return figure


def _strip(images: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Images side by side (C, H, W), on white, with a gap of a twelfth of an image between them."""
    gap = max(width // 12, 1)
    channels = images.shape[1]
    strip = np.full((channels, height, SHEET_COLUMNS * (width + gap) - gap), 255, np.uint8)
    for number, image in enumerate(images):
        strip[:, :, number * (width + gap) : number * (width + gap) + width] = image
    return strip
