"""Folders of pictures: `train/CLASS/*.png` with `test/` and `val/` where there are any, or `CLASS/*.jpg` alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.pictures import Content, Picture, PictureSource
from mnist_cnn.data.own.source import Source
from mnist_cnn.data.reading import Reading

SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}


def recognise(path: Path, reading: Reading) -> Source | None:
    """The folder as a source, if it is one of pictures."""
    return PictureFolder(path) if path.is_dir() else None


class PictureFolder(PictureSource):
    """A folder with a folder of pictures for each class."""

    kind = "a folder of pictures"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = sorted(file for file in path.rglob("*") if file.is_file())

    def listed(self) -> Iterable[tuple[Picture, Content]]:
        """All files; see `PictureSource.listed`."""
        for file in self.files:
            first, *others = (name := file.relative_to(self.path)).parts
            split, label = (SPLITS[first], others[0]) if first in SPLITS else ("train", first)
            yield Picture(split, label, name.as_posix()), file

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """Their paths; see `PictureSource.contents`."""
        return ((position, self.path / picture.name) for position, picture in enumerate(pictures))
