"""The files that arrays come in, .npy, .npz and IDX: their headers."""

import gzip
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from mnist_cnn.console import printable
from mnist_cnn.data.own.stored import UNPACKING_ERRORS, Stored, check_promise, explained, read_exactly
from mnist_cnn.errors import UserError

NPY, ZIP, GZIP = b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b"
LONGEST_HEADER = 10_000  # bytes, of an array's: NumPy's own limit
MOST_MEMBERS = 1000
MOST_DIMENSIONS = 8
IDX_TYPES: dict[int, np.dtype[Any]] = {
    **{0x08: np.dtype(np.uint8), 0x09: np.dtype(np.int8), 0x0B: np.dtype(">i2")},
    **{0x0C: np.dtype(">i4"), 0x0D: np.dtype(">f4"), 0x0E: np.dtype(">f8")},
}


def read_npy_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array in NumPy's format; the stream then stands where its numbers begin.

    Returns:
        Shape, whether it is in Fortran's order, and type.

    Raises:
        UserError: if it is damaged.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        if version not in ((1, 0), (2, 0)):  # the third one is for names of fields
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        shape, is_fortran, dtype = read(stream, max_header_size=LONGEST_HEADER)
    except UNPACKING_ERRORS:
        raise
    except Exception as error:  # whatever a damaged header makes of itself
        words = printable(" ".join(str(error).split()))[:100]
        raise UserError(f"{where} is damaged: it has no header of an array in NumPy's format ({words})") from error
    if len(shape) > MOST_DIMENSIONS or any(isinstance(size, bool) for size in shape):
        raise UserError(f"{where} is damaged: it has {len(shape)} dimensions")
    return shape, is_fortran, dtype


def open_npy(path: Path, where: str) -> Stored:
    """The array of a .npy file.

    Args:
        path: The file.
        where: What to call it in messages.

    Raises:
        UserError: if it is damaged or holds objects.
    """
    with explained(where), path.open("rb") as stream:
        shape, is_fortran, dtype = read_npy_header(stream, where)
        start = stream.tell()
        size = os.fstat(stream.fileno()).st_size
    check_promise(where, shape, dtype, size - start)

    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with path.open("rb") as file:
            file.seek(start)
            yield file

    return Stored(where, shape, dtype, is_fortran, opened)


def open_npz(path: Path, where: str) -> dict[str, Stored]:
    """The arrays of a .npz file by name, in the order of the file.

    Args:
        path: The file.
        where: What to call it in messages.

    Raises:
        UserError: if it is damaged. One that holds objects comes up when it is asked for: see `check_promise`.
    """
    with explained(where), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > MOST_MEMBERS:
            raise UserError(f"{where} holds {len(members)} files; a .npz of images holds a few arrays")
        arrays = [member for member in members if _is_array(archive, member)]
        return {_array_name(member): _member(path, where, archive, member) for member in arrays}


def _is_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member should be an array; anything else may lie beside them."""
    if member.filename.endswith(".npy"):
        return True
    with archive.open(member) as stream:
        return stream.read(len(NPY)) == NPY


def _array_name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _member(path: Path, of_file: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Stored:
    where = f"{of_file}, array {printable(_array_name(member))}"
    with explained(where), archive.open(member) as stream:
        shape, is_fortran, dtype = read_npy_header(stream, where)
        start = stream.tell()

    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(path) as again, again.open(member) as content:
            read_exactly(content, start)
            yield content

    if not dtype.hasobject:  # one that nobody needs harms nobody
        is_packed = member.compress_type != zipfile.ZIP_STORED
        check_promise(where, shape, dtype, member.file_size - start, member.compress_size if is_packed else 0)
    return Stored(where, shape, dtype, is_fortran, opened)


def open_idx(path: Path, where: str) -> Stored:
    """The array of an IDX file, packed with gzip or not.

    Args:
        path: The file.
        where: What to call it in messages.

    Raises:
        UserError: if it is damaged.
    """
    with explained(where), path.open("rb") as file:
        is_packed = file.read(2) == GZIP

    @contextmanager
    def opened(start: int = 0) -> Iterator[IO[bytes]]:
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            read_exactly(stream, start)  # type: ignore[arg-type]
            yield stream  # type: ignore[misc]

    with explained(where), opened() as stream:
        head = stream.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in IDX_TYPES or not 1 <= head[3] <= MOST_DIMENSIONS:
            raise UserError(f"{where} is damaged, or no IDX file: its first bytes are {head.hex(' ') or 'missing'}")
        sizes = read_exactly(stream, 4 * head[3])
        if sizes is None:
            raise UserError(f"{where} is truncated: it ends within its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    start = 4 + len(sizes)
    on_disk = path.stat().st_size
    check_promise(where, shape, IDX_TYPES[head[2]], None if is_packed else on_disk - start, on_disk * is_packed)
    is_sideways = "emnist" in path.name.lower() and len(shape) == 3
    return Stored(where, shape, IDX_TYPES[head[2]], opened=lambda: opened(start), is_sideways=is_sideways)


def looks_like_idx(path: Path) -> bool:
    """Whether a file begins as IDX files do, under the packing of gzip or not."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head[:2] == GZIP:
            with gzip.open(path) as packed:
                head = packed.read(4)
    except (*UNPACKING_ERRORS, ValueError):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= MOST_DIMENSIONS
