"""From a decoded picture or an array of pixels to the form that all images of a data set have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.own.source import Form


def formed(picture: Image.Image, form: Form) -> NDArray[np.uint8]:
    """Bring a picture into a form: uint8 (C, H, W).

    One of another size is reduced or enlarged, every pixel counting.
    """
    image = picture.convert("L" if form.channels == 1 else "RGB")
    if image.size != (form.width, form.height):
        image = image.resize((form.width, form.height), Image.Resampling.BILINEAR)
    pixels: NDArray[Any] = np.asarray(image)
    return pixels[None] if form.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
