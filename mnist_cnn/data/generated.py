"""Data sets that the project makes itself, which need no files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_cnn.data.base import Dataset, Split

if TYPE_CHECKING:
    from torch import Tensor


class SyntheticDigits(Dataset):
    """The digits of `mnist_cnn.data.synthetic`, as many as MNIST has."""

    def __init__(self) -> None:
        self.title = "synthetic digits"
        self.class_names = tuple("0123456789")
        self.sizes = {"train": 60_000, "test": 10_000}
        self.is_generated = True

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Nothing: there are no files."""

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Draw a split; see `Dataset.read`."""
        from mnist_cnn.data.synthetic import synthetic_digits  # imports torch, which the list of data sets needs not

        return synthetic_digits(range(min(limit or self.sizes[split], self.sizes[split])), split=split)
