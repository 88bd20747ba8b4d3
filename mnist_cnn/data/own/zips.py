"""Pictures in .zip archives. Entries are read one by one, in the threads that decode them."""

import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO, TypeVar
from zipfile import ZipFile, ZipInfo

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import LARGEST_STREAM
from mnist_cnn.data.own.packed import WAY_OUT, PackedPictures
from mnist_cnn.data.own.pictures import Content, Picture, has_picture_name
from mnist_cnn.errors import UserError

IS_ENCRYPTED, IS_UTF_8 = 0x1, 0x800  # of an entry's flags
Read = TypeVar("Read")
UNIX = 3  # of the systems that an entry can be made on


class ZippedPictures(PackedPictures):
    """Pictures in a .zip archive."""

    kind = "pictures in a .zip archive"

    @cached_property
    def _archive(self) -> ZipFile:
        try:
            return ZipFile(self.path)
        except Exception as error:  # damaged data raise nearly every kind
            if isinstance(error, OSError) and error.errno:
                raise
            raise self.damaged(error) from error

    def listed(self) -> Iterator[tuple[Picture, Content]]:
        """All entries; see `PictureSource.listed`."""
        encrypted = 0
        for entry in self._archive.infolist():
            raw = _name_of(entry)
            if entry.is_dir() or raw.endswith("/"):
                self._empty += [name] if (name := self.accepted(raw, 0)) else []
                continue
            is_link = entry.create_system == UNIX and stat.S_ISLNK(entry.external_attr >> 16)
            name = self.accepted(raw, entry.file_size, is_link)
            if name and entry.flag_bits & IS_ENCRYPTED:
                self._leave_out(name, "encrypted", is_damaged=has_picture_name(name))
                encrypted += 1
            elif name:
                yield Picture("train", None, name, entry), self._opener(entry)
        if encrypted and encrypted == sum(not entry.is_dir() for entry in self._archive.infolist()):
            raise UserError(f"{printable(self.path)} is encrypted: {WAY_OUT}")

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """What reads each entry; see `PictureSource.contents`."""
        return ((position, self._reader(picture.place)) for position, picture in enumerate(pictures))

    def _opener(self, entry: ZipInfo) -> Callable[[], IO[bytes]]:
        return lambda: _or_user_error(lambda: self._archive.open(entry))

    def _reader(self, entry: ZipInfo) -> Callable[[], bytes]:
        def read() -> bytes:
            with self._archive.open(entry) as file:
                return file.read(LARGEST_STREAM)

        return lambda: _or_user_error(read)


def _or_user_error(read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged data raise nearly every kind
        raise UserError(f"damaged ({' '.join(str(error).split())[:100] or type(error).__name__})") from error


def _name_of(entry: ZipInfo) -> str:
    """An entry's name with slashes; in UTF-8 also where macOS has not said so."""
    name = entry.filename.replace("\\", "/")
    if not entry.flag_bits & IS_UTF_8 and not name.isascii():
        with suppress(UnicodeError):
            return name.encode("cp437").decode("utf-8")
    return name
