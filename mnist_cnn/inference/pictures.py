"""From any picture of a digit to the 28x28 pixels that MNIST's makers would have made of it.

The way of a picture: upright (EXIF) -> opaque -> grey, 0 to 1 -> even lighting -> ink, 0 to 1 -> the digit's own pixels
-> stroke width -> 20x20 -> placed in 28x28 by its centre of mass. Needs Pillow, NumPy and SciPy; neither torch nor
Lightning, so that an exported network answers at once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnist_cnn.data.base import Layout
from mnist_cnn.data.decoding import UnreadablePictureError
from mnist_cnn.errors import UserError
from mnist_cnn.inference.grey import SIDE, Grey, read_grey, resized

__all__ = ["NoInkError", "UnreadablePictureError", "find_ink", "read_grey", "stroke_width", "to_network_input"]


BOX = 20  # MNIST's makers fitted each digit into a box of this side...
WORKING_SIDE = 400  # larger pictures are reduced to this first: 20 times what is left of a digit in the end
STROKE_WIDTHS = (1.7, 5.2)  # of MNIST's strokes, in pixels of the box: 98 % of 1,500 training digits lie within
STROKE_WIDTH = 2.6  # their mean: what others are brought to
FAINTEST_INK = 0.06  # less contrast than this, of a range of 1, is no ink
NOISE_FACTOR = 6.0  # nor is what does not stand out from the paper's own noise by so many standard deviations


class NoInkError(UserError):
    """A picture that is empty."""


def to_network_input(picture: Any, layout: Layout = "digit") -> NDArray[np.uint8]:
    """Turn any picture into what a network of this project expects.

    A picture of 28x28 pixels that is made as MNIST's are is given back as it is (or inverted, if it is dark on light).

    Args:
        picture: A path, a Pillow image, or an array or tensor (H, W), (H, W, channels) or (1, H, W) of any number type:
            integers over their type's range, floats from 0 to 1 or from 0 to 255.
        layout: "digit" fits the ink into 20x20 and centres its mass, as MNIST; "garment" fits it into 28x28, as
            Fashion-MNIST.

    Returns:
        uint8 (28, 28), light on dark.

    Raises:
        UnreadablePictureError: if the picture cannot be read.
        NoInkError: if there is nothing on it.
    """
    grey = read_grey(picture, WORKING_SIDE)
    if grey.shape == (SIDE, SIDE) and (made := _as_made_for_networks(grey, layout)) is not None:
        return made
    ink = find_ink(grey)
    if layout == "garment":
        return _place(_fit(_cropped(ink), SIDE), by_mass=False)
    return _place(_fit(_with_usual_strokes(_cropped(_without_specks(ink))), BOX), by_mass=True)


def find_ink(grey: Grey) -> Grey:
    """Find the ink on a picture: (H, W) from 0, paper, to 1, ink, whichever of both is the darker one.

    Raises:
        NoInkError: if all is paper.
    """
    difference = grey - _lighting(grey)
    noise = 1.4826 * float(np.median(np.abs(difference)))
    # Ink is what differs from the paper most, and on one side.
    strong = np.abs(difference) > max(FAINTEST_INK, 3 * noise)
    if difference[strong].sum() < 0:
        difference = -difference
    full = float(np.percentile(difference[difference > difference.max() / 2], 50)) if difference.max() > 0 else 0.0
    if full < max(FAINTEST_INK, NOISE_FACTOR * noise):
        raise NoInkError("no ink found: the picture is empty")
    threshold = max(0.15 * full, 3 * noise)
    return np.clip((difference - threshold) / (0.9 * full - threshold), 0, 1)


def _as_made_for_networks(grey: Grey, layout: Layout) -> NDArray[np.uint8] | None:
    """The picture itself, light on dark, if it is made as the data sets' are; else None."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    inverted = float(border.mean()) > 0.5
    light = 1 - grey if inverted else grey
    pixels = np.rint(255 * light).astype(np.uint8)
    if layout == "garment":
        return pixels if pixels.any() else None
    rows, columns = np.nonzero(pixels > 0)
    if not len(rows) or np.median(border if not inverted else 1 - border) > 0:
        return None
    fits = max(np.ptp(rows), np.ptp(columns)) < BOX and pixels.max() > 127
    centre = ndimage.center_of_mass(pixels)
    return pixels if fits and max(abs(c - (SIDE - 1) / 2) for c in centre) < 1.5 else None


