"""From a file, bytes or a Pillow image to an upright Pillow image in one of four plain modes.

Everything that decoders do with data from elsewhere happens here: which formats they are given, how large a picture may
be, and what becomes of the many kinds of exceptions that damaged data raise in them.
"""

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from mnist_cnn.console import printable
from mnist_cnn.data.modes import in_plain_mode, is_grey
from mnist_cnn.data.silencing import is_loud, libtiff_silenced, undisturbed
from mnist_cnn.errors import UserError

# Formats of pixels that Pillow decodes by itself. Not in the list: what runs a program or lets a file name another
# format (EPS, IPTC), drawings (WMF), and what is decoded by Python, pixel by pixel (QOI), or was never a photograph's.
FORMATS = ("JPEG", "PNG", "AVIF", "BMP", "DIB", "GIF", "JPEG2000", "PCX", "PPM", "SGI", "TGA", "TIFF", "WEBP")
FAMILIAR_FORMATS = "JPEG, PNG, TIFF, WebP, AVIF, GIF, BMP, JPEG 2000, PPM, TGA, PCX, SGI"
LARGEST_PIXELS = 50_000_000
LARGEST_STREAM = 300_000_000  # bytes of what is read into memory: about what 50 megapixels take uncompressed
LARGEST_WHOLE_JPEG2000 = 12_000_000  # pixels; OpenJPEG takes 20 bytes and half a microsecond for each
# Decoders that are written in Python, and the most values that are left to them: a microsecond or more for each.
SLOW_DECODERS = ("ppm", "ppm_plain", "bmp_rle")
MOST_SLOW_VALUES = 3_000_000
MOST_SCANS = 64  # of a JPEG, each of which goes through the whole picture; progressive ones have about ten
SHORTEST_SCAN = 10  # bytes
MOST_SCANNED_PIXELS = 10_000_000  # in all scans together; a tenth of a second or two
LONGEST_REASON = 100  # characters of a decoder's own words

# Not the bytes that stand for themselves in a scan, and not the marks at which decoding can begin again.
JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9

# By EXIF's orientation: what brings a picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)


class UnreadablePictureError(UserError):
    """A file that is no picture, or is damaged, too large, or not to be read."""


@cache
def known_formats() -> tuple[str, ...]:
    """Those of `FORMATS` that the installed Pillow decodes."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


class Outline(NamedTuple):
    """What a picture's header says.

    Attributes:
        height: Its height as it stands upright.
        width: Its width as it stands upright.
        is_grey: Whether it holds grey values alone, of any depth, or a palette of them.
        is_loud: Whether decoding it sends the whole process's standard error nowhere for as long.
    """

    height: int
    width: int
    is_grey: bool
    is_loud: bool


def outline(picture: Any) -> Outline:
    """Look at a picture's header; no pixel is decoded.

    Args:
        picture: See `decode`.

    Raises:
        UnreadablePictureError: if it is no picture or is not to be read, with its name and the reason.
    """
    name = name_of(picture)
    with _in_one_line(name), undisturbed, _opened(picture, name, is_decoded=False) as image:
        width, height = image.size
        # Pillow gives a TIFF's size as it is going to be turned.
        if image.format != "TIFF" and _orientation(image, is_decoded=False) in SIDEWAYS:
            width, height = height, width
        return Outline(height, width, is_grey(image), is_loud(image))


def decode(picture: Any, in_colour: bool = False) -> Image.Image:
    """Decode a picture: the first one of a file that holds several.

    Args:
        picture: A path, a file's content as bytes, an open binary file, or a Pillow image, which stays as it is.
        in_colour: Whether colours are kept; they become grey values otherwise.

    Returns:
        An image that is upright by its EXIF orientation, of the mode "L", "RGBA" where there is transparency, or "I" or
        "F" where the grey values have more than 8 bits; of the mode "RGB" where colours are kept and it has any.

    Raises:
        UnreadablePictureError: if that cannot be done, with the picture's name and the reason.
    """
    name = name_of(picture)
    with _in_one_line(name), undisturbed, _opened(picture, name) as image:
        _check_size(image.size, name)
        with libtiff_silenced(image):
            image.load()
        _check_size(image.size, name)  # some formats say it first when they are decoded
        return in_plain_mode(_upright(image), in_colour)


@contextmanager
def _in_one_line(name: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # damaged data raise nearly every kind in decoders
        raise UnreadablePictureError(f"{name}: {_reason(error)}") from error


@contextmanager
def _opened(picture: Any, name: str, is_decoded: bool = True) -> Iterator[Image.Image]:
    """Look at a file's beginning. Formats that are not in the list are no pictures, whatever the file is called."""
    if isinstance(picture, Image.Image):
        yield picture
        return
    with _as_stream(picture, name) as stream:
        image = Image.open(stream, formats=known_formats())
        _check_size(image.size, name)
        if is_decoded:
            _check_effort(image, stream, name)
            _reduce_while_decoding(image)
        yield image


