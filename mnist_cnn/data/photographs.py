"""Pictures as people take them, made from the digits of a data set: for tests and measurements of reading pictures."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Pixels = NDArray[np.uint8]
Maker = Callable[[Pixels, np.random.Generator], tuple[Image.Image, str]]


def as_it_is(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """MNIST's own 28x28 pixels (28, 28), as a PNG file."""
    return Image.fromarray(digit), "png"


def inverted(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """Dark on light."""
    return Image.fromarray(255 - digit), "png"


def enlarged(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """Enlarged to a side of 200 to 600 pixels."""
    side = int(random.integers(200, 601))
    return Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), "png"


def off_centre(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """Anywhere on a canvas four times as wide and high."""
    canvas = np.zeros((112, 112), np.uint8)
    top, left = random.integers(0, 112 - 28 + 1, size=2)
    canvas[top : top + 28, left : left + 28] = digit
    return Image.fromarray(canvas), "png"


def photographed_thin(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """Drawn with a pen half as thick, and photographed."""
    mask = _drawn_large(digit)
    depth = ndimage.distance_transform_edt(mask)
    ridge = ndimage.maximum_filter(depth, size=15)  # half the width of the stroke around each pixel
    return _photograph((depth > 0.5 * ridge) & mask, random), "jpg"


def photographed_thick(digit: Pixels, random: np.random.Generator) -> tuple[Image.Image, str]:
    """Drawn with a pen thicker by 1.4 of MNIST's pixels, and photographed."""
    mask = _drawn_large(digit)
    return _photograph(ndimage.distance_transform_edt(~mask) < 0.7 * ENLARGEMENT, random), "jpg"


ENLARGEMENT = 10
PICTURES: dict[str, Maker] = {
    "as it is": as_it_is,
    "inverted": inverted,
    "enlarged": enlarged,
    "off-centre": off_centre,
    "photographed, thin pen": photographed_thin,
    "photographed, thick pen": photographed_thick,
}


def _drawn_large(digit: Pixels) -> NDArray[np.bool_]:
    side = 28 * ENLARGEMENT
    return np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)) > 110


def _photograph(mask: NDArray[np.bool_], random: np.random.Generator) -> Image.Image:
    """Ink on textured paper under uneven light, turned by up to 10 degrees, slightly out of focus, JPEG quality 40."""
    side = mask.shape[0]
    ink = Image.fromarray((255 * mask).astype(np.uint8)).rotate(
        float(random.uniform(-10, 10)), resample=Image.Resampling.BILINEAR
    )
    page = np.zeros((int(side * 1.6), int(side * 1.6)))
    top, left = random.integers(0, page.shape[0] - side + 1, size=2)
    page[top : top + side, left : left + side] = np.asarray(ink) / 255
    page = ndimage.gaussian_filter(page, 1.2)
    y, x = np.mgrid[-1 : 1 : page.shape[0] * 1j, -1 : 1 : page.shape[1] * 1j]
    angle = random.uniform(0, 2 * np.pi)
    light = 1 - 0.35 * (1 + np.cos(angle) * x + np.sin(angle) * y) / 2 - 0.1 * random.random() * (x**2 + y**2)
    fibres = ndimage.gaussian_filter(random.standard_normal(page.shape), 2)
    paper = random.uniform(0.78, 0.95) + 0.02 * fibres / fibres.std() + 0.015 * random.standard_normal(page.shape)
    ink_level = random.uniform(0.1, 0.35)
    brightness = np.clip(light * (paper * (1 - page) + ink_level * page), 0, 1)
    tint = np.array([1.0, 0.97, 0.9])  # of lamplight
    picture = Image.fromarray(np.rint(255 * brightness[..., None] * tint).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=40)
    return Image.open(file)


def write_pictures(digits: NDArray[np.uint8], kind: str, folder: Path, seed: int = 0) -> list[Path]:
    """Write a picture of each of the digits (N, 28, 28) into a folder, and return the files in their order."""
    paths = []
    for number, digit in enumerate(digits):
        picture, suffix = PICTURES[kind](digit, np.random.default_rng([seed, number]))
        path = folder / f"{number:05}.{suffix}"
        picture.save(path, quality=40)  # for PNG files it means nothing
        paths.append(path)
    return paths
