"""Files of text, packed or not, as blocks of whole lines: however long the file, one block is in memory."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from mnist_cnn.console import printable
from mnist_cnn.errors import UserError

BLOCK_BYTES = 4 << 20
LONGEST_LINE = 64 << 20  # bytes: an image of 1024x1024 in colour, with twenty characters for each number
# Packed by more than this, a file is no table of images. Only large ones are refused: a few black images pack well too.
BEST_PACKED, LARGE = 200, 1 << 30
GZIP_MARK, UTF8_MARK = b"\x1f\x8b", b"\xef\xbb\xbf"
LOOKED_AT = 100  # bytes, one of which is NUL in nearly all files that are no text
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Lines(NamedTuple):
    """Whole lines of a file.

    Attributes:
        first: Number of the first one in the file, from 1.
        text: The lines; each ends with a newline character, whatever it ends with in the file.
    """

    first: int
    text: bytes


def blocks_of_lines(path: Path, size: int | None = None) -> Iterator[Lines]:
    """All lines of a file, packed with gzip or not.

    Args:
        path: The file.
        size: Bytes that are read at once; by default `BLOCK_BYTES`.

    Raises:
        UserError: for a file that is no text, is damaged, or has a line that is longer than any image's.
    """
    first, rest, length = 1, list[bytes](), 0  # what begins a line whose end is not read yet
    try:
        for chunk in _chunks(path, size or BLOCK_BYTES):
            whole, newline, end = chunk.rpartition(b"\n")
            if newline:
                text = b"".join([*rest, whole, newline])
                yield Lines(first, text)
                first += text.count(b"\n")
                rest, length = [], 0
            rest.append(end)
            length += len(end)
            if length > LONGEST_LINE:
                raise UserError(
                    f"{printable(path)}, row {first} is longer than {LONGEST_LINE >> 20} MB, which no image needs; is "
                    f"it a table with a row for each image?"
                )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{printable(path)} is damaged, or cut off, after row {first - 1} ({error})") from error
    if length:
        yield Lines(first, b"".join([*rest, b"\n"]))


def as_text(line: bytes) -> str:
    """A line, or a part of one, in UTF-8, or where it is not, in the letters of Western Europe."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """What a file holds, with newline characters for all ends of lines."""
    unpacked, on_disk = 0, path.stat().st_size
    with _unpacked(path) as stream:
        while chunk := stream.read(size):
            while chunk.endswith(b"\r") and (more := stream.read(1)):
                chunk += more
            if not unpacked:
                _check_is_text(path, chunk)
                chunk = chunk.removeprefix(UTF8_MARK)
            unpacked += len(chunk)
            if unpacked > max(LARGE, on_disk * BEST_PACKED):
                raise UserError(
                    f"{printable(path)}: {on_disk} packed bytes become more than {unpacked >> 20} MB; if that is "
                    f"meant, unpack it first"
                )
            yield chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP_MARK
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield unpacked  # type: ignore[misc]


def _check_is_text(path: Path, beginning: bytes) -> None:
    """Refuse what is no text of single bytes."""
    if beginning.startswith(UTF16_MARKS):
        raise UserError(f"{printable(path)} is text in UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)")
    if b"\0" in beginning[:LOOKED_AT]:
        raise UserError(f"{printable(path)} is no table of text, whatever it is called: it holds NUL bytes")
