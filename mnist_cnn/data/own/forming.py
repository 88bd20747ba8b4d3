"""From a picture or an array of pixels to the form that all images of a data set have.

What has the form's size keeps its pixels bit by bit. All else is brought to size with the ratio of its sides kept, each
of its pixels counting, and centred; what is left on two sides takes the colour of the picture's own border.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.decoding import UnreadablePictureError, decode
from mnist_cnn.data.modes import in_plain_mode
from mnist_cnn.data.own.source import Form
from mnist_cnn.data.transparency import opaque
from mnist_cnn.pixels import WHITE

WHITE_OF_16_BITS = 65535


def formed_file(picture: Any, form: Form) -> NDArray[np.uint8]:
    """Decode a picture and bring it into a form: uint8 (C, H, W).

    Args:
        picture: A path, a file's content as bytes, an open binary file, or a Pillow image.
        form: The form.

    Raises:
        UnreadablePictureError: if that cannot be done.
    """
    return formed(decode(picture, in_colour=True), form)


def formed(image: Image.Image, form: Form) -> NDArray[np.uint8]:
    """Bring a decoded image, as `decoding.decode` gives it, into a form: uint8 (C, H, W).

    Grey values of 16 bits are scaled over the whole range of their type; transparent pictures are laid on white if what
    is on them is dark, else on black.

    Raises:
        UnreadablePictureError: if it holds values that are no finite numbers.
    """
    image = in_plain_mode(image, in_colour=True)
    if image.mode in ("I", "F"):
        values: NDArray[Any] = np.asarray(image)
        return _placed(_scaled(values, _white_of(values, is_deep=image.mode == "I")), form)
    if image.mode == "RGBA":
        image = opaque(image)
    mode = "L" if form.channels == 1 or image.mode == "L" else "RGB"
    return _placed(image if image.mode == mode else image.convert(mode), form)


def formed_array(pixels: NDArray[Any], form: Form, white: float | None = None) -> NDArray[np.uint8]:
    """Bring pixels (H, W) or (H, W, C), of 1 to 4 channels, into a form: uint8 (C, H, W).

    Args:
        pixels: Of any type of numbers. Two and four channels are grey and colour with opacity.
        form: The form.
        white: The value of white; None takes it from the type and the values: 1 for truth values and for fractions up
            to 1, 65535 for uint16 beyond 255, else 255. Give it where many images should be treated alike.

    Raises:
        UnreadablePictureError: for another shape, and for values that are no finite numbers.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or not pixels.size or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise UnreadablePictureError(f"an array of shape {pixels.shape} is no picture: (H, W) or (H, W, C) is needed")
    if not (np.issubdtype(pixels.dtype, np.number) or pixels.dtype == np.bool_) or np.iscomplexobj(pixels):
        raise UnreadablePictureError(f"an array of {pixels.dtype} is no picture: numbers are needed")
    if pixels.dtype == np.uint8 and white in (None, WHITE):
        return formed(Image.fromarray(np.ascontiguousarray(pixels)), form)
    is_deep = pixels.dtype == np.uint16 and pixels.max() > WHITE
    scaled = _scaled(pixels, (0.0, white) if white else _white_of(pixels, is_deep))
    return _placed(scaled, form) if isinstance(scaled, Image.Image) else formed(Image.fromarray(scaled), form)


def _white_of(values: NDArray[Any], is_deep: bool) -> tuple[float, float]:
    """The values of black and of white."""
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.bool_:
        return 0.0, 1.0
    if is_deep and low >= 0 and high <= WHITE_OF_16_BITS:
        return 0.0, WHITE_OF_16_BITS
    if low >= 0 and high <= WHITE:
        return 0.0, 1.0 if high <= 1 and np.issubdtype(values.dtype, np.floating) else WHITE
    return low, high


def _scaled(values: NDArray[Any], limits: tuple[float, float]) -> Any:
    """Values from black to white as those from 0 to 255: an image of grey fractions, or bytes (H, W, C)."""
    black, white = limits
    if not np.isfinite(white - black):
        raise UnreadablePictureError("the picture holds values that are infinite or no numbers")
    scaled = ((values.astype(np.float64) - black) * (WHITE / ((white - black) or 1))).clip(0, WHITE)
    if not np.isfinite(scaled).all():
        raise UnreadablePictureError("the picture holds values that are infinite or no numbers")
    return Image.fromarray(scaled.astype(np.float32)) if values.ndim == 2 else np.rint(scaled).astype(np.uint8)


def _placed(image: Image.Image, form: Form) -> NDArray[np.uint8]:
    """Bring an image of the mode L, RGB or F to size."""
    scale = min(form.width / image.width, form.height / image.height)
    width, height = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels: NDArray[Any] = np.asarray(image)
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels).clip(0, WHITE).astype(np.uint8)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if (height, width) != form[1:]:
        pixels = _padded(pixels, form)
    if pixels.shape != form:
        pixels = np.broadcast_to(pixels, form)
    return np.array(pixels, order="C")


def _padded(pixels: NDArray[np.uint8], form: Form) -> NDArray[np.uint8]:
    """Centre pixels (C, H, W) in a larger form, on the median colour of their border."""
    channels, height, width = pixels.shape
    border = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
    colour = np.rint(np.median(border, axis=1)).astype(np.uint8)
    padded = np.empty((channels, form.height, form.width), np.uint8)
    padded[:] = colour[:, None, None]
    top, left = (form.height - height) // 2, (form.width - width) // 2
    padded[:, top : top + height, left : left + width] = pixels
    return padded
