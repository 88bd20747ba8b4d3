"""USPS: digits from envelopes, as text in LIBSVM's format, packed with bzip2."""

import bz2
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.base import Layout, Split
from mnist_cnn.data.downloaded import CheckedDataset

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_FILE = 20_000_000  # the training images' has 6.6 million bytes
POSITION = re.compile(rb"\d+:")  # of a pixel; all of them are given, in their order


@dataclass(frozen=True, eq=False)
class USPSDataset(CheckedDataset):
    """Digits of 16x16 pixels, which they fill."""

    image_shape: tuple[int, int, int] = (1, 16, 16)
    layout: Layout = "garment"

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`.

        Lines are `LABEL 1:VALUE 2:VALUE ...`, with labels from 1 and values from -1 to 1.
        """
        import torch

        (name,) = self.files[split]
        lines = bz2.decompress(self._checked_content(data_dir, name)).splitlines()[:limit]
        numbers = np.array([POSITION.sub(b"", line).split() for line in lines]).astype(np.float32)
        labels = numbers[:, 0].astype(np.int64) - 1
        # Cut, not rounded: the pixels are those that torchvision gives.
        images = ((numbers[:, 1:] + 1) / 2 * 255).astype(np.uint8).reshape(-1, *self.image_shape)
        return torch.from_numpy(images), torch.from_numpy(labels)

    def largest_bytes(self, name: str) -> int:
        """Most bytes that a file can have."""
        return LARGEST_FILE
