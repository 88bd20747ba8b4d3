"""Published data sets in IDX files: reading them.

They lie in torchvision's layout, `<data_dir>/MNIST/raw/train-images-idx3-ubyte.gz` and so on, packed or unpacked.
"""

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.data.base import Split
from mnist_cnn.data.downloaded import DownloadedDataset, Published
from mnist_cnn.data.idx import REPAIR, IDXFile, open_idx
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError
from mnist_cnn.files import written_whole

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_ARCHIVE = 600_000_000  # EMNIST's has 562 million bytes


@dataclass(frozen=True, eq=False)
class PublishedDataset(DownloadedDataset):
    """A data set in IDX files: for each split one of images and one of labels, in this order.

    Attributes:
        transposed: Whether the files hold the images with rows and columns exchanged.
        label_columns: How many numbers the label files have of each image, the first of which is its class.
        first_label: The number that the files give to the first class.
    """

    transposed: bool = False
    label_columns: int = 1
    first_label: int = 0

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`."""
        folder = self.raw_folder(data_dir)
        if absent := self.absent_files(data_dir, [split]):
            raise DatasetAbsentError(f"{self.title}: {', '.join(absent)} not found in {folder}")
        images_path, labels_path = (self._existing(folder / file) for file in self.files[split])
        with open_idx(images_path) as images_file, open_idx(labels_path) as labels_file:
            self._check_belonging(images_file, labels_file, split)
            images, labels = images_file.read(), labels_file.read()
        if labels.ndim == 2:  # QMNIST: the class comes first, then writer and provenance
            labels = labels[:, 0]
        lowest, highest = self.first_label, self.first_label + len(self.class_names) - 1
        if labels.min() < lowest or labels.max() > highest:
            bad = int(labels.max() if labels.max() > highest else labels.min())
            raise DatasetAlteredError(
                f"{labels_path} holds the label {bad}, but {self.title} has classes {lowest} to {highest}"
            )
        if self.transposed:
            images = images.transpose(1, 2).contiguous()
        size = self.sizes[split] if limit is None else min(limit, self.sizes[split])
        return images[:size, None], labels[:size].long() - self.first_label

    def _check_belonging(self, images: IDXFile, labels: IDXFile, split: Split) -> None:
        """See by their headers that two files are the images and the labels of a split.

        Raises:
            DatasetAlteredError: if one of them holds something else.
        """
        for file, is_images in ((images, True), (labels, False)):
            self._check_header(file, is_images, self.sizes[split])
        if images.shape[0] != labels.shape[0]:
            raise DatasetAlteredError(
                f"{images.path} and {labels.path.name} do not belong together: {images.shape[0]} images and "
                f"{labels.shape[0]} labels"
            )

    def _check_header(self, file: IDXFile, is_images: bool, most: int) -> None:
        """See by its header that a file may be one of this data set.

        Raises:
            DatasetAlteredError: if it holds something else.
        """
        if is_images:
            fits = file.dtype == np.uint8 and file.shape[1:] == self.image_shape[1:]
        else:
            fits = len(file.shape) == 1 or (len(file.shape) == 2 and 1 <= file.shape[1] <= self.label_columns)
        if fits and 1 <= file.shape[0] <= most:
            return
        held = "x".join(map(str, file.shape)) + (" bytes" if file.dtype == np.uint8 else " 32-bit integers")
        side = "x".join(map(str, self.image_shape[1:]))
        needed = f"up to {most} images of {side} bytes" if is_images else f"up to {most} labels, one for each image"
        raise DatasetAlteredError(f"{file.path} holds {held}, but {self.title} needs {needed}; {REPAIR}")

    def largest_bytes(self, name: str) -> int:
        """Most bytes that a packed file of the data set can have: a little more than what is in it."""
        for split, (images, _) in self.files.items():
            if name in self.files[split]:
                each = math.prod(self.image_shape) if name == images else 4 * self.label_columns
                return self.sizes[split] * each * 101 // 100 + 100_000
        return LARGEST_ARCHIVE

    def raw_folder(self, data_dir: Path) -> Path:
        """The folder that holds the files."""
        return data_dir / self.source / "raw"

    def published(self) -> Published:
        """URLs and MD5 of each file that can be downloaded, by name, as torchvision lists them."""
        source = self._torchvision_class()
        return {name: ([mirror + name for mirror in source.mirrors], md5) for name, md5 in source.resources}

    def _existing(self, path: Path) -> Path:
        """The packed file if it is there, as its checksum is published; else the unpacked one."""
        return path if path.is_file() else path.with_suffix("")

    def _unpack(self, folder: Path, names: Sequence[str]) -> None:
        with zipfile.ZipFile(folder / self.archive) as packed:
            for name in names:
                with written_whole(folder / name) as part:
                    part.write_bytes(packed.read(f"gzip/{name}"))

    def _check_readable(self, path: Path) -> None:
        """See that a file is whole, and as large as one of this data set may be."""
        packed = path.name if path.suffix == ".gz" else f"{path.name}.gz"
        with open_idx(path) as file:
            is_images = any(packed == images for images, _ in self.files.values())
            self._check_header(file, is_images, max(self.sizes.values()))
            file.read()


class QMNISTDataset(PublishedDataset):
    """QMNIST, which torchvision lists by split and with whole addresses."""

    def published(self) -> Published:
        """URLs and MD5 of each file."""
        source = self._torchvision_class()
        listed = [*source.resources["train"], *source.resources["test"]]
        return {url.rpartition("/")[2]: ([url], md5) for url, md5 in listed}


class EMNISTDataset(PublishedDataset):
    """A part of EMNIST, whose parts all come in one archive."""

    def published(self) -> Published:
        """URL and MD5 of the archive."""
        source = self._torchvision_class()
        return {self.archive: ([source.url], source.md5)}
