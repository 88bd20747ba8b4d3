"""Arrays as files store them: a header, and numbers behind it, which are read block by block.

What a header promises is compared with what is there before any memory is taken for it, and pickles are never read.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.own.source import BLOCK_IMAGES
from mnist_cnn.errors import UserError

BLOCK_BYTES = 32 << 20  # of a block, about
MOST_HELD = 2 << 30  # bytes of an array that has to be in memory whole
# Packed by more than this, an array is none of images. Only large ones are refused: an empty mask packs well too.
BEST_PACKED, LARGE = 200, 1 << 30
PICKLED = "it holds objects as a pickle, which runs code when it is read, and is not read here"
# What damaged data raise in the libraries that unpack them.
UNPACKING_ERRORS = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Stored:
    """An array that was not read yet.

    Attributes:
        where: What to call it in messages: "digits.npz, array x_train".
        shape: Sizes of its dimensions.
        dtype: Type of its numbers.
        is_fortran: Whether its first dimension is the one that changes fastest in the file.
        opened: Opens the file, or its part, where the numbers begin.
        held: The array itself, where its library reads it whole.
        chunks: Gives it in pieces along its first dimension, where its library reads it so.
        members: The arrays that it was joined of.
        is_sideways: Whether its images (H, W) lie on their side, as those of EMNIST's IDX files.
    """

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool = False
    opened: Opener | None = None
    held: NDArray[Any] | None = None
    chunks: Callable[[], Iterator[NDArray[Any]]] | None = None
    members: tuple["Stored", ...] = ()
    is_sideways: bool = False

    def __len__(self) -> int:
        """Size of its first dimension."""
        return self.shape[0] if self.shape else 0

    def name_of(self, number: int) -> str:
        """What to call an image of its first dimension."""
        for member in self.members:
            if number < len(member):
                return member.name_of(number)
            number -= len(member)
        return f"{self.where}, image {number}"

    @property
    def nbytes(self) -> int:
        """Bytes of all its numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    def blocks(self, axis: int = 0) -> Iterator[NDArray[Any]]:
        """All of it, cut along an axis, which comes first in the blocks.

        Raises:
            UserError: if the file is damaged or ends before its time, or the array would have to be in memory whole and
                is too large for that.
        """
        in_file = self.shape[::-1] if self.is_fortran else self.shape
        rows = self._rows_of_block(axis)
        if self.chunks is not None and axis == 0:
            yield from self.chunks()
            return
        if self.held is None and in_file and (len(self.shape) - 1 - axis if self.is_fortran else axis) == 0:
            yield from self._streamed(in_file, rows)
            return
        whole = np.moveaxis(self.whole(), axis, 0)
        for start in range(0, len(whole), rows):
            yield whole[start : start + rows]

    def whole(self) -> NDArray[Any]:
        """All of it at once; see `blocks`."""
        if self.held is not None:
            return self.held
        if self.nbytes > MOST_HELD:
            raise UserError(
                f"{self.where}: an array of {self.nbytes / 1e9:.1f} GB whose images do not lie one after the other has "
                f"to be in memory whole; save it as numpy.ascontiguousarray(images), with the images in the first "
                f"dimension"
            )
        if self.chunks is not None:
            return np.concatenate([*self.chunks()])
        in_file = self.shape[::-1] if self.is_fortran else self.shape
        (block,) = self._read([math.prod(in_file)])
        array = block.reshape(in_file)
        return array.T if self.is_fortran else array

    def _rows_of_block(self, axis: int) -> int:
        row = self.nbytes // max(self.shape[axis], 1)
        return min(BLOCK_IMAGES, max(BLOCK_BYTES // max(row, 1), 1))

    def _streamed(self, in_file: tuple[int, ...], rows: int) -> Iterator[NDArray[Any]]:
        count, row = in_file[0], math.prod(in_file[1:])
        lengths = [min(rows, count - start) for start in range(0, count, rows)]
        for length, values in zip(lengths, self._read([length * row for length in lengths]), strict=True):
            block = values.reshape(length, *in_file[1:])
            # The rest of the dimensions are the other way round.
            yield block.transpose(0, *range(block.ndim - 1, 0, -1)) if self.is_fortran else block

    def _read(self, counts: list[int]) -> Iterator[NDArray[Any]]:
        """So many numbers each, one after the other."""
        assert self.opened is not None
        with explained(self.where), self.opened() as stream:
            for count in counts:
                content = read_exactly(stream, count * self.dtype.itemsize)
                if content is None:
                    raise UserError(
                        f"{self.where} is truncated: it promises {_times(self.shape)} numbers of {self.dtype}, "
                        f"{self.nbytes} bytes, and ends before"
                    )
                yield np.frombuffer(content, self.dtype)
            if counts and isinstance(stream, zipfile.ZipExtFile):
                stream.read(1)  # at whose end the checksum is compared


def joined(arrays: Sequence[Stored]) -> Stored:
    """Arrays of one type and of the same sizes but for the first, one after the other."""
    first = arrays[0]

    def chunks() -> Iterator[NDArray[Any]]:
        for array in arrays:
            yield from array.blocks(0)

    shape = (sum(len(array) for array in arrays), *first.shape[1:])
    return Stored(
        f"{first.where} and {len(arrays) - 1} others", shape, first.dtype, chunks=chunks, members=tuple(arrays)
    )


def read_exactly(stream: IO[bytes], count: int) -> bytes | None:
    """So many bytes, read in steps, so that no memory is taken for what is not there; None if there are fewer."""
    if count <= BLOCK_BYTES:
        content = stream.read(count)
        if len(content) == count:
            return content
    else:
        content = b""
    parts = bytearray(content)
    while len(parts) < count and (more := stream.read(min(BLOCK_BYTES, count - len(parts)))):
        parts += more
    return bytes(parts) if len(parts) == count else None


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Put what damaged files raise into a line that names them."""
    try:
        yield
    except UserError:
        raise
    except UNPACKING_ERRORS as error:
        words = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{where} cannot be read: it is damaged, or the disk is ({printable(words)[:100]})") from error


def check_promise(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], there: int | None, packed: int = 0) -> None:
    """Compare what a header promises with what is there.

    Args:
        where: What to call the array.
        shape: Its sizes.
        dtype: Type of its numbers.
        there: Bytes behind the header; None if nobody knows before they are unpacked.
        packed: Bytes that they take on the disk, where they are packed; else 0.

    Raises:
        UserError: if it cannot be true, or is not to be believed.
    """
    if dtype.hasobject:
        raise UserError(f"{where}: {PICKLED}; {way_out_of_objects(where)}")
    if dtype.names is not None or dtype.subdtype is not None:
        raise UserError(f"{where} holds records ({_shortened(dtype)}); save each field as an array of its own")
    if any(size < 0 for size in shape):
        raise UserError(f"{where} is damaged: it has the negative size {_times(shape)}")
    promised = math.prod(shape) * dtype.itemsize
    if there is not None and promised > there:
        raise UserError(
            f"{where} is truncated: it promises {_times(shape)} numbers of {dtype}, {promised} bytes, and holds {there}"
        )
    if packed and promised > LARGE and promised > packed * BEST_PACKED:
        raise UserError(
            f"{where}: {packed} packed bytes would become {promised / 1e9:.1f} GB, which is not unpacked; if it is "
            f"meant, save it unpacked, with numpy.savez"
        )


def way_out_of_objects(where: str) -> str:
    """How an array of objects becomes one of numbers or text, for who trusts its file."""
    return (
        "if you trust it, and all its images have one size, save it as numbers: numpy.save('images.npy', "
        "numpy.stack(numpy.load(file, allow_pickle=True))), labels as text with .astype(str)"
    )


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one"


def _shortened(dtype: np.dtype[Any]) -> str:
    names = dtype.names or ()
    return printable(", ".join(names[:4]) + ("..." if len(names) > 4 else "")) or "arrays in arrays"