@contextmanager
def _as_stream(picture: Any, name: str) -> Iterator[Any]:
    """A picture's bytes, as a file in which one can go back."""
    if isinstance(picture, str | os.PathLike):
        path = Path(picture)
        if str(picture).startswith(("http://", "https://", "ftp://")):
            raise UnreadablePictureError(f"{name}: an address is not fetched; download the picture and name its file")
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise UnreadablePictureError(f"{name}: {kind_of_file(path)}, no file")
        with path.open("rb") as file:
            yield file
    elif isinstance(picture, bytes | bytearray | memoryview):
        yield io.BytesIO(picture)
    else:
        yield _seekable(picture, name)


def _seekable(file: Any, name: str) -> Any:
    """The open file itself if one can go back in it, or else what is left of it, read into memory."""
    if getattr(file, "seekable", lambda: False)() and not isinstance(file, io.TextIOBase):
        return file
    return io.BytesIO(read_stream(getattr(file, "buffer", file), name))


def read_stream(file: Any, name: str) -> bytes:
    """Read a binary stream to its end.

    Raises:
        UnreadablePictureError: if it does not end soon enough, or gives no bytes.
    """
    content = file.read(LARGEST_STREAM + 1)
    if not isinstance(content, bytes):
        raise UnreadablePictureError(f"{name}: it gives text; open it in binary mode, as open(path, 'rb')")
    if len(content) > LARGEST_STREAM:
        raise UnreadablePictureError(f"{name}: more than {LARGEST_STREAM // 1_000_000} MB are no picture")
    return content


def kind_of_file(path: Path) -> str:
    """What something is that is neither a file nor a folder."""
    mode = path.stat().st_mode
    kinds = {
        "a pipe": stat.S_ISFIFO,
        "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
        "a socket": stat.S_ISSOCK,
    }
    return next((kind for kind, matches in kinds.items() if matches(mode)), "something else")


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > LARGEST_PIXELS:
        million = LARGEST_PIXELS // 1_000_000
        raise UnreadablePictureError(
            f"{name}: {width}x{height} pixels are more than {million} megapixels; reduce it first"
        )


def _check_effort(image: Image.Image, stream: Any, name: str) -> None:
    """Refuse what small files can have decoders do for minutes."""
    decoders = {str(tile[0]) for tile in getattr(image, "tile", None) or []}
    values = image.width * image.height * len(image.getbands())
    if decoders & set(SLOW_DECODERS) and values > MOST_SLOW_VALUES:
        raise UnreadablePictureError(f"{name}: a {image.format} of this kind and size takes too long; save it as PNG")
    if image.format in ("JPEG", "MPO"):
        position = stream.tell()
        stream.seek(0)
        content = stream.read(LARGEST_STREAM)
        stream.seek(position)
        scans = 0
        if len(content) // SHORTEST_SCAN * image.width * image.height > MOST_SCANNED_PIXELS:
            scans = _count_scans(content)
        if scans > MOST_SCANS:
            raise UnreadablePictureError(f"{name}: damaged ({scans} scans where a JPEG has about ten)")


def _count_scans(content: bytes) -> int:
    """How many times a JPEG file goes through its picture, up to its end; what follows is none of it."""
    position, scans = 2, 0
    while marker := JPEG_MARKER.search(content, position):
        kind = marker[0][1]
        if kind == END_OF_IMAGE:
            break
        scans += kind == START_OF_SCAN
        position = marker.end() + max(int.from_bytes(content[marker.end() : marker.end() + 2], "big"), 2)
    return scans


def _reduce_while_decoding(image: Image.Image) -> None:
    """Have a large JPEG 2000 decoded at a half or a quarter of its size, as its format allows."""
    pixels, halvings = min(image.width * image.height, LARGEST_PIXELS), 0
    while pixels >> 2 * halvings > LARGEST_WHOLE_JPEG2000:
        halvings += 1
    if image.format == "JPEG2000" and halvings:
        image.reduce = halvings  # type: ignore[method-assign, assignment]


def _upright(image: Image.Image) -> Image.Image:
    method = UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _orientation(image: Image.Image, is_decoded: bool = True) -> int:
    """How the picture lies, as EXIF says; where it cannot be read, the picture is taken as it lies."""
    try:
        # Pillow decodes a whole PNG in search of EXIF data behind its pixels, unless its own method is passed by.
        exif = image.getexif() if is_decoded or image.format != "PNG" else Image.Image.getexif(image)
        orientation = exif.get(ORIENTATION)
    except Exception:  # of damaged EXIF data, beside pixels that are whole
        return 1
    return orientation if isinstance(orientation, int) else 1


def name_of(picture: Any) -> str:
    """What a picture is called in messages, safe to be printed."""
    if isinstance(picture, str | os.PathLike):
        return printable(os.fspath(picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        return f"{len(picture)} bytes"
    name = getattr(picture, "filename" if isinstance(picture, Image.Image) else "name", None)
    return printable(name) if isinstance(name, str) and name else "the picture"


def _reason(error: Exception) -> str:
    """What is wrong with a picture, in a few words."""
    words = printable(" ".join(str(error).split()))[:LONGEST_REASON] or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        return f"no picture in a format that is read ({FAMILIAR_FORMATS}); save it as JPEG or PNG"
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return f"too large to be opened safely ({words})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"damaged ({words})"
