"""The IDX format of MNIST's makers: arrays of bytes or 32-bit integers, packed with gzip or not.

A file's header says how much it holds, and no more than that is ever read of it: a file from elsewhere may be packed so
that a megabyte becomes gigabytes.
"""

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import DatasetAlteredError

if TYPE_CHECKING:
    from torch import Tensor

TYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}
MOST_DIMENSIONS = 4
BEST_PACKED = 1032  # gzip makes no more than so many bytes of one
BLOCK_BYTES = 1 << 20
REPAIR = "delete it, so that it is downloaded again, or replace it"


class IDXFile:
    """An open file, whose header has been read; see `open_idx`.

    Attributes:
        path: Its path.
        dtype: Type of its numbers.
        shape: Sizes of its dimensions.
    """

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self._stream = path, stream
        # Two zero bytes, the element type, the number of dimensions; then each dimension as a big-endian integer.
        start = stream.read(4)
        if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES:
            raise DatasetAlteredError(f"{path} is no IDX file of bytes or integers; {REPAIR}")
        self.dtype, dimensions = TYPES[start[2]], start[3]
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise DatasetAlteredError(
                f"{path} says that it has {dimensions} dimensions, but data sets have 1 to {MOST_DIMENSIONS}; {REPAIR}"
            )
        sizes = stream.read(4 * dimensions)
        if len(sizes) < 4 * dimensions:
            raise DatasetAlteredError(f"{path} is truncated: it ends within its header; {REPAIR}")
        self.shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
        promised = len(start) + len(sizes) + self._size()
        on_disk = path.stat().st_size
        # Before any memory is taken for it.
        is_packed = path.suffix == ".gz"
        if promised > on_disk * (BEST_PACKED if is_packed else 1):
            found = f"{on_disk} packed bytes" if is_packed else f"{on_disk}"
            raise DatasetAlteredError(f"{path} is truncated: {promised} bytes expected, {found} found; {REPAIR}")

    def read(self) -> "Tensor":
        """All that the header promises, once it is known that the file holds just that.

        Raises:
            DatasetAlteredError: if it holds less or more.
        """
        import torch

        content, expected = bytearray(), self._size()
        while len(content) < expected and (block := self._stream.read(min(BLOCK_BYTES, expected - len(content)))):
            content += block
        if len(content) < expected:
            raise DatasetAlteredError(
                f"{self.path} is truncated: {expected} bytes expected behind its header, {len(content)} found; {REPAIR}"
            )
        if self._stream.read(1):  # which compares gzip's checksum too
            raise DatasetAlteredError(
                f"{self.path} goes on behind the {expected} bytes that its header promises; {REPAIR}"
            )
        array = np.frombuffer(content, self.dtype).reshape(self.shape)
        return torch.from_numpy(array.astype(self.dtype.newbyteorder("=")))

    def _size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def open_idx(path: Path) -> Iterator[IDXFile]:
    """Open a file and read its header.

    Raises:
        DatasetAlteredError: if the file is damaged or is no such file; also while it is read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield IDXFile(path, stream)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetAlteredError(f"{path} cannot be read ({error}); {REPAIR}") from error


def read_idx(path: Path) -> "Tensor":
    """Read an array of one to four dimensions.

    Raises:
        DatasetAlteredError: if the file is damaged or is no such file.
    """
    with open_idx(path) as file:
        return file.read()


def file_md5(path: Path) -> str:
    """MD5 of a file, in hexadecimal."""
    found = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()
