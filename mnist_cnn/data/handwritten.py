"""Real digits that a package brings along, so that there are some without a network."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.errors import DatasetAbsentError

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "scikit-learn"
FULL_INK = 16  # the largest value: each pixel counts the ink of 4x4 smaller ones
COUNT, TEST_SIZE = 1797, 360  # a fifth is held out for testing: the package knows one set alone
SPLIT_SEED = 0  # always the same, so that results can be compared


class ScikitLearnDigits(Dataset):
    """scikit-learn's 1,797 digits of 8x8 pixels, from 13 of the writers of UCI's Optical Recognition of Digits.

    There are no test images of their own. A fifth of each class, chosen with a seed that is always the same, is held
    out as such; both splits keep the package's order. Writers are in both, so a result says nothing of new ones.
    """

    def __init__(self) -> None:
        self.title = "scikit-learn digits"
        self.class_names = tuple("0123456789")
        self.image_shape = (1, 8, 8)
        self.layout = "garment"  # the ink fills the image
        self.sizes = {"train": COUNT - TEST_SIZE, "test": TEST_SIZE}

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """See that the package is there; `data_dir` has nothing to do with it."""
        if self.absent_files(data_dir):
            raise DatasetAbsentError(
                f"{self.title} come with the package {PACKAGE}, which is not installed: "
                f"pip install 'mnist-cnn[digits]', or in a clone pip install -e '.[digits]'"
            )

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`."""
        self.obtain(data_dir)
        import torch
        from sklearn.datasets import load_digits

        from mnist_cnn.data.splits import stratified_split

        held = load_digits()
        labels = torch.from_numpy(held.target.astype(np.int64))
        images = torch.from_numpy(np.rint(held.images * (255 / FULL_INK)).astype(np.uint8))[:, None]
        test, train = stratified_split(labels, TEST_SIZE, SPLIT_SEED)
        chosen = (test if split == "test" else train)[:limit]
        return images[chosen], labels[chosen]

    def absent_files(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> list[str]:
        """The package's name, if it is not installed."""
        return [] if find_spec("sklearn") else [PACKAGE]

    def count_files(self) -> int:
        """One, which the package brings along."""
        return 1
