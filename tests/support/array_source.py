"""A source of own images that counts how often it is decoded, and one that stops in the middle of it.

    python -m tests.support.array_source FILE CACHE

reads FILE into the cache, says on its output what it does, and waits for a line of its input in the middle of it.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Split
from mnist_cnn.data.own import cache
from mnist_cnn.data.own.source import Block, Form, Part, Source, Survey
from mnist_cnn.data.reading import Reading


class ArraySource(Source):
    """The images and labels of an .npz file, some of which are called damaged.

    Args:
        path: The file, with `train`, `train_labels` and so on.
        damaged: Positions of training images that are called damaged.
        block: Images in a block.
    """

    kind = "arrays of a test"

    def __init__(self, path: Path, damaged: Sequence[int] = (), block: int = 7) -> None:
        self.path, self.files = path, [path]
        self.damaged, self.block = damaged, block
        self.decoded = 0

    def survey(self) -> Survey:
        """Look at the arrays."""
        with np.load(self.path) as arrays:
            self.arrays = dict(arrays)
        splits: list[Split] = ["train", "val", "test"]
        parts = {split: self._part(split, self.arrays[split]) for split in splits if split in self.arrays}
        names = [str(name) for name in self.arrays.get("class_names", [])]
        return Survey(parts, class_names=names)

    def _part(self, split: Split, images: NDArray[Any]) -> Part:
        sizes = np.tile(np.array(images.shape[2:]), (len(images), 1))
        labels = self.arrays.get(f"{split}_labels")
        return Part(labels, sizes, images.shape[1] == 1, lambda position: f"{split} {position}")

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """The last block first, as positions may come in any order."""
        images = self.arrays[split]
        for start in reversed(range(0, len(images), self.block)):
            chosen = np.arange(start, min(start + self.block, len(images)))
            bad = [int(i) for i in chosen if split == "train" and i in self.damaged]
            chosen = np.setdiff1d(chosen, bad)[::-1]
            self.decoded += len(chosen)
            yield Block(chosen, images[chosen], dict.fromkeys(bad, "damaged"))


class WaitingSource(ArraySource):
    """One that waits for a line of input before its second block."""

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """Say that it has begun, and wait."""
        for number, block in enumerate(super().blocks(split, form)):
            if number == 1:
                print("decoding", flush=True)
                sys.stdin.readline()
            yield block


def write_arrays(path: Path, seed: int = 0, **others: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Write colour images of three classes, 40 for training and 9 for testing."""
    random = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {}
    for split, count in (("train", 40), ("test", 9)):
        arrays[split] = random.integers(0, 256, (count, 3, 5, 4), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.array(["ant", "bee", "cat"])[np.arange(count) % 3]
    arrays |= others
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return arrays


if __name__ == "__main__":
    cache.SAID_AFTER = 0.0
    source = WaitingSource(Path(sys.argv[1]))
    cache.stored(source, Reading(cache_dir=sys.argv[2]))
    print(f"decoded {source.decoded}", flush=True)
