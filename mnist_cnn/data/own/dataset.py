"""A person's own images as a data set like any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.own.labels import class_names_of, indices_of
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form, Skipped, Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_BY_ITSELF = 64  # sides that images of mixed sizes are brought to, at most, unless image_size says otherwise
TEST_SHARE = 10  # one of so many images is held out as a test image where the files have none


@dataclass(frozen=True)
class Stored:
    """Decoded images with all that is known of them.

    Attributes:
        images: uint8 (N, C, H, W) by split; in memory, or memory-mapped.
        labels: int64 (N,) by split; None where the files have none.
        class_names: Names of the classes, by label.
        skipped: What was left out.
        notes: What a person should know besides, each a sentence.
    """

    images: dict[Split, NDArray[np.uint8]]
    labels: dict[Split, NDArray[np.int64] | None]
    class_names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


class OwnDataset(Dataset):
    """Images of one's own, by their path; they are looked through, and decoded, when they are first needed.

    Args:
        path: A file or folder of any kind that `recognition` knows.
        reading: How it is read where the files leave it open.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.reading = path, reading
        self.layout: Layout = reading.layout or "picture"
        self.title = path.name or str(path)

    @cached_property
    def stored(self) -> Stored:
        """The decoded images."""
        return store(recognise(self.path, self.reading), self.reading)

    @property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the classes, by label."""
        return self.stored.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:  # type: ignore[override]
        """Channels, height and width."""
        channels, height, width = next(iter(self.stored.images.values())).shape[1:]
        return channels, height, width

    @property
    def sizes(self) -> dict[Split, int]:  # type: ignore[override]
        """Number of images by split; those without labels are of none."""
        return {split: len(labels) for split, (_, labels) in self._splits.items()}

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """See that the images are there and decoded; `data_dir` has nothing to do with it."""
        _ = self.stored

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Give a split; see `Dataset.read`."""
        import torch

        images, labels = self._splits[split]
        return torch.from_numpy(images[:limit]), torch.from_numpy(labels[:limit])

    def left_out(self) -> Sequence[tuple[str, str]]:
        """What the files hold besides, with the reasons."""
        return [(entry.name, entry.reason) for entry in self.stored.skipped]

    def notes(self) -> Sequence[str]:
        """What a person should know of them."""
        return self.stored.notes

    @cached_property
    def _splits(self) -> dict[Split, tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The splits with labels; where the files have no test images, some training images are held out for it."""
        from torch import from_numpy

        from mnist_cnn.data.splits import stratified_split

        found = {
            split: (images, labels)
            for split, images in self.stored.images.items()
            if (labels := self.stored.labels[split]) is not None
        }
        if "test" not in found:
            images, labels = found["train"]
            count = self.reading.test_size or max(len(labels) // TEST_SHARE, 1)
            test, train = (
                indices.numpy() for indices in stratified_split(from_numpy(labels), count, self.reading.split_seed)
            )
            found["train"], found["test"] = (images[train], labels[train]), (images[test], labels[test])
        return found


def store(source: Source, reading: Reading) -> Stored:
    """Look a source through and decode it."""
    survey = source.survey()
    form = form_of(survey, reading)
    names = class_names_of(part.labels for part in survey.parts.values() if part.labels is not None)
    images, labels = {}, {}
    skipped = list(survey.skipped)
    for split, part in survey.parts.items():
        pixels, is_whole = np.zeros((len(part), *form), np.uint8), np.zeros(len(part), bool)
        for block in source.blocks(split, form):
            pixels[block.positions] = block.images
            is_whole[block.positions] = True
            skipped += [Skipped(part.name_of(position), reason) for position, reason in block.damaged.items()]
        images[split] = pixels if is_whole.all() else pixels[is_whole]
        labels[split] = None if part.labels is None else indices_of(part.labels[is_whole], names)
    if reading.on_damaged == "error" and (damaged := [entry for entry in skipped if entry.is_damaged]):
        raise UserError(f"{damaged[0].name}: {damaged[0].reason} (one of {len(damaged)})")
    return Stored(images, labels, names, tuple(skipped), tuple(survey.notes))


def form_of(survey: Survey, reading: Reading) -> Form:
    """Decide on the form of all images: as they are, as far as they agree and settings say nothing else."""
    channels = reading.channels or (1 if all(part.is_grey for part in survey.parts.values()) else 3)
    sizes = np.concatenate([part.sizes for part in survey.parts.values()])
    if reading.size:
        return Form(channels, *reading.size)
    if (sizes == sizes[0]).all():
        return Form(channels, int(sizes[0, 0]), int(sizes[0, 1]))
    side = min(int(np.median(sizes.max(axis=1))), LARGEST_BY_ITSELF)
    return Form(channels, side, side)
