"""Laying transparent pictures on paper from which they stand out, in memory that does not grow with them twice."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

STRIP_PIXELS = 1 << 20


def opaque_parts(image: Image.Image) -> Iterator[Image.Image]:
    """An RGBA picture laid on white if what is on it is dark, else on black: RGB, strip by strip from the top."""
    background = 255 if _is_dark(image) else 0
    for part in parts(image):
        paper = Image.new("RGBA", part.size, (background, background, background, 255))
        yield Image.alpha_composite(paper, part).convert("RGB")


def opaque(image: Image.Image) -> Image.Image:
    """An RGBA picture laid on white if what is on it is dark, else on black: RGB."""
    result, top = Image.new("RGB", image.size), 0
    for part in opaque_parts(image):
        result.paste(part, (0, top))
        top += part.height
    return result


def parts(image: Image.Image) -> Iterator[Image.Image]:
    """Strips of rows, about a million pixels at a time."""
    rows = max(STRIP_PIXELS // image.width, 1)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _is_dark(image: Image.Image) -> bool:
    total = weight = 0.0
    for part in parts(image):
        alpha = np.asarray(part.getchannel("A"), dtype=np.float64)
        total += float((np.asarray(part.convert("RGB").convert("L")) * alpha).sum())
        weight += float(alpha.sum())
    return not weight or total / weight < 128
