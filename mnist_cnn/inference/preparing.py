"""From any picture to the form that a network's training images had: their layout, size and channels."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.base import Layout
from mnist_cnn.data.decoding import LARGEST_PIXELS, UnreadablePictureError, decode
from mnist_cnn.data.own.forming import formed
from mnist_cnn.data.own.source import Form
from mnist_cnn.errors import UserError
from mnist_cnn.inference.grey import SIDE, as_array, is_file
from mnist_cnn.inference.inputs import DIGIT_SHAPE, Shape, to_bytes
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
    else:
        values = as_array(picture)
        if values.shape == (math.prod(shape),):
            values = values.reshape(shape)
        if layout != "picture" and not _has_size(values, form):  # ink is found in numbers of any range
            return formed(Image.fromarray(to_network_input(values, layout)), form)
        image = image_of_array(values)
    if layout == "picture":
        return formed(image, form)
    if image.size == (form.width, form.height) != (SIDE, SIDE):
        return _light_on_dark(formed(image, form))
    return formed(Image.fromarray(to_network_input(image, layout)), form)


def image_of_array(values: NDArray[Any]) -> Image.Image:
    """An array (H, W), (H, W, 1, 3 or 4), (1, H, W) or (3, H, W) as a Pillow image of bytes.

    Raises:
        UnreadablePictureError: for another shape, more than 50 megapixels, and values that are no pixels.
    """
    if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3, 4):
        values = np.moveaxis(values, 0, 2)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.size == 0 or not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))):
        raise UnreadablePictureError(
            f"an array of shape {values.shape} is no picture: (H, W), (H, W, 1, 3 or 4), (1 or 3, H, W) or a row of as "
            f"many pixels as the network's images have is needed"
        )
    if values.shape[0] * values.shape[1] > LARGEST_PIXELS:
        million = LARGEST_PIXELS // 1_000_000
        raise UnreadablePictureError(f"an array of shape {values.shape} has more than {million} megapixels")
    try:
        return Image.fromarray(np.ascontiguousarray(to_bytes(values)))
    except UserError as error:
        raise UnreadablePictureError(str(error)) from error


def for_people(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A network's image (C, H, W) as pictures are laid out: (H, W) in grey, (H, W, C) in colour."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def _has_size(values: NDArray[Any], form: Form) -> bool:
    """Whether an array is a picture of a form's size."""
    size = (form.height, form.width)
    return values.shape == size or (values.ndim == 3 and size in (values.shape[:2], values.shape[1:]))


def _light_on_dark(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey image (1, H, W), turned over if its border is light; one in colour as it is."""
    border = np.concatenate([image[0, 0], image[0, -1], image[0, :, 0], image[0, :, -1]])
    return 255 - image if len(image) == 1 and np.median(border) > 127 else image