def _lighting(grey: Grey) -> Grey:
    """Brightness of the paper at each pixel (H, W): a surface of second degree, fitted to what is not ink.

    Begins with the border, which is paper, and takes in what lies near the surface, as ink does not.
    """
    terms = _surface_terms(*grey.shape)  # (H, W, 6)
    # Every so many pixels are enough for six numbers.
    step = max(max(grey.shape) // 80, 1)
    sample, values = terms[::step, ::step].reshape(-1, 6), grey[::step, ::step].reshape(-1)
    frame = np.abs(sample[:, 1:3]).max(axis=1) > 0.85
    surface = np.full_like(values, np.median(values[frame]))
    spread = max(1.4826 * float(np.median(np.abs(values[frame] - surface[frame]))), 0.02)
    chosen = frame & (np.abs(values - surface) < 4 * spread + 0.1)
    weights = np.zeros(6)
    for degree in (3, 3, 6, 6, 6, 6):  # a plane first, which the border alone determines well
        weights[:degree] = np.linalg.lstsq(sample[chosen, :degree], values[chosen], rcond=None)[0]
        residual = np.abs(values - sample @ weights)
        spread = max(1.4826 * float(np.median(residual[chosen])), 0.01)
        chosen = residual < 3 * spread
    return terms @ weights


def _surface_terms(height: int, width: int) -> NDArray[np.float64]:
    """1, x, y, x^2, xy and y^2 at each pixel (H, W, 6), with x and y from -1 to 1."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _without_specks(ink: Grey) -> Grey:
    """Remove what is no part of the digit: specks, and what comes in from the picture's edge."""
    labels, count = ndimage.label(ink > 0.3, structure=np.ones((3, 3)))
    if count == 0:
        return ink
    areas = ndimage.sum_labels(ink, labels, index=range(1, count + 1))
    largest = int(np.argmax(areas)) + 1
    on_edge = set(np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])))
    kept = [
        label
        for label, area in enumerate(areas, start=1)
        if label == largest or (area > 0.06 * areas[largest - 1] and label not in on_edge)
    ]
    # With the soft edge of what is kept.
    return ink * ndimage.binary_dilation(np.isin(labels, kept), np.ones((3, 3)), iterations=2)


def _cropped(ink: Grey) -> Grey:
    """Cut off the empty rows and columns around the ink."""
    rows, columns = np.nonzero(ink > 0.1)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _with_usual_strokes(ink: Grey) -> Grey:
    """Thicken or thin strokes whose width, once the digit is in its box, would be far from MNIST's."""
    scale = BOX / max(ink.shape)
    if scale > 0.5:
        return ink  # so few pixels leave no room to change anything
    width = stroke_width(ink) * scale
    if STROKE_WIDTHS[0] <= width <= STROKE_WIDTHS[1]:
        return ink
    change = (STROKE_WIDTH - width) / scale / 2  # in pixels, on either side of a stroke
    margin = max(int(change) + 2, 2)
    mask = np.pad(ink > 0.5, margin)
    if change > 0:
        distance = ndimage.distance_transform_edt(~mask)
        changed = np.clip(change - distance + 1, 0, 1)
    else:
        distance = ndimage.distance_transform_edt(mask)
        changed = np.clip(distance + change, 0, 1)
        if not (changed > 0.5).any():
            return ink
    return _cropped(changed)


def stroke_width(ink: Grey) -> float:
    """Mean width of the strokes, in pixels: four times the mean distance of ink from its edge."""
    mask = np.pad(ink > 0.5, 1)
    return 4 * float(ndimage.distance_transform_edt(mask)[mask].mean()) - 1 if mask.any() else 0.0


def _fit(ink: Grey, side: int) -> Grey:
    """Resize so that the longer side has `side` pixels."""
    height, width = ink.shape
    scale = side / max(height, width)
    return np.clip(resized(ink, (max(round(width * scale), 1), max(round(height * scale), 1))), 0, 1)


def _place(ink: Grey, by_mass: bool) -> NDArray[np.uint8]:
    """Put the ink onto 28x28 with its centre of mass, or else its middle, in the centre; nothing is cut off."""
    height, width = ink.shape
    centre = ndimage.center_of_mass(ink) if by_mass else ((height - 1) / 2, (width - 1) / 2)
    top = int(np.clip(round((SIDE - 1) / 2 - centre[0]), 0, SIDE - height))
    left = int(np.clip(round((SIDE - 1) / 2 - centre[1]), 0, SIDE - width))
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[top : top + height, left : left + width] = np.rint(255 * ink)
    return pixels
