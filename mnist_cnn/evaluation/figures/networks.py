"""Figures of what is within a network: its first weights, its feature maps, and what an answer depends on."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mnist_cnn.evaluation.figures.drawing import (
    CARD_COLUMNS,
    COLUMNS,
    MAPS,
    SIGNED,
    add_scale,
    add_title,
    aspect_of,
    cell_width,
    mosaic,
    new_figure,
    robust_limit,
    show,
    without_ticks,
)
from mnist_cnn.evaluation.figures.lettering import literal


def kernels(weights: ArrayLike, title: str, columns: int = COLUMNS) -> Figure:
    """The weights that a first layer looks at the image with, the units in rows from the left.

    The scale is symmetric, and a few large weights do not stretch it: they are drawn in its last colours.

    Args:
        weights: Weights (units, height, width).
        title: Of which layer.
        columns: Units in a row.
    """
    grids = np.asarray(weights)
    rows = -(-len(grids) // columns)
    figure = new_figure(1.05 * columns + 1.1, 1.05 * rows + 0.7)
    axes = figure.add_subplot()
    limit = robust_limit(grids)
    shown = axes.imshow(mosaic(grids, columns), cmap=SIGNED, interpolation="nearest", vmin=-limit, vmax=limit)
    without_ticks(axes, framed=False)
    add_scale(figure, shown, grids, "weight", shrink=0.9)
    add_title(figure, title)
    return figure


def feature_maps(
    image: ArrayLike,
    layers: Sequence[tuple[str, ArrayLike]],
    title: str,
    most: int = 16,
    answer: str = "",
    photograph: ArrayLike | None = None,
    columns: int = COLUMNS,
) -> Figure:
    """What each block makes of an image, with the image itself beside it.

    Args:
        image: Image (H, W) or (C, H, W), as the network is given it.
        layers: Name and feature maps (channels, h, w) after each block.
        title: Which image.
        most: Channels to show of each block, the first ones.
        answer: What the network says of the image.
        photograph: The picture (H, W, 3) that the image was made of, where it is another one.
        columns: Feature maps in a row.
    """
    heights = [-(-min(len(np.asarray(maps)), most) // columns) for _, maps in layers]
    side = cell_width(columns) * 0.78
    least = 2.6 if photograph is None else 4.6
    figure = new_figure(
        1.3 * side * columns, max(side * aspect_of(np.asarray(image)) * sum(heights) + 0.45 * len(layers) + 0.4, least)
    )
    halves = figure.add_gridspec(1, 2, width_ratios=[1, 4])
    given = halves[0].subgridspec(1 if photograph is None else 2, 1)
    if photograph is not None:
        axes = figure.add_subplot(given[0])
        _show_photograph(axes, photograph)
    axes = figure.add_subplot(given[-1])
    show(axes, np.asarray(image))
    axes.set_title("the image" if photograph is None else "what the network sees", fontsize=10)
    axes.set_xlabel(literal(fill(f"answer: {answer}", 28)) if answer else "", fontsize=10)
    places = halves[1].subgridspec(len(layers), 1, height_ratios=heights)
    for row, (name, maps) in enumerate(layers):
        _show_maps(figure, places[row], name, np.asarray(maps), most, columns)
    add_title(figure, title)
    return figure


def saliency(
    images: ArrayLike,
    gradients: ArrayLike,
    answers: Sequence[str],
    title: str,
    photographs: Sequence[ArrayLike] = (),
) -> Figure:
    """Which pixels an answer depends on, image by image from the left; of a single image from left to right.

    Args:
        images: Images (N, H, W) or (N, C, H, W), as the network is given them.
        gradients: Derivative of the answer's logit by each pixel (N, H, W).
        answers: What the network says of each.
        title: What it is.
        photographs: The pictures (H, W, 3) that the images were made of, where they are others.
    """
    pictures, slopes = np.asarray(images), np.abs(np.asarray(gradients))
    count, parts = len(pictures), 3 if len(photographs) else 2
    height = (1.55 * aspect_of(pictures) + 0.2) * parts + 0.5
    figure = new_figure(2.7 * parts + 1, 3.5) if count == 1 else new_figure(1.55 * count + 1.2, height)
    grid = figure.subplots(1, parts) if count == 1 else figure.subplots(parts, count)
    rows = np.asarray(grid).reshape(parts, count)
    limit = robust_limit(slopes)
    shown: Any = None
    for number in range(count):
        if len(photographs):
            _show_photograph(rows[0, number], photographs[number])
        axes = rows[-2, number]
        show(axes, pictures[number])
        axes.set_title(literal(f"answer: {answers[number]}" if count == 1 else fill(answers[number], 22)), fontsize=9)
        shown = rows[-1, number].imshow(slopes[number], cmap=MAPS, vmin=0, vmax=limit)
        without_ticks(rows[-1, number])
    add_scale(figure, shown, slopes, "|d logit / d pixel|", ax=list(rows[-1]), shrink=0.9)
    add_title(figure, title)
    return figure


def _show_maps(figure: Figure, place: Any, name: str, channels: Any, most: int, columns: int) -> None:
    """Show the first feature maps (channels, h, w) of a block."""
    count, (height, width) = len(channels), channels.shape[1:]
    maps = channels[:most]
    axes = figure.add_subplot(place)
    limit = robust_limit(maps)
    low = max(float(np.nanmin(maps)), -limit) if np.nanmin(maps) < 0 else 0.0
    picture = axes.imshow(mosaic(maps, columns), MAPS, interpolation="nearest", vmin=low, vmax=limit)
    without_ticks(axes, framed=False)
    which = f", the first {len(maps)}" if len(maps) < count else ""
    axes.set_title(literal(f"{name}: {count} maps of {height}x{width}{which}"), fontsize=10)
    add_scale(figure, picture, maps, "activation", noted=columns > CARD_COLUMNS, shrink=0.9)


def _show_photograph(axes: Any, photograph: ArrayLike) -> None:
    axes.imshow(np.asarray(photograph))
    axes.set_title("the picture", fontsize=10)
    without_ticks(axes)
