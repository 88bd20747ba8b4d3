"""From any picture to the form that a network's training images had: their layout, size and channels."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.base import Layout
from mnist_cnn.data.decoding import UnreadablePictureError, decode
from mnist_cnn.data.own.forming import formed, formed_array
from mnist_cnn.data.own.source import Form
from mnist_cnn.inference.grey import SIDE, as_array, is_file
from mnist_cnn.inference.inputs import DIGIT_SHAPE, Shape
from mnist_cnn.inference.pictures import to_network_input


@dataclass(frozen=True)
class AsTrained:
    """An image (C, H, W) that is in the form of the training images already."""

    image: NDArray[np.uint8]


def prepared(picture: Any, layout: Layout, shape: Shape) -> NDArray[np.uint8]:
    """Prepare a picture of any kind as a network's training images were.

    Args:
        picture: A path, a file's content as bytes, an open file, a Pillow image, or an array or tensor (H, W),
            (H, W, channels), (1, H, W), (3, H, W) or of as many pixels in a row as the network's images have; an
            `AsTrained`, which is given back; an `UnreadablePictureError`, which is raised.
        layout: "picture" takes it as it is, brought to size and channels; "digit" and "garment" find the ink first and
            lay it out in 28x28 pixels, see `pictures.to_network_input`. Of a network of another size, pictures that
            have that size already are taken as they are.
        shape: Channels, height and width of the network's images.

    Returns:
        uint8 (C, H, W).

    Raises:
        UnreadablePictureError: if the picture cannot be read.
        NoInkError: if nothing is on it, where ink is looked for.
    """
    if isinstance(picture, AsTrained):
        return picture.image
    if isinstance(picture, UnreadablePictureError):
        raise picture
    if layout != "picture" and shape == DIGIT_SHAPE:
        return to_network_input(picture, layout)[None]
    form = Form(*shape)
    if is_file(picture) or isinstance(picture, Image.Image):
        image = decode(picture, in_colour=True)
        if layout == "picture":
            return formed(image, form)
        if _is_made(image.size[::-1], form):
            return _light_on_dark(formed(image, form))
        return formed(Image.fromarray(to_network_input(image, layout)), form)
    values = _channels_last(as_array(picture), shape)
    if layout == "picture":
        return formed_array(values, form)
    if _is_made(values.shape[:2], form):
        return _light_on_dark(formed_array(values, form))
    return formed(Image.fromarray(to_network_input(values, layout)), form)


def for_people(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A network's image (C, H, W) as pictures are laid out: (H, W) in grey, (H, W, C) in colour."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def _channels_last(values: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """An array as pictures are laid out: (H, W) or (H, W, C), if it is a row, (1, H, W) or (3, H, W)."""
    if values.ndim == 1 and values.size == math.prod(shape):
        values = values.reshape(shape)
    is_last = values.ndim == 3 and values.shape[2] in (1, 2, 3, 4) and values.shape != shape
    if values.ndim == 3 and values.shape[0] in (1, 3) and not is_last:
        values = np.moveaxis(values, 0, 2)
    if values.ndim == 3 and values.shape[2] == 1:
        return values[..., 0]
    return values


def _is_made(size: tuple[int, ...], form: Form) -> bool:
    """Whether a picture has the size of a network that takes other ones than of 28x28, where digits are looked at."""
    return size == (form.height, form.width) != (SIDE, SIDE)


def _light_on_dark(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey image (1, H, W), turned over if its border is light; one in colour as it is."""
    border = np.concatenate([image[0, 0], image[0, -1], image[0, :, 0], image[0, :, -1]])
    return 255 - image if len(image) == 1 and np.median(border) > 127 else image
