"""Folders of pictures: `train/CLASS/*.png` with `test/` and `val/` where there are any, or `CLASS/*.jpg` alone."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.forming import formed
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.data.own.source import BLOCK_IMAGES, Block, Form, Part, Skipped, Source, Survey
from mnist_cnn.data.reading import Reading

SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}


def recognise(path: Path, reading: Reading) -> Source | None:
    """The folder as a source, if it is one of pictures."""
    return PictureFolder(path) if path.is_dir() else None


class PictureFolder(Source):
    """A folder with a folder of pictures for each class."""

    kind = "a folder of pictures"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = sorted(file for file in path.rglob("*") if file.is_file())
        self._of: dict[Split, list[Path]] = {}

    def survey(self) -> Survey:
        """Look at the pictures' headers."""
        found: dict[Split, list[tuple[Path, str, tuple[int, int], bool]]] = defaultdict(list)
        skipped = []
        for file in sorted(self.files, key=lambda file: natural_key(file.name)):
            first, *others = file.relative_to(self.path).parts
            split = SPLITS.get(first, "train")
            label = others[0] if first in SPLITS else first
            try:
                with Image.open(file) as image:
                    found[split].append((file, label, (image.height, image.width), image.mode == "L"))
            except OSError as error:
                skipped.append(Skipped(str(file), str(error)))
        self._of = {split: [entry[0] for entry in entries] for split, entries in found.items()}
        parts = {
            split: Part(
                labels=np.array([label for _, label, _, _ in entries]),
                sizes=np.array([size for _, _, size, _ in entries]),
                is_grey=all(grey for _, _, _, grey in entries),
                name_of=lambda position, split=split: str(self._of[split][position]),  # type: ignore[misc]
            )
            for split, entries in found.items()
        }
        return Survey(parts, skipped)

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """Decode the pictures of a split."""
        files = self._of[split]
        for start in range(0, len(files), BLOCK_IMAGES):
            images, damaged = {}, {}
            for position, file in enumerate(files[start : start + BLOCK_IMAGES], start):
                try:
                    with Image.open(file) as image:
                        images[position] = formed(image, form)
                except OSError as error:
                    damaged[position] = str(error)
            yield Block(np.array([*images], np.int64), np.stack([*images.values()]), damaged)
