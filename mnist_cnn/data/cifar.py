"""CIFAR-10 and CIFAR-100: batches that were pickled by Python 2.

A pickle runs what it says when it is read, so only the content that was published is: its MD5 is compared first, of the
very bytes that are then unpickled.
"""

import pickle
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.base import Layout, Split
from mnist_cnn.data.downloaded import CheckedDataset, Published
from mnist_cnn.files import written_whole

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_ARCHIVE = 200_000_000  # those of both have about 170 million bytes


@dataclass(frozen=True, eq=False)
class CIFARDataset(CheckedDataset):
    """A data set of 32x32 pixels in colour, with the finest classes that it has."""

    image_shape: tuple[int, int, int] = (3, 32, 32)
    layout: Layout = "picture"

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`."""
        import torch

        most = self.sizes[split] if limit is None else min(limit, self.sizes[split])
        images, labels = np.empty((most, *self.image_shape), np.uint8), np.empty(most, np.int64)
        count = 0
        for name in self.files[split]:
            if count == most:
                break
            batch = pickle.loads(self._checked_content(data_dir, name), encoding="latin1")
            found = batch["fine_labels"] if "fine_labels" in batch else batch["labels"]
            end = min(count + len(found), most)
            images[count:end] = batch["data"].reshape(-1, *self.image_shape)[: end - count]
            labels[count:end] = found[: end - count]
            count = end
        return torch.from_numpy(images[:count]), torch.from_numpy(labels[:count])

    def published(self) -> Published:
        """URL and MD5 of the archive."""
        source = self._torchvision_class()
        return {self.archive: ([source.url], source.tgz_md5)}

    def largest_bytes(self, name: str) -> int:
        """Most bytes that a file can have."""
        return LARGEST_ARCHIVE

    def _unpack(self, folder: Path, names: Sequence[str]) -> None:
        with tarfile.open(folder / self.archive) as packed:
            for name in names:
                content = packed.extractfile(name)
                assert content is not None, "the archive is the published one"
                with written_whole(folder / name) as part:
                    part.write_bytes(content.read())
