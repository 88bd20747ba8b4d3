"""A data set in another size, or in another number of channels, than its files have."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from mnist_cnn.data.on_disk import Images
    from mnist_cnn.data.own.source import Form

BLOCK_IMAGES = 1024


class ReformedDataset(Dataset):
    """The images of a data set, each brought into a form as people's own are; see `mnist_cnn.data.own.forming`.

    Args:
        dataset: The data set.
        reading: The form: size, channels and layout, each as it is where that is left open.
    """

    def __init__(self, dataset: Dataset, reading: Reading) -> None:
        self.dataset = dataset
        self.title, self.class_names, self.sizes = dataset.title, dataset.class_names, dataset.sizes
        self.is_generated, self.holds_out_test = dataset.is_generated, dataset.holds_out_test
        self.layout = reading.layout or dataset.layout
        channels, *size = dataset.image_shape
        height, width = reading.size or size
        self.image_shape = (reading.channels or channels, height, width)

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Obtain the data set's files; see `Dataset.obtain`."""
        self.dataset.obtain(data_dir, splits)

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Images, Tensor]":
        """Read a split and bring its images into the form, one after the other; see `Dataset.read`."""
        images, labels = self.dataset.read(data_dir, split, limit)
        if self.image_shape == self.dataset.image_shape:
            return images, labels
        import torch

        from mnist_cnn.data.own.source import Form

        return torch.from_numpy(formed_images(images, Form(*self.image_shape))), labels

    def name_of(self, split: Split, index: int) -> str:
        """What the data set calls an image."""
        return self.dataset.name_of(split, index)

    def left_out(self) -> Sequence[tuple[str, str]]:
        """What the data set's files hold besides."""
        return self.dataset.left_out()

    def notes(self) -> Sequence[str]:
        """What a person should know of the data set."""
        return self.dataset.notes()

    def remarks(self) -> Sequence[str]:
        """What is said of the data set when a run begins."""
        return self.dataset.remarks()

    def absent_files(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> list[str]:
        """Names of the data set's files that are not there."""
        return self.dataset.absent_files(data_dir, splits)

    def count_files(self) -> int:
        """Number of the data set's files."""
        return self.dataset.count_files()


def reformed(dataset: Dataset, reading: Reading) -> Dataset:
    """The data set in the form that settings ask for; itself where it has that form."""
    other = ReformedDataset(dataset, reading)
    is_same = (other.image_shape, other.layout) == (dataset.image_shape, dataset.layout)
    return dataset if is_same else other


def formed_images(images: "Images", form: "Form") -> NDArray[np.uint8]:
    """Bring images (N, C, H, W), which may be on the disk, into a form: uint8 (N, *form)."""
    from mnist_cnn.data.on_disk import LARGEST_IN_MEMORY  # and torch, which the list of data sets needs not
    from mnist_cnn.data.own.forming import formed_array

    if (size := len(images) * int(np.prod(form))) > LARGEST_IN_MEMORY:
        raise UserError(
            f"{len(images):,} images of {form.height}x{form.width} pixels take {size / 1e9:.1f} GB of memory, and at "
            f"most {LARGEST_IN_MEMORY / 1e9:.1f} GB are taken: choose a smaller --data.image_size"
        )
    found = np.empty((len(images), *form), np.uint8)
    for start in range(0, len(images), BLOCK_IMAGES):
        block = np.asarray(images[start : start + BLOCK_IMAGES])
        target = found[start : start + BLOCK_IMAGES]
        if block.shape[1] == 1 and block.shape[2:] == target.shape[2:]:
            target[:] = block  # the same in all channels
            continue
        for position, image in enumerate(block):
            target[position] = formed_array(image.transpose(1, 2, 0), form)
    return found
