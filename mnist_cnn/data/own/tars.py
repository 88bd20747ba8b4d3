"""Pictures in .tar archives, compressed or not.

A compressed archive can only be read from its beginning: once for all names and headers, and once for each split.
"""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from mnist_cnn.console import printable
from mnist_cnn.data.own.packed import PackedPictures
from mnist_cnn.data.own.pictures import Content, Picture
from mnist_cnn.errors import UserError

BLOCK = tarfile.BLOCKSIZE
LARGEST_HEADER = 1 << 20  # bytes, of an entry's long names and the like
STEP = 1 << 20  # bytes that are read at once where something is passed over
OPENERS: dict[bytes, Callable[[Path], IO[bytes]]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}  # type: ignore[dict-item]
# A compressed archive that unpacks to more than so many times its size was made to do harm.
LARGEST_RATIO, HARMLESS_BYTES = 200, 1_000_000_000


class Extent(NamedTuple):
    """Where an entry's content lies in the archive, uncompressed."""

    offset: int
    size: int


class TarredPictures(PackedPictures):
    """Pictures in a .tar archive."""

    kind = "pictures in a .tar archive"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._packed_bytes = path.stat().st_size
        with path.open("rb") as file:
            self._open = OPENERS.get(file.read(2))

    def listed(self) -> Iterator[tuple[Picture, Content]]:
        """All entries; see `PictureSource.listed`."""
        with self._stream() as stream:
            for entry in _entries(stream):
                self._check_effort(entry)
                if entry.isdir():
                    self._empty += [name] if (name := self.accepted(entry.name, 0)) else []
                    continue
                is_link = not entry.isreg() or entry.issparse()
                if name := self.accepted(entry.name, entry.size, is_link):
                    extent = Extent(entry.offset_data, entry.size)
                    yield Picture("train", None, name, extent), self._content(stream, extent)

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """The entries' contents in the order of the archive; see `PictureSource.contents`."""
        with self._stream() as stream:
            for position in sorted(range(len(pictures)), key=lambda position: pictures[position].place):
                yield position, self._content(stream, pictures[position].place)

    def _content(self, stream: "_Forward", extent: Extent) -> Content:
        """What an entry holds: at once where only going on is possible, else when it is needed."""
        if self._open:
            return stream.content(extent)

        def read() -> bytes:
            with self.path.open("rb") as file:
                file.seek(extent.offset)
                return file.read(extent.size)

        return read

    @contextmanager
    def _stream(self) -> Iterator["_Forward"]:
        try:
            with self._open(self.path) if self._open else self.path.open("rb") as file:
                yield _Forward(file)
        except UserError:
            raise
        except Exception as error:  # damaged headers raise nearly every kind
            if isinstance(error, OSError) and error.errno:
                raise
            raise self.damaged(error) from error

    def _check_effort(self, entry: tarfile.TarInfo) -> None:
        end = entry.offset_data + entry.size
        if self._open and end > max(LARGEST_RATIO * self._packed_bytes, HARMLESS_BYTES):
            raise UserError(
                f"{printable(self.path)}: with {printable(entry.name)} it would unpack to {end // 1_000_000:,} MB, "
                f"more than {LARGEST_RATIO} times its size: it is not read any further"
            )


class _Forward:
    """A file that is only ever read onwards, but for the last byte, by which `tarfile` sees that there is one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._position, self._last = file, 0, b""
        self._is_again = False
        self.block = b""

    def tell(self) -> int:
        return self._position - self._is_again

    def seek(self, position: int) -> int:
        if self._last and position == self._position - 1:
            self._is_again = True
            return position
        self._is_again = False
        if position < self._position:
            raise tarfile.ReadError("an entry that lies before the one before it")
        while self._position < position and self._read(min(position - self._position, STEP)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        """Read part of a header."""
        if size > LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        if self._is_again:
            self._is_again = False
            return self._last + (self._read(size - 1) if size > 1 else b"")
        self.block = self._read(size)
        return self.block

    def content(self, extent: Extent) -> bytes:
        """Read what an entry holds."""
        self.seek(extent.offset)
        self._is_again = False
        content = self._read(extent.size)
        if len(content) < extent.size:
            raise tarfile.ReadError("unexpected end of data")
        return content

    def _read(self, size: int) -> bytes:
        read = self._file.read(size)
        self._position += len(read)
        self._last = read[-1:] or self._last
        return read


def _entries(stream: _Forward) -> Iterator[tarfile.TarInfo]:
    """All entries, none of which is kept.

    Raises:
        tarfile.TarError: if the archive ends early, or goes on with something else.
    """
    archive: Any = tarfile.TarFile(fileobj=stream)  # type: ignore[arg-type]
    while entry := archive.next():
        yield entry
        archive.members.clear()
    if stream.block and (len(stream.block) < BLOCK or any(stream.block)):
        raise tarfile.ReadError("no header where an entry should begin")
