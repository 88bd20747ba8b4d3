"""Published data sets: which files they are, whether these are intact, obtaining and reading them.

They lie in torchvision's layout, `<data_dir>/MNIST/raw/train-images-idx3-ubyte.gz` and so on, packed or unpacked.
Reading never writes, so the folder may be read-only.
"""

import math
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from mnist_cnn.console import remark
from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.download import CONNECT_SECONDS, download_from_any
from mnist_cnn.data.idx import REPAIR, IDXFile, file_md5, open_idx
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError
from mnist_cnn.files import written_whole

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_ARCHIVE = 600_000_000  # EMNIST's has 562 million bytes

Files = dict[Split, tuple[str, str]]
Published = dict[str, tuple[list[str], str]]


@dataclass(frozen=True, eq=False)
class PublishedDataset(Dataset):
    """A data set in IDX files, which torchvision knows where to get.

    Attributes:
        folder: Its folder below the data folder, which is its class in `torchvision.datasets` too.
        files: Names of the packed image and label file by split.
        md5: Published checksums of packed and unpacked files; of others it is seen whether they can be read.
        transposed: Whether the files hold the images with rows and columns exchanged.
        archive: The file that is downloaded and holds all others; empty where each comes by itself.
        label_columns: How many numbers the label files have of each image, the first of which is its class.
    """

    title: str
    folder: str
    class_names: tuple[str, ...]
    sizes: dict[Split, int]
    files: Files
    md5: dict[str, str] = field(default_factory=dict)
    layout: Layout = "digit"
    transposed: bool = False
    archive: str = ""
    label_columns: int = 1

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Make sure that the files are there and intact, and download those that are not; see `Dataset.obtain`.

        Files that are there are used without touching the network, also in a folder that cannot be written. Several
        processes that need the same files at once download them once.
        """
        if not any(self._flawed_files(data_dir, splits)):
            return
        folder = self.raw_folder(data_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            start = time.monotonic()
            with FileLock(folder / ".download.lock"):
                # Another process may have fetched them while this one waited for the lock, or have tried in vain.
                absent, altered = self._flawed_files(data_dir, splits)
                if (absent or altered) and time.monotonic() - start > CONNECT_SECONDS:
                    raise self._explained(data_dir, absent, altered, ["another process tried just now"])
                self._fetch(data_dir, absent, altered)
        except OSError as error:
            absent, altered = self._flawed_files(data_dir, splits)
            raise self._explained(data_dir, absent, altered, [f"writing to {folder}: {error}"]) from error

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Tensor, Tensor]":
        """Read a split; see `Dataset.read`."""
        folder = self.raw_folder(data_dir)
        if absent := self.absent_files(data_dir, [split]):
            raise DatasetAbsentError(f"{self.title}: {', '.join(absent)} not found in {folder}")
        images_path, labels_path = (_existing(folder / file) for file in self.files[split])
        with open_idx(images_path) as images_file, open_idx(labels_path) as labels_file:
            self._check_belonging(images_file, labels_file, split)
            images, labels = images_file.read(), labels_file.read()
        if labels.ndim == 2:  # QMNIST: the class comes first, then writer and provenance
            labels = labels[:, 0]
        if labels.min() < 0 or labels.max() >= len(self.class_names):
            bad = int(labels.max() if labels.max() >= len(self.class_names) else labels.min())
            last = len(self.class_names) - 1
            raise DatasetAlteredError(f"{labels_path} holds the label {bad}, but {self.title} has classes 0 to {last}")
        if self.transposed:
            images = images.transpose(1, 2).contiguous()
        size = self.sizes[split] if limit is None else min(limit, self.sizes[split])
        return images[:size, None], labels[:size].long()

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
        return data_dir / self.folder / "raw"

    def absent_files(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> list[str]:
        """Names of the packed files that are there neither packed nor unpacked."""
        names = [self.raw_folder(data_dir) / name for split in splits for name in self.files[split]]
        return [path.name for path in names if not path.is_file() and not path.with_suffix("").is_file()]

    def count_files(self) -> int:
        """Number of files in all."""
        return sum(len(names) for names in self.files.values())

    def published(self) -> Published:
        """URLs and MD5 of each file that can be downloaded, by name, as torchvision lists them."""
        source = self._torchvision_class()
        return {name: ([mirror + name for mirror in source.mirrors], md5) for name, md5 in source.resources}

    def _torchvision_class(self) -> Any:
        import torchvision.datasets  # seconds, which a run that has its files should not spend

        return getattr(torchvision.datasets, self.folder)

    def _flawed_files(self, data_dir: Path, splits: Sequence[Split]) -> tuple[list[str], dict[str, str]]:
        """List the absent files, and the altered ones with what is wrong with each."""
        absent = self.absent_files(data_dir, splits)
        present = [name for split in splits for name in self.files[split] if name not in absent]
        flaws = {name: self._flaw_of(_existing(self.raw_folder(data_dir) / name)) for name in present}
        return absent, {name: flaw for name, flaw in flaws.items() if flaw}

    def _flaw_of(self, path: Path) -> str | None:
        """What is wrong with a file that is there, in a sentence with both checksums; None if it is intact."""
        expected = self.md5.get(path.name)
        if expected is None:  # nothing to compare with, but a damaged file shows when it is read
            try:
                self._check_readable(path)
            except DatasetAlteredError as error:
                return str(error)
            return None
        if path.stat().st_size > 2 * self.largest_bytes(f"{path.name.removesuffix('.gz')}.gz"):
            return f"{path} is altered: it has {path.stat().st_size} bytes"
        found = file_md5(path)
        return None if found == expected else f"{path} is altered or truncated: MD5 {expected} expected, {found} found"

    def _check_readable(self, path: Path) -> None:
        """See that a file is whole, and as large as one of this data set may be."""
        packed = path.name if path.suffix == ".gz" else f"{path.name}.gz"
        with open_idx(path) as file:
            is_images = any(packed == images for images, _ in self.files.values())
            self._check_header(file, is_images, max(self.sizes.values()))
            file.read()

    def _fetch(self, data_dir: Path, absent: list[str], altered: dict[str, str]) -> None:
        """Download the given files.

        What comes is the packed file. An unpacked one that was altered stays, but is not read any more beside it.
        """
        folder = self.raw_folder(data_dir)
        for flaw in altered.values():
            remark(f"{flaw}; fetching it again")
        wanted = [*absent, *altered]
        published = self.published()
        for file in [self.archive] if wanted and self.archive else wanted:
            urls, md5 = published[file]
            tried = download_from_any(urls, folder / file, md5, self.largest_bytes(file))
            if len(tried) == len(urls):
                raise self._explained(data_dir, absent, altered, tried)
        if wanted and self.archive:
            _unpack(folder / self.archive, folder, wanted)

    def _explained(
        self, data_dir: Path, absent: list[str], altered: dict[str, str], tried: list[str]
    ) -> DatasetAbsentError | DatasetAlteredError:
        """Say what is missing or damaged, what was tried and what to do."""
        folder = self.raw_folder(data_dir)
        files = ", ".join([*absent, *altered])
        attempts = "; ".join(tried)
        remedy = (
            f"put {files} into {folder}, or name a folder that has {self.folder}/raw/ with --data.data_dir or the "
            f"environment variable MNIST_CNN_DATA, or train on generated digits with --data.dataset synthetic"
        )
        if altered:
            return DatasetAlteredError(
                f"{'; '.join(altered.values())}. Could not be fetched ({attempts}).\nWay out: {remedy}"
            )
        where = f"{self.title} is not in {folder} and could not be downloaded ({attempts})"
        return DatasetAbsentError(f"{where}.\nWay out: {remedy}")


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


def _existing(packed: Path) -> Path:
    """The packed file if it is there, as its checksum is published; else the unpacked one."""
    return packed if packed.is_file() else packed.with_suffix("")


def _unpack(archive: Path, folder: Path, names: Sequence[str]) -> None:
    """Take the wanted files out of EMNIST's archive of 560 MB and delete it."""
    with zipfile.ZipFile(archive) as packed:
        for name in names:
            with written_whole(folder / name) as part:
                part.write_bytes(packed.read(f"gzip/{name}"))
    archive.unlink()
