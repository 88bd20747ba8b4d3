"""From any picture to grey values from 0 (black) to 1 (white), in memory that does not grow with the picture twice.

A decoded picture of 50 megapixels takes 200 MB. All arithmetic on it runs over strips of rows, so that it takes little
more than that, whatever the picture's mode.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.decoding import LARGEST_PIXELS, UnreadablePictureError, decode
from mnist_cnn.data.transparency import STRIP_PIXELS, opaque_parts, parts

Grey = NDArray[np.float64]  # (H, W), from 0 to 1

SIDE = 28  # of the network's images


def read_grey(picture: Any, largest_side: int | None = None) -> Grey:
    """Read a picture of any kind as grey values (H, W) from 0 (black) to 1 (white).

    Args:
        picture: See `pictures.to_network_input`.
        largest_side: Larger pictures are reduced to it, averaging over pixels; None leaves all as they are.

    Raises:
        UnreadablePictureError: if that cannot be done.
    """
    if is_file(picture) or isinstance(picture, Image.Image):
        image = decode(picture)
        return _assembled(_grey_strips(image), image.size, largest_side)
    return _grey_of_array(as_array(picture), largest_side)


def is_file(picture: Any) -> bool:
    """Whether it is a file by its path, its content as bytes, or an open one."""
    return isinstance(picture, str | bytes | bytearray | memoryview) or any(
        hasattr(picture, name) for name in ("__fspath__", "read")
    )


def as_array(value: Any) -> NDArray[Any]:
    """An array, a tensor on any device, or nested lists of numbers as an array.

    Raises:
        UnreadablePictureError: if it is none of them.
    """
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype):  # which NumPy lacks
                value = value.float()
        return np.asarray(value)
    except Exception as error:  # of any class's __array__
        kind = type(value).__name__
        raise UnreadablePictureError(
            f"a {kind} is no picture: a path, bytes, a Pillow image or numbers needed"
        ) from error


def resized(values: Grey, size: tuple[int, int]) -> Grey:
    """Resize to (width, height); in reducing every pixel counts, so that thin strokes do not vanish."""
    return _resized(Image.fromarray(values.astype(np.float32)), size)


def _resized(image: Image.Image, size: tuple[int, int]) -> Grey:
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)


def _assembled(strips: Iterator[Grey], size: tuple[int, int], largest_side: int | None) -> Grey:
    """Put strips of grey values together, reduced if they are larger than is asked for."""
    width, height = size
    scale = largest_side / max(size) if largest_side else 1
    if scale >= 1:
        return np.concatenate(list(strips))
    canvas, top = Image.new("F", size), 0
    for strip in strips:
        canvas.paste(Image.fromarray(strip.astype(np.float32)), (0, top))
        top += len(strip)
    return _resized(canvas, (max(round(width * scale), 1), max(round(height * scale), 1)))


def _grey_strips(image: Image.Image) -> Iterator[Grey]:
    """Grey values of an image of the modes that `decode` gives, strip by strip."""
    if image.mode in ("I", "F"):
        low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
        offset, span = _range_of(low, high, has_16_bits=image.mode == "I" and low >= 0 and 255 < high <= 65535)
        for strip in _strips(image):
            yield _scaled(strip, offset, span)
    elif image.mode == "RGBA":
        yield from map(_of_bytes, opaque_parts(image))
    else:
        for part in parts(image):
            yield _of_bytes(part)


def _of_bytes(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L"), dtype=np.float64) / 255


def _strips(values: Any) -> Iterator[NDArray[Any]]:
    """Rows of an image or an array, about a million pixels at a time."""
    if isinstance(values, Image.Image):
        yield from map(np.asarray, parts(values))
        return
    rows = max(STRIP_PIXELS // max(values.shape[1], 1), 1)
    for top in range(0, len(values), rows):
        yield values[top : top + rows]


def _grey_of_array(values: NDArray[Any], largest_side: int | None) -> Grey:
    if values.ndim == 1 and values.size == SIDE**2:
        values = values.reshape(SIDE, SIDE)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    is_colour = values.ndim == 3 and values.shape[2] in (3, 4)
    if (values.ndim != 2 and not is_colour) or values.size == 0:
        raise UnreadablePictureError(
            f"an array of shape {values.shape} is no picture: (H, W), (H, W, 1, 3 or 4), (1, H, W) or a row of "
            f"{SIDE**2} pixels is needed"
        )
    if values.shape[0] * values.shape[1] > LARGEST_PIXELS:
        million = LARGEST_PIXELS // 1_000_000
        raise UnreadablePictureError(f"an array of shape {values.shape} has more than {million} megapixels")
    offset, span = _range_of_array(values)
    scaled = (_scaled(strip, offset, span) for strip in _strips(values))
    if not is_colour:
        return _assembled(scaled, (values.shape[1], values.shape[0]), largest_side)
    as_bytes = np.concatenate([np.rint(255 * strip).astype(np.uint8) for strip in scaled])
    image = decode(Image.fromarray(as_bytes))
    return _assembled(_grey_strips(image), image.size, largest_side)


def _range_of_array(values: NDArray[Any]) -> tuple[float, float]:
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_) or np.iscomplexobj(values):
        raise UnreadablePictureError(f"an array of {values.dtype} is no picture: numbers are needed")
    low, high = float(values.min()), float(values.max())
    return _range_of(low, high, has_16_bits=values.dtype == np.uint16 and high > 255)


def _range_of(low: float, high: float, has_16_bits: bool) -> tuple[float, float]:
    """What to take off numbers of any type, and to divide them by, to have them run from 0 to 1."""
    if not np.isfinite(high - low):
        raise UnreadablePictureError("the picture holds values that are infinite or no numbers")
    if has_16_bits:
        return 0.0, 65535.0
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0  # floats from 0 to 1 or a mask, or else bytes
    return low, (high - low) or 1.0


def _scaled(values: NDArray[Any], offset: float, span: float) -> Grey:
    scaled = (values.astype(np.float64) - offset) / span
    if not np.isfinite(scaled).all():
        raise UnreadablePictureError("the picture holds values that are infinite or no numbers")
    return scaled
