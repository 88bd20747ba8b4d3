"""What is in a data set, before anything is trained on it: how many of each class, and which images are there twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.fingerprint import image_digests

SPLITS: tuple[Split, ...] = ("train", "val", "test")
BLOCK_IMAGES = 1024


class Place(NamedTuple):
    """Where an image stands: its split, its number there, and its class."""

    split: Split
    number: int
    label: int


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        counts: Number of images of each class (classes,), by split.
        duplicates: Images whose pixels are the same, each group in the order of the splits.
        is_grey: Whether red, green and blue are the same in all images that have the three.
    """

    counts: Mapping[Split, NDArray[np.int64]]
    duplicates: Sequence[Sequence[Place]]
    is_grey: bool

    def copies_within(self) -> dict[Split, int]:
        """How many images stand in their own split before, by split."""
        found = dict.fromkeys(self.counts, 0)
        for group in self.duplicates:
            for split, number in Counter(place.split for place in group).items():
                found[split] += number - 1
        return found

    def shared(self, one: Split, other: Split) -> list[Sequence[Place]]:
        """The groups with images of both splits."""
        return [group for group in self.duplicates if {one, other} <= {place.split for place in group}]

    def contradictory(self) -> list[Sequence[Place]]:
        """The groups whose images are the same and whose classes are not."""
        return [group for group in self.duplicates if len({place.label for place in group}) > 1]

    def is_uneven(self) -> bool:
        """Whether a class has more than three times the training images of another that has some."""
        found = self.counts["train"][self.counts["train"] > 0]
        return bool(len(found)) and bool(found.max() > 3 * found.min())


def inspect(dataset: Dataset, data_dir: Path) -> Inspection:
    """Go through all images of a data set.

    Args:
        dataset: The data set; what is missing of it is obtained first.
        data_dir: The folder that holds the data sets' folders.
    """
    splits = [split for split in SPLITS if split in dataset.sizes]
    dataset.obtain(data_dir, splits)
    counts, digests, labels_of = {}, {}, {}
    is_grey = dataset.image_shape[0] == 3
    for split in splits:
        images, labels = dataset.read(data_dir, split)
        labels_of[split] = np.asarray(labels)
        counts[split] = np.bincount(labels_of[split], minlength=len(dataset.class_names))
        digests[split] = image_digests(images)
        is_grey = is_grey and _is_grey(images)
    return Inspection(counts, _groups(digests, labels_of), is_grey)


def first_of_each_class(dataset: Dataset, data_dir: Path, count: int) -> list[NDArray[np.uint8]]:
    """The first training images of each class, at most `count`: uint8 (n, C, H, W) for each."""
    images, labels = dataset.read(data_dir, "train")
    found = np.asarray(labels)
    return [
        np.array([np.asarray(images[int(i)]) for i in chosen], np.uint8).reshape(-1, *dataset.image_shape)
        for chosen in (np.flatnonzero(found == label)[:count] for label in range(len(dataset.class_names)))
    ]


def _is_grey(images: Any) -> bool:
    """Whether the channels of each image (N, C, H, W) are the same."""
    blocks = (np.asarray(images[at : at + BLOCK_IMAGES]) for at in range(0, len(images), BLOCK_IMAGES))
    return all(bool((block == block[:, :1]).all()) for block in blocks)


def _groups(digests: Mapping[Split, NDArray[np.void]], labels: Mapping[Split, NDArray[Any]]) -> list[list[Place]]:
    """Places whose checksums are the same."""
    everything = np.concatenate([*digests.values()])
    _, which, counts = np.unique(everything, return_inverse=True, return_counts=True)
    twice = np.flatnonzero(counts[which] > 1)
    starts = np.cumsum([0, *map(len, digests.values())])
    groups: dict[int, list[Place]] = {}
    names = [*digests]
    for position in twice.tolist():
        place = int(np.searchsorted(starts, position, side="right")) - 1
        split = names[place]
        number = position - int(starts[place])
        groups.setdefault(int(which[position]), []).append(Place(split, number, int(labels[split][number])))
    return [*groups.values()]
