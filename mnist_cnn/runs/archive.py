"""The zip archive that a checkpoint is: looked at as a whole before torch, which trusts its sizes, reads anything."""

import os
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mnist_cnn.errors import UserError

LARGEST_VARIABLE = "MNIST_CNN_LARGEST_CHECKPOINT"
LARGEST_MEGABYTES = 512  # VGG16 with its optimiser's state and averaged weights has 250
LARGEST_PICKLE = 2_000_000  # bytes; 10,000 tensors take 1.5 million
LARGEST_DIRECTORY = 4_000_000
PIECE = 1 << 20

# What torch ends its archives with: zip64's end of the directory, where that is found, and the end of older archives.
_TRAILER = struct.Struct("<4sQHHIIQQQQ4sIQI4sHHHHIIH")
_SIGNATURES = (b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06")


class DamagedError(UserError):
    """A checkpoint that is damaged, or was altered."""


@dataclass(frozen=True)
class Archive:
    """What lies in a checkpoint's file, with all checksums found right.

    Attributes:
        pickle: The pickle that holds everything but the tensors' numbers.
        sizes: Bytes of each tensor's storage, by its key in the pickle.
    """

    pickle: bytes
    sizes: dict[str, int]


def largest_checkpoint(megabytes: int = LARGEST_MEGABYTES) -> int:
    """The most bytes that a trained network's file may have: what the variable says, or else so many megabytes.

    Raises:
        UserError: if the variable that sets it is no number.
    """
    given = os.environ.get(LARGEST_VARIABLE) or str(megabytes)
    if not given.isascii() or not given.isdigit():
        raise UserError(f"{LARGEST_VARIABLE}={given}: a whole number of megabytes is needed")
    return int(given) * 1_000_000


def open_archive(path: Path) -> Archive:
    """Look through a file: its layout, its sizes, and the checksum of every record.

    Memory and time depend on the size of the file alone, whatever it claims to hold.

    Raises:
        UserError: if it is no archive of torch, or is damaged.
    """
    try:
        size = _size_of(path)
        if not zipfile.is_zipfile(path):
            raise DamagedError(f"{path} is damaged or no checkpoint: torch cannot read it")
        _check_trailer(path, size)
        with zipfile.ZipFile(path) as parts:
            return _read(path, parts, size)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile has a dozen kinds for what is no archive
        raise DamagedError(f"{path} is damaged or no checkpoint: torch cannot read it") from error


def _size_of(path: Path) -> int:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is no file: a checkpoint is needed")
    if status.st_size > (largest := largest_checkpoint()):
        megabytes = -(-status.st_size // 1_000_000)
        raise UserError(
            f"{path} has {megabytes:,} MB, and no more than {largest // 1_000_000:,} are read from a file that may "
            f"come from anywhere; if you trust it: {LARGEST_VARIABLE}={megabytes}"
        )
    return status.st_size


def _check_trailer(path: Path, size: int) -> None:
    """See that the directory lies where torch puts it, so that torch cannot find another one than is looked at here."""
    with path.open("rb") as file:
        file.seek(max(size - _TRAILER.size, 0))
        trailer = file.read()
    damaged = DamagedError(f"{path} is damaged or no checkpoint of torch: its directory is not where it should be")
    if len(trailer) < _TRAILER.size:
        raise damaged
    mark, length, _, _, _, _, count, total, directory, start, other, _, end, _, last, *rest = _TRAILER.unpack(trailer)
    _, _, short_count, short_total, short_directory, short_start, comment = rest
    place = size - _TRAILER.size
    wanted = [min(count, 0xFFFF), min(count, 0xFFFF), min(directory, 0xFFFFFFFF), min(start, 0xFFFFFFFF), 0]
    is_whole = (
        (mark, other, last) == _SIGNATURES
        and (length, total, end, start + directory) == (44, count, place, place)
        and [short_count, short_total, short_directory, short_start, comment] == wanted
    )
    if not is_whole or directory > LARGEST_DIRECTORY:
        raise damaged


def _read(path: Path, parts: zipfile.ZipFile, size: int) -> Archive:
    entries = parts.infolist()
    prefix = entries[0].filename.partition("/")[0] + "/" if entries else ""
    names = {entry.filename for entry in entries}
    is_sound = len(names) == len(entries) and all(
        entry.filename.startswith(prefix)
        and entry.compress_type == zipfile.ZIP_STORED  # as torch stores; what is packed may unpack to anything
        and entry.compress_size == entry.file_size
        for entry in entries
    )
    if not is_sound or sum(entry.file_size for entry in entries) > size:
        raise DamagedError(f"{path} is damaged or no checkpoint of torch: its records are packed, doubled or too large")
    if f"{prefix}data.pkl" not in names or parts.getinfo(f"{prefix}data.pkl").file_size > LARGEST_PICKLE:
        raise DamagedError(f"{path} is damaged or no checkpoint: torch cannot read it")
    for entry in entries:
        with parts.open(entry) as record:
            while record.read(PIECE):  # zipfile compares the checksum, which torch does not
                pass
    sizes = {
        entry.filename.removeprefix(f"{prefix}data/"): entry.file_size
        for entry in entries
        if entry.filename.startswith(f"{prefix}data/")
    }
    return Archive(parts.read(f"{prefix}data.pkl"), sizes)
