"""A person's own images as a data set like any other."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.fingerprint import image_digests
from mnist_cnn.data.on_disk import Images, chosen
from mnist_cnn.data.own import cache
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Source, Survey
from mnist_cnn.data.own.storing import Stored
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.splits import stratified_split
from mnist_cnn.errors import UserError

TEST_SHARE = 10  # one of so many images is held out as a test image where the files have none
NAMED = 3  # images that were left out, in one line


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
        """The decoded images.

        Raises:
            UserError: if there are none to be trained on, or damaged ones where these are to be an error.
        """
        found = cache.stored(self._source, self.reading)
        if self.reading.on_damaged == "error" and (damaged := [entry for entry in found.skipped if entry.is_damaged]):
            more = f" (one of {len(damaged):,})" if len(damaged) > 1 else ""
            raise UserError(f"{damaged[0].name}: {damaged[0].reason}{more}; --data.on_damaged skip leaves it out")
        return found

    @cached_property
    def _source(self) -> Source:
        return recognise(self.path, self.reading)

    @cached_property
    def _survey(self) -> Survey:
        return self._source.survey()

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
        return {split: len(part.labels) for split, part in self._splits.items()}

    @property
    def holds_out_test(self) -> bool:  # type: ignore[override]
        """Whether its files have no test images of their own."""
        return self.stored.labels.get("test") is None

    def refresh(self) -> None:
        """Look the files through again if they have changed since."""
        if "_source" not in vars(self):
            return
        source = recognise(self.path, self.reading)
        if "stored" in vars(self) and cache.key_of(source, self.reading) == self.stored.key:
            return
        for name in ("stored", "_survey", "_splits"):
            vars(self).pop(name, None)
        self._source = source

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """See that the images are there and decoded; `data_dir` has nothing to do with it."""
        _ = self.stored

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Any, Tensor]:
        """Give a split; see `Dataset.read`. More images than memory should hold stay on the disk."""
        part = self._splits[split]
        if limit is None or limit >= len(part.labels):
            return part.images, part.labels
        return chosen(part.images, slice(limit)), part.labels[:limit]

    def fingerprint(self, split: Split, images: Any, labels: Any) -> str:
        """A checksum of the content of a split; that of whole ones in the cache is known."""
        known = self.stored.fingerprints.get(split)
        return known if known and self._splits[split].indices is None else super().fingerprint(split, images, labels)

    def name_of(self, split: Split, index: int) -> str:
        """What its file, or its row of a table, is called."""
        indices = self._splits[split].indices
        file_split, place = (split, index) if indices is None else ("train", int(indices[index]))
        for dropped in self.stored.dropped.get(file_split, ()):  # ascending
            place += dropped <= place
        return self._survey.parts[file_split].name_of(place)

    def remarks(self) -> Sequence[str]:
        """What was left out, and what else a person should know when a run begins."""
        damaged = [entry for entry in self.stored.skipped if entry.is_damaged]
        left_out = []
        if damaged:
            named = ", ".join(f"{entry.name} ({entry.reason})" for entry in damaged[:NAMED])
            total = sum(map(len, self.stored.images.values())) + len(damaged)
            more = ", ..." if len(damaged) > NAMED else ""
            left_out = [f"Left out {len(damaged):,} of {total:,} images: {named}{more}"]
        return [*left_out, *self.stored.notes]

    def left_out(self) -> Sequence[tuple[str, str]]:
        """What the files hold besides, with the reasons."""
        return [(entry.name, entry.reason) for entry in self.stored.skipped]

    def notes(self) -> Sequence[str]:
        """What a person should know of them."""
        return self.stored.notes

    @cached_property
    def _splits(self) -> dict[Split, "_Part"]:
        """The splits with labels; where the files have no test images, some training images are held out for it.

        Raises:
            UserError: if there are too few images for that.
        """
        found = {
            split: _Part(images, labels)
            for split, images in self.stored.images.items()
            if (labels := self.stored.labels[split]) is not None
        }
        whole = found["train"]
        held_out = [use for split, use in (("val", "validation"), ("test", "testing")) if split not in found]
        if len(whole.labels) <= len(held_out):
            count = "one image" if len(whole.labels) == 1 else f"{len(whole.labels)} images"
            raise UserError(
                f"{self.path} holds {count} for training: at least {1 + len(held_out)} are needed, as one is held out "
                f"for {' and one for '.join(held_out)}"
            )
        if "test" not in found:
            test_size = self.reading.test_size or max(len(whole.labels) // TEST_SHARE, 1)
            if test_size >= len(whole.labels):
                raise UserError(f"test_size={test_size}: {self.path} has {len(whole.labels):,} images in all")
            # By what is on them, not by where they stand: an image that is added, or taken away, moves hardly any other
            # from training to the test, and copies of an image stay together.
            digests = image_digests(whole.images, self.reading.split_seed).view(">u8")[::2]
            order = torch.from_numpy(np.argsort(digests, kind="stable"))
            test, train = stratified_split(whole.labels, test_size, self.reading.split_seed, order=order)
            found["train"], found["test"] = whole.some(train), whole.some(test)
        return found


class _Part(NamedTuple):
    """Images (N, C, H, W) and labels (N,) of a split, and their indices (N,) where they are a part of the file's."""

    images: Images
    labels: Tensor
    indices: Tensor | None = None

    def some(self, indices: Tensor) -> "_Part":
        """Those of the given indices."""
        return _Part(chosen(self.images, indices), self.labels[indices], indices)
