"""Folders of pictures: `train/CLASS/*.png` with `test/` and `val/` where there are any, or `CLASS/*.jpg` alone."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import UnreadablePictureError, outline
from mnist_cnn.data.own.pictures import Content, Picture, PictureSource, Seen, has_picture_name
from mnist_cnn.data.own.source import Skipped, Source
from mnist_cnn.data.own.structure import Structure, is_hidden, label_of, structure_of
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import of_system

MOST_TRIED = 20  # files that are not called as pictures are, but may be some


class ClassFolders(PictureSource):
    """Pictures whose splits and classes are told by the folders that they lie in, on a disk or in an archive."""

    labels_are_folders = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._structure = Structure()
        self._left_out: list[Skipped] = []

    def empty_folders(self) -> Iterable[str]:
        """Names of folders in which there is no file."""
        return ()

    def arranged(self, found: list[Seen], skipped: list[Skipped]) -> list[Seen]:
        """Tell splits and classes by the folders; see `PictureSource.arranged`."""
        if not found and skipped:
            return []
        if self.is_for_answers:
            return [(picture._replace(label=_folder_of(picture.name)), seen) for picture, seen in found]
        names = [picture.name for picture, _ in found]
        read = set(names)
        lost = {entry.name.rpartition("/")[0] for entry in skipped if entry.name not in read}
        self._structure = structure_of(printable(self.path), names, [*self.empty_folders(), *(lost - {""})])
        belongings = self._structure.belongings
        return [
            (picture._replace(split=place.split, label=place.label), seen)
            for picture, seen in found
            if (place := belongings.get(picture.name))
        ]

    def remarks(self) -> tuple[Sequence[Skipped], Sequence[str], Sequence[str]]:
        """What the folders say besides; see `PictureSource.remarks`."""
        structure = self._structure
        return [*self._left_out, *structure.skipped], structure.notes, structure.empty_classes

    def _leave_out(self, name: str, reason: str, is_damaged: bool = True) -> None:
        self._left_out.append(Skipped(name, reason, is_damaged))


class PictureFolder(ClassFolders):
    """A folder with a folder of pictures for each class."""

    kind = "a folder of pictures"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._empty: list[str] = []
        self._names = sorted(self._walk())
        self.files = [path / name for name in self._names]

    def holds_pictures(self) -> bool:
        """Whether a file is called as pictures are, or is one whatever it is called."""
        return any(map(has_picture_name, self._names)) or any(map(_is_picture, self.files[:MOST_TRIED]))

    def empty_folders(self) -> Iterable[str]:
        """Names of folders in which there is no file."""
        return self._empty

    def listed(self) -> Iterable[tuple[Picture, Content]]:
        """All files; see `PictureSource.listed`."""
        return ((Picture("train", None, name), self.path / name) for name in self._names)

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """Their paths; see `PictureSource.contents`."""
        return ((position, self.path / picture.name) for position, picture in enumerate(pictures))

    def _walk(self) -> Iterator[str]:
        """Names of all files below the folder; each real folder is read once, wherever links lead."""
        visited: set[tuple[int, int]] = set()
        folders, links = [""], list[str]()
        while folders or links:
            name = folders.pop() if folders else links.pop()
            try:
                status = (self.path / name).stat()
                if (status.st_dev, status.st_ino) in visited and status.st_ino:
                    self._leave_out(name, "a link to a folder that is read already", is_damaged=False)
                    continue
                visited.add((status.st_dev, status.st_ino))
                with os.scandir(self.path / name) as scanned:
                    entries = [entry for entry in scanned if not is_hidden(entry.name)]
            except OSError as error:
                if not name:
                    raise
                error.filename = None
                self._leave_out(name, of_system(error) or "cannot be read")
                continue
            if not entries:
                self._empty += [name] if name else []
            prefix = f"{name}/" if name else ""
            for entry in entries:
                kind = _kind_of(entry)
                if kind == "folder":
                    (links if entry.is_symlink() else folders).append(prefix + entry.name)
                elif kind == "file":
                    yield prefix + entry.name
                elif has_picture_name(entry.name):
                    self._leave_out(prefix + entry.name, kind)


def recognise(path: Path, reading: Reading) -> Source | None:
    """The folder as a source, if pictures are in it.

    Raises:
        UserError: if it is empty.
    """
    if not path.is_dir():
        return None
    source = PictureFolder(path)
    return source if source.holds_pictures() else None


def _folder_of(name: str) -> str:
    """The folder that a picture lies in, which is its class if it is that of any."""
    return label_of(PurePosixPath(name).parent.name)


def _kind_of(entry: os.DirEntry[str]) -> str:
    with suppress(OSError):  # of links that lead in a circle
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
    return "a link to nothing" if entry.is_symlink() else "no file"


def _is_picture(path: Path) -> bool:
    try:
        outline(path)
    except (UnreadablePictureError, OSError):
        return False
    return True
