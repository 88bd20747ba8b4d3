"""A picture as people see it, to be shown beside what a network saw of it. Needs neither torch nor Lightning."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

LARGEST_SIDE = 400


def as_seen(path: Path) -> NDArray[np.uint8] | None:
    """Read a picture that a network has answered for: upright, in colour, on white where it is transparent.

    Args:
        path: The file.

    Returns:
        uint8 (H, W, 3), at most 400 pixels wide and high; None where it cannot be shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the network's own reader has said what there is to say
            with Image.open(path) as image:
                image.draft(
                    "RGB", (2 * LARGEST_SIDE, 2 * LARGEST_SIDE)
                )  # a large JPEG is decoded at a part of its size
                return _in_colour(image)
    except Exception:  # damaged data raise nearly every kind in decoders
        return None


def _in_colour(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # grey values of more than 8 bits
        values = np.asarray(image, dtype=np.float64)
        span = float(np.ptp(values)) or 1.0
        shown = Image.fromarray(np.uint8(255 * (values - values.min()) / span)).convert("RGBA")
    else:
        shown = image.convert("RGBA")
    shown.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    shown.info["exif"] = image.info.get("exif")
    upright = ImageOps.exif_transpose(shown)
    return np.asarray(Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB"))
