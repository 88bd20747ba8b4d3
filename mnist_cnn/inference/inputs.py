"""What may be given to a classifier in Python: one picture or many, as files, images, arrays or tables."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.errors import UserError
from mnist_cnn.inference.grey import SIDE, as_array, is_file
from mnist_cnn.pixels import WHITE, factor_to_bytes

ROW = SIDE**2
TAKEN = (
    f"a path, a file's bytes, an open file, a Pillow image, an array or tensor (H, W) or (H, W, channels), or many: a "
    f"list of these, an array (N, H, W), (N, 1, H, W), (N, H, W, channels), or rows of {ROW} pixels (N, {ROW}) as an "
    f"array or a table"
)


def each_picture(pictures: Any) -> Iterable[Any]:
    """The single pictures of what may be one or many; see `Classifier.predict`.

    Raises:
        UserError: for what is no picture and no collection of them.
    """
    if is_file(pictures) or isinstance(pictures, Image.Image):
        return [pictures]
    if hasattr(pictures, "to_numpy") and hasattr(pictures, "columns"):
        return _rows_of_table(pictures)
    if hasattr(pictures, "__array__"):
        return _pictures_of_array(as_array(pictures))
    if isinstance(pictures, Iterable) and not isinstance(pictures, Mapping):
        return pictures
    raise UserError(f"a {type(pictures).__name__} is no picture; taken are {TAKEN}")


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
    if array.dtype == np.uint8:
        return np.require(array, requirements=["C", "W"])
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


def _rows_of_table(table: Any) -> Iterable[Any]:
    """A data frame's rows, each the pixels of an image."""
    array = as_array(table.to_numpy())
    if array.ndim != 2 or array.shape[1] != ROW:
        raise UserError(
            f"a table of shape {array.shape}: {ROW} columns are needed, the pixels of {SIDE}x{SIDE} row by row; leave "
            f"other columns, as the labels, out"
        )
    return _pictures_of_array(array)


def _pictures_of_array(array: NDArray[Any]) -> Iterable[Any]:
    if array.ndim == 1 and (array.dtype.kind in "US" or array.dtype == object):  # names of files, as in a column
        return [os.fsdecode(item) if array.dtype.kind == "S" else item for item in array.tolist()]
    if array.ndim == 2 and array.shape[1] == ROW:
        return list(array.reshape(-1, SIDE, SIDE))
    is_colour = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.ndim == 4 or (array.ndim == 3 and not is_colour and array.shape[0] != 1):
        return list(array)
    if array.ndim in (2, 3) or (array.ndim == 1 and array.size == ROW):
        return [array]
    raise UserError(f"an array of shape {array.shape} is no picture; taken are {TAKEN}")
