"""How images lie in an array: which dimension counts them, where their channels are, and what white is."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.decoding import LARGEST_PIXELS
from mnist_cnn.data.own.stored import Stored
from mnist_cnn.errors import UserError
from mnist_cnn.pixels import WHITE, factor_to_bytes

CHANNELS = (1, 3, 4)  # grey, colour, colour with opacity
WHITE_OF_16_BITS = 65535
DARK = 0.25  # of the range of 16 bits; images that stay below it look black
TAKEN = "(N, H, W), (N, H, W, C), (N, C, H, W), rows of square images (N, H*W), or (H, W, C, N)"


class Layout(NamedTuple):
    """How images lie in an array.

    Attributes:
        axis: The dimension that counts them; None for a single image.
        order: Where height, width and, if there are any, channels are in one image, after `split` was applied.
        split: The shape that one image is given first, where it is a row; else None.
        height: Pixels.
        width: Pixels.
        channels: 1, 3 or 4.
        spoken: How it is said to people: "(N, H, W, C)".
        doubt: The other way to see it, where there is one.
    """

    axis: int | None
    order: tuple[int, ...]
    split: tuple[int, ...] | None
    height: int
    width: int
    channels: int
    spoken: str
    doubt: str = ""

    def images(self, array: Stored) -> Iterator[NDArray[Any]]:
        """The images of an array block by block (n, H, W, C), of its own type."""
        if self.axis is None:
            yield self._brought(array.whole()[None])
            return
        yield from map(self._brought, array.blocks(self.axis))

    def count(self, array: Stored) -> int:
        """Number of images."""
        return 1 if self.axis is None else array.shape[self.axis]

    def _brought(self, block: NDArray[Any]) -> NDArray[Any]:
        if self.split is not None:
            block = block.reshape(len(block), *self.split)
        block = block.transpose(0, *(1 + place for place in self.order))
        return block[..., None] if block.ndim == 3 else block


def layout_of(array: Stored, count: int | None) -> Layout:
    """Tell how images lie in an array.

    Args:
        array: The array.
        count: Number of its labels; None if there are none.

    Raises:
        UserError: if it holds no images of 1, 3 or 4 channels, or not as many as labels.
    """
    shape = array.shape
    if 0 in shape:
        raise UserError(f"{array.where} of shape {shape} holds no images")
    layout = _layout(shape, count)
    if layout is None:
        raise UserError(f"{array.where} of shape {shape} holds no images; taken are {TAKEN}, with {_channels()}")
    if count is not None and layout.count(array) != count:
        raise UserError(
            f"{array.where} of shape {shape} holds {layout.count(array):,} images as {layout.spoken}, and there are "
            f"{count:,} labels: they do not belong together"
        )
    if array.is_sideways and layout.spoken == "(N, H, W)":
        layout = layout._replace(order=(1, 0), height=layout.width, width=layout.height)
    if layout.height * layout.width > LARGEST_PIXELS:
        raise UserError(f"{array.where}: images of {layout.height}x{layout.width} pixels are too large; reduce them")
    return layout


def _channels() -> str:
    return "1 (grey), 3 (red, green, blue) or 4 channels (with opacity)"


def _layout(shape: tuple[int, ...], count: int | None) -> Layout | None:
    if len(shape) == 2:
        return _of_rows(shape, count)
    if len(shape) == 3:
        return _of_three(shape, count)
    return _of_four(shape, count) if len(shape) == 4 else None


def _of_rows(shape: tuple[int, ...], count: int | None) -> Layout | None:
    """Rows of pixels (N, H*W) or, without labels, a picture."""
    axis = 1 if count is not None and shape[0] != count == shape[1] else 0
    if count is None and shape[0] == shape[1]:
        return Layout(None, (0, 1), None, shape[0], shape[1], 1, "(H, W), a single image")
    spoken = "(N, H*W)" if axis == 0 else "(H*W, N)"
    pixels = shape[1 - axis]
    if side := _root(pixels):
        return Layout(axis, (0, 1), (side, side), side, side, 1, spoken)
    if pixels % 3 == 0 and (side := _root(pixels // 3)):
        spoken = spoken.replace("H*W", "3*H*W")
        return Layout(axis, (1, 2, 0), (3, side, side), side, side, 3, spoken, "(N, H*W*3)")
    if count is None:
        return Layout(None, (0, 1), None, shape[0], shape[1], 1, "(H, W), a single image")
    return None


def _of_three(shape: tuple[int, ...], count: int | None) -> Layout | None:
    """Grey images (N, H, W) or (H, W, N), rows of pixels with a third dimension, or, without labels, a picture."""
    could_be_rows = shape[2] == 1 and shape[0] != shape[1] and _root(shape[1])
    if count is None and shape[2] in CHANNELS and min(shape[:2]) > 4 and not could_be_rows:
        return Layout(None, (0, 1, 2), None, shape[0], shape[1], shape[2], "(H, W, C), a single image", "(N, H, W)")
    is_last = shape[0] != count == shape[2] if count is not None else shape[0] == shape[1] < shape[2] // 4
    if is_last:
        return Layout(2, (0, 1), None, shape[0], shape[1], 1, "(H, W, N)", "" if count is not None else "(N, H, W)")
    if shape[1] in CHANNELS and (side := _root(shape[2])) > 4:
        return Layout(0, (1, 2, 0), (shape[1], side, side), side, side, shape[1], "(N, C, H*W)", "(N, H, W)")
    if shape[2] in CHANNELS and (side := _root(shape[1])) > 4:
        return Layout(0, (0, 1, 2), (side, side, shape[2]), side, side, shape[2], "(N, H*W, C)", "(N, H, W)")
    doubt = "(H, W, N)" if count is not None and shape[0] == shape[2] else ""
    return Layout(0, (0, 1), None, shape[1], shape[2], 1, "(N, H, W)", doubt)


def _of_four(shape: tuple[int, ...], count: int | None) -> Layout | None:
    """Images with channels, counted by the first dimension or by the last."""
    is_last = shape[0] != count == shape[3] if count is not None else _looks_counted_by_last(shape)
    one = shape[:3] if is_last else shape[1:]
    doubt = "(H, W, C, N)" if count is not None and shape[0] == shape[3] == count else ""
    ways = [("H, W, C", one[0], one[1], one[2], (0, 1, 2)), ("C, H, W", one[1], one[2], one[0], (1, 2, 0))]
    ways = [way for way in ways if way[3] in CHANNELS]
    if not ways:
        return None
    ways.sort(key=lambda way: way[1] != way[2])  # images are square more often than not
    spoken = [f"({way[0]}, N)" if is_last else f"(N, {way[0]})" for way in ways]
    _, height, width, channels, order = ways[0]
    doubt = doubt or (spoken[1] if len(ways) > 1 else "")
    return Layout(3 if is_last else 0, order, None, height, width, channels, spoken[0], doubt)


def _looks_counted_by_last(shape: tuple[int, ...]) -> bool:
    """Whether an array without labels looks like (H, W, C, N) or (C, H, W, N)."""
    has_first = shape[1] in CHANNELS or shape[3] in CHANNELS
    return not has_first and (shape[2] in CHANNELS or shape[0] in CHANNELS)


def _root(number: int) -> int:
    """The whole square root, or 0."""
    root = math.isqrt(number)
    return root if root * root == number else 0


class Range(NamedTuple):
    """What numbers are as bytes.

    Attributes:
        factor: What they are multiplied by to run from 0 to 255.
        note: What a person should know of it; empty if there is nothing.
    """

    factor: float
    note: str = ""


def range_of(arrays: list[Stored]) -> Range:
    """Tell what white is in images that belong together; those of other types than bytes are gone through for it.

    Raises:
        UserError: for types that are no numbers, and for values of no range that is known.
    """
    for array in arrays:
        if array.dtype.kind not in "buif":
            raise UserError(f"{array.where} holds values of the type {array.dtype}: images are numbers")
    if all(array.dtype == np.uint8 for array in arrays):
        return Range(1.0)
    if all(array.dtype == np.bool_ for array in arrays):
        return Range(float(WHITE))
    limits = [_limits(array) for array in arrays]
    lowest, highest = min(low for low, _ in limits), max(high for _, high in limits)
    where = arrays[0].where
    if any(array.dtype.kind == "f" for array in arrays):
        try:
            factor = factor_to_bytes(lowest, highest) or 1.0
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        return Range(factor, f"its values from {lowest:.4g} to {highest:.4g} are taken as black to white")
    if lowest >= 0 and highest <= WHITE:
        return Range(1.0)
    if lowest >= 0 and highest <= WHITE_OF_16_BITS and all(array.dtype.kind == "u" for array in arrays):
        dark = f"; its brightest is {highest:.0f}, which is dark" if highest < DARK * WHITE_OF_16_BITS else ""
        return Range(WHITE / WHITE_OF_16_BITS, f"its values of 16 bits are taken as 0 (black) to 65535 (white){dark}")
    raise UserError(
        f"{where} holds whole numbers from {lowest:.0f} to {highest:.0f}: pixels from 0 to {WHITE} are needed, or of "
        f"16 bits as uint16; scale them first"
    )


def _limits(array: Stored) -> tuple[float, float]:
    """The smallest and the largest finite number."""
    low, high = math.inf, -math.inf
    for block in array.blocks(_slowest(array)):
        values = block[np.isfinite(block)] if array.dtype.kind == "f" else block
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _slowest(array: Stored) -> int:
    return len(array.shape) - 1 if array.is_fortran else 0


def to_bytes(block: NDArray[Any], factor: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Images (n, H, W, C) of any type as bytes, and which of them hold nothing but numbers (n,)."""
    if block.dtype == np.uint8:
        return np.ascontiguousarray(block), np.ones(len(block), bool)
    if block.dtype.kind != "f" and factor == 1:
        return block.astype(np.uint8), np.ones(len(block), bool)
    is_whole = np.isfinite(block).all(axis=(1, 2, 3)) if block.dtype.kind == "f" else np.ones(len(block), bool)
    kind = np.float64 if block.dtype.itemsize > 4 else np.float32
    scaled = np.rint(block.astype(kind) * kind(factor))
    return np.nan_to_num(scaled).clip(0, WHITE).astype(np.uint8), is_whole
