"""What may be given to a classifier in Python: one picture or many, as files, images, arrays or tables."""

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.base import Layout
from mnist_cnn.errors import UserError
from mnist_cnn.inference.grey import SIDE, as_array, is_file
from mnist_cnn.pixels import WHITE, factor_to_bytes

Shape = tuple[int, int, int]  # channels, height and width
DIGIT_SHAPE: Shape = (1, SIDE, SIDE)
TAKEN = (
    "a path, a file's bytes, an open file, a Pillow image, an array or tensor (H, W) or (H, W, channels), or many: a "
    "list of these, an array (N, H, W), (N, C, H, W), (N, H, W, channels), or rows of {pixels} pixels (N, {pixels}) as "
    "an array or a table"
)


def each_picture(pictures: Any, shape: Shape = DIGIT_SHAPE, layout: Layout = "digit") -> Iterable[Any]:
    """The single pictures of what may be one or many; see `Classifier.predict`.

    Args:
        pictures: One or many.
        shape: Channels, height and width of the network's images: rows of pixels are told by it.
        layout: How pictures are laid out. For "picture" the values of an array are told to be bytes or floats from 0 to
            1 by all of its images together, as those of training images are.

    Raises:
        UserError: for what is no picture and no collection of them.
    """
    if is_file(pictures) or isinstance(pictures, Image.Image):
        return [pictures]
    if hasattr(pictures, "to_numpy") and hasattr(pictures, "columns"):
        return _in_one_range(_rows_of_table(pictures, shape), layout)
    if hasattr(pictures, "__array__"):
        return _in_one_range(_pictures_of_array(as_array(pictures), shape), layout)
    if isinstance(pictures, Iterable) and not isinstance(pictures, Mapping):
        return pictures
    raise UserError(f"a {type(pictures).__name__} is no picture; taken are {_taken(shape)}")


def byte_images(images: Any, channels: int) -> NDArray[np.uint8]:
    """Images (N, C, H, W) as bytes from 0 to 255, in memory of their own where they are not writable.

    Args:
        images: An array or tensor of such bytes, of other whole numbers from 0 to 255, or of floats from 0 to 1 or from
            0 to 255; all of them together tell which.
        channels: How many the network takes.

    Raises:
        UserError: for another shape, and for values of another range, as those of images that were normalised.
    """
    array = as_array(images)
    if array.ndim != 4 or array.shape[1] != channels:
        kind = "one grey channel" if channels == 1 else f"{channels} channels"
        raise UserError(f"images of shape {array.shape}: (N, {channels}, H, W) is needed, {kind}")
    return np.require(to_bytes(array), requirements=["C", "W"])


def to_bytes(array: NDArray[Any], is_16_bit_taken: bool = False) -> NDArray[np.uint8]:
    """Numbers of any type as bytes from 0 to 255; all of them together tell the range.

    Args:
        array: Bytes, other whole numbers from 0 to 255, booleans, or floats from 0 to 1 or from 0 to 255.
        is_16_bit_taken: Whether unsigned numbers of 16 bits may be grey values over all of their range.

    Raises:
        UserError: for anything else.
    """
    if array.dtype == np.uint8:
        return array
    if is_16_bit_taken and array.dtype == np.uint16 and array.size and array.max() > WHITE:
        return np.rint(array / 257).astype(np.uint8)
    return np.rint(array * _factor(array)).clip(0, WHITE).astype(np.uint8)


def _factor(array: NDArray[Any]) -> float:
    """What numbers of any type have to be multiplied by to run from 0 to 255."""
    if array.dtype == np.bool_:
        return float(WHITE)
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise UserError(f"images of the type {array.dtype}: numbers are needed")
    if not array.size:
        return 1.0
    lowest, highest = float(array.min()), float(array.max())
    if np.issubdtype(array.dtype, np.floating):
        return factor_to_bytes(lowest, highest) or 1.0
    if lowest < 0 or highest > WHITE:
        raise UserError(
            f"images with whole numbers from {lowest:.0f} to {highest:.0f}: pixels from 0 to {WHITE} are needed; "
            f"divide those of 16 bits by 257"
        )
    return 1.0


def _taken(shape: Shape) -> str:
    return TAKEN.format(pixels=math.prod(shape))


def _in_one_range(pictures: NDArray[Any] | list[Any], layout: Layout) -> Iterable[Any]:
    """Images of one array, all of them in the range that they have together where that matters."""
    if layout != "picture" or not isinstance(pictures, np.ndarray) or not np.issubdtype(pictures.dtype, np.number):
        return pictures
    return to_bytes(pictures, is_16_bit_taken=True)


def _rows_of_table(table: Any, shape: Shape) -> NDArray[Any]:
    """A data frame's rows, each the pixels of an image."""
    array = as_array(table.to_numpy())
    pixels = math.prod(shape)
    if array.ndim != 2 or array.shape[1] != pixels:
        raise UserError(
            f"a table of shape {array.shape}: {pixels} columns are needed, the pixels of {_by_size(shape)} row by row; "
            f"leave other columns, as the labels, out"
        )
    return _images_of_rows(array, shape)


def _images_of_rows(rows: NDArray[Any], shape: Shape) -> NDArray[Any]:
    return rows.reshape(-1, *(shape[1:] if shape[0] == 1 else shape))


def _by_size(shape: Shape) -> str:
    channels, height, width = shape
    return f"{height}x{width}" if channels == 1 else f"{channels}x{height}x{width}, channel by channel and"


def _pictures_of_array(array: NDArray[Any], shape: Shape) -> NDArray[Any] | list[Any]:
    """An array's pictures: an array of them, or a list of names of files."""
    if array.ndim == 1 and (array.dtype.kind in "US" or array.dtype == object):  # names of files, as in a column
        return [os.fsdecode(item) if array.dtype.kind == "S" else item for item in array.tolist()]
    if array.ndim == 2 and array.shape[1] == math.prod(shape):
        return _images_of_rows(array, shape)
    is_colour = array.ndim == 3 and array.shape[2] in (3, 4)
    is_one = is_colour or (array.ndim == 3 and (array.shape[0] == 1 or array.shape == shape))
    if array.ndim == 4 or (array.ndim == 3 and not is_one):
        return array
    if array.ndim in (2, 3) or (array.ndim == 1 and array.size == math.prod(shape)):
        return array[None]
    raise UserError(f"an array of shape {array.shape} is no picture; taken are {_taken(shape)}")
