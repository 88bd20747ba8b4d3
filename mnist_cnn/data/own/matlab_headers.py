"""What variables in a MATLAB file of format 5 promise, before SciPy takes memory for it.

SciPy makes room for as many cells, structures and letters as a header says, whatever follows.
"""

import math
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from mnist_cnn.data.own.stored import BLOCK_BYTES
from mnist_cnn.errors import UserError

HEADER_BYTES = 128
MATRIX, COMPRESSED = 14, 15  # types of elements
CELL, STRUCTURE, OBJECT, TEXT = 1, 2, 3, 4  # classes of matrices
LEAST_CELL = 8  # bytes, of a tag
MOST_DIMENSIONS = 32
DEEPEST = 20


class _Unpacked:
    """The bytes of a packed variable, one after the other."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length
        self._unpacker = zlib.decompressobj()

    def read(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        content = bytearray()
        while len(content) < count:
            packed = self._unpacker.unconsumed_tail
            if not packed:
                packed = self._file.read(min(1 << 16, self._left))
                self._left -= len(packed)
            if not (more := self._unpacker.decompress(packed, count - len(content))) and not packed:
                break
            content += more
        return bytes(content)


def check_promises(path: Path, where: str, order: str, most: int) -> None:
    """Go through all variables.

    Args:
        path: The file.
        where: What to call it in messages.
        order: Its byte order, "<" or ">".
        most: Bytes that all of them may take unpacked.

    Raises:
        UserError: if a variable promises more than follows, or all of them take more.
    """
    total = 0
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while len(tag := file.read(8)) == 8:
            kind, length = (int(number) for number in np.frombuffer(tag, f"{order}u4"))
            end = file.tell() + length
            stream: IO[bytes] | _Unpacked = file
            if kind == COMPRESSED:
                stream = _Unpacked(file, length)
                kind, length = _tag(stream, order)[:2]
            total += length
            if total > most:
                raise UserError(
                    f"{where}: its {path.stat().st_size} bytes become more than {most / 1e9:.0f} GB, and would be in "
                    f"memory whole; save the images as .npz or .npy"
                )
            if kind == MATRIX:
                _check_matrix(stream, length, order, where, 0)
            file.seek(end)


def _tag(stream: IO[bytes] | _Unpacked, order: str) -> tuple[int, int, bytes]:
    """Type, length and, of a small element, content."""
    content = stream.read(8)
    if len(content) < 8:
        raise EOFError
    kind, length = (int(number) for number in np.frombuffer(content, f"{order}u4"))
    if kind >> 16:
        return kind & 0xFFFF, 0, content[4 : 4 + (kind >> 16)]
    return kind, length, b""


def _check_matrix(stream: IO[bytes] | _Unpacked, length: int, order: str, where: str, depth: int) -> None:
    """Go through one matrix and those in it."""
    if length < 24 or depth > DEEPEST:
        _skip(stream, length)
        return
    head = stream.read(16)
    if len(head) < 16:
        raise EOFError
    which = int(np.frombuffer(head, f"{order}u4")[2]) & 0xFF
    _, size, content = _tag(stream, order)
    padded = -(-size // 8) * 8
    if size > 4 * MOST_DIMENSIONS:
        raise UserError(f"{where} is damaged: a variable has {size // 4} dimensions")
    content = content or stream.read(padded)[:size]
    shape = [int(number) for number in np.frombuffer(content[: len(content) // 4 * 4], f"{order}u4")]
    least = {TEXT: 1, CELL: LEAST_CELL, STRUCTURE: LEAST_CELL, OBJECT: LEAST_CELL}.get(which, 0)
    if math.prod(shape) * least > length:
        raise UserError(f"{where} is damaged: a variable promises {'x'.join(map(str, shape))} parts in {length} bytes")
    left = length - 24 - (padded if size else 0)
    while left >= 8:
        kind, size, small = _tag(stream, order)
        left -= 8
        if small:
            continue
        if size > left:
            raise UserError(f"{where} is damaged: {size} bytes are promised where {left} are left")
        size = min(-(-size // 8) * 8, left)
        if kind == MATRIX:
            _check_matrix(stream, size, order, where, depth + 1)
        else:
            _skip(stream, size)
        left -= size
    _skip(stream, max(left, 0))


def _skip(stream: IO[bytes] | _Unpacked, count: int) -> None:
    while count > 0 and (content := stream.read(min(count, BLOCK_BYTES))):
        count -= len(content)
