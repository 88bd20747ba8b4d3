"""SVHN: house numbers from photographs, in MATLAB's files."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.base import Layout, Split
from mnist_cnn.data.downloaded import CheckedDataset

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_FILE = 200_000_000  # the training images' has 182 million bytes
LABEL_OF_ZERO = 10


@dataclass(frozen=True, eq=False)
class SVHNDataset(CheckedDataset):
    """Digits of 32x32 pixels in colour, with their neighbours in view."""

    image_shape: tuple[int, int, int] = (3, 32, 32)
    layout: Layout = "picture"

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`."""
        import torch
        from scipy.io import loadmat

        (name,) = self.files[split]
        held = loadmat(io.BytesIO(self._checked_content(data_dir, name)), variable_names=("X", "y"))
        images = np.ascontiguousarray(held["X"][..., :limit].transpose(3, 2, 0, 1))  # from (H, W, C, N)
        labels = held["y"].reshape(-1)[:limit].astype(np.int64)
        labels[labels == LABEL_OF_ZERO] = 0
        return torch.from_numpy(images), torch.from_numpy(labels)

    def largest_bytes(self, name: str) -> int:
        """Most bytes that a file can have."""
        return LARGEST_FILE
