"""The data sets by name: which files they are, whether these are intact, and reading them.

Real data sets lie in torchvision's layout, `<data_dir>/MNIST/raw/train-images-idx3-ubyte.gz` and so on, packed or
unpacked. Reading never writes, so the folder may be read-only; `mnist_cnn.data.download` fetches what is missing.
"""

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError, UserError

DatasetName = Literal["mnist", "fashion_mnist", "kmnist", "qmnist", "emnist_digits", "synthetic"]
Split = Literal["train", "test"]

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set.

    Attributes:
        title: Its name as its makers write it.
        folder: Its folder below the data folder; empty for generated digits.
        class_names: Names of the classes, by label.
        sizes: Number of images by split.
        files: Names of the packed image and label file by split.
        unpacked_md5: Checksums of unpacked files, where they are known; packed ones are listed by torchvision.
        transposed: Whether the files hold the images with rows and columns exchanged.
    """

    title: str
    folder: str
    class_names: tuple[str, ...]
    sizes: dict[Split, int]
    files: dict[Split, tuple[str, str]] = field(default_factory=dict)
    unpacked_md5: dict[str, str] = field(default_factory=dict)
    transposed: bool = False


def _idx_files(train: str, test: str, labels: str = "labels-idx1-ubyte") -> dict[Split, tuple[str, str]]:
    return {
        "train": (f"{train}-images-idx3-ubyte.gz", f"{train}-{labels}.gz"),
        "test": (f"{test}-images-idx3-ubyte.gz", f"{test}-{labels}.gz"),
    }


DATASETS: dict[str, Dataset] = {
    "mnist": Dataset(
        title="MNIST",
        folder="MNIST",
        class_names=DIGITS,
        sizes={"train": 60_000, "test": 10_000},
        files=_idx_files("train", "t10k"),
        unpacked_md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": Dataset(
        title="Fashion-MNIST",
        folder="FashionMNIST",
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        sizes={"train": 60_000, "test": 10_000},
        files=_idx_files("train", "t10k"),
        unpacked_md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
    "kmnist": Dataset(
        title="Kuzushiji-MNIST",
        folder="KMNIST",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        sizes={"train": 60_000, "test": 10_000},
        files=_idx_files("train", "t10k"),
    ),
    "qmnist": Dataset(
        title="QMNIST",
        folder="QMNIST",
        class_names=DIGITS,
        sizes={"train": 60_000, "test": 60_000},
        files=_idx_files("qmnist-train", "qmnist-test", labels="labels-idx2-int"),
    ),
    "emnist_digits": Dataset(
        title="EMNIST Digits",
        folder="EMNIST",
        class_names=DIGITS,
        sizes={"train": 240_000, "test": 40_000},
        files=_idx_files("emnist-digits-train", "emnist-digits-test"),
        transposed=True,
    ),
    "synthetic": Dataset(
        title="synthetic digits",
        folder="",
        class_names=DIGITS,
        sizes={"train": 60_000, "test": 10_000},
    ),
}


def find_dataset(name: str) -> Dataset:
    """Look a data set up by its name.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in DATASETS:
        raise UserError(f"data set {name!r} is not known; choose one of {', '.join(DATASETS)}")
    return DATASETS[name]


def default_data_dir(data_dir: str | None) -> Path:
    """The folder of all data sets: the given one, else that of the environment variable MNIST_CNN_DATA, else `data`."""
    return Path(data_dir or os.environ.get("MNIST_CNN_DATA") or "data").expanduser()


def raw_folder(dataset: Dataset, data_dir: Path) -> Path:
    """The folder that holds the files of `dataset`."""
    return data_dir / dataset.folder / "raw"


def absent_files(dataset: Dataset, data_dir: Path, split: Split) -> list[str]:
    """Names of the packed files of a split that are there neither packed nor unpacked."""
    folder = raw_folder(dataset, data_dir)
    names = dataset.files.get(split, ())
    return [name for name in names if not (folder / name).is_file() and not (folder / name).with_suffix("").is_file()]


def altered_file(dataset: Dataset, data_dir: Path, name: str, packed_md5: str | None) -> str | None:
    """Compare a file that is there with its published checksum, be it packed or not.

    Args:
        dataset: The data set.
        data_dir: The folder of all data sets.
        name: Name of the packed file.
        packed_md5: Its checksum, if one is published.

    Returns:
        None for an intact file, else a sentence with path, expected and found checksum, or what else is wrong.
    """
    path = _existing(raw_folder(dataset, data_dir) / name)
    expected = packed_md5 if path.suffix == ".gz" else dataset.unpacked_md5.get(path.name)
    if expected is None:  # nothing to compare with, but a damaged file shows when it is read
        try:
            read_idx(path)
        except DatasetAlteredError as error:
            return str(error)
        return None
    found = file_md5(path)
    return None if found == expected else f"{path} is altered or truncated: MD5 {expected} expected, {found} found"


def file_md5(path: Path) -> str:
    """MD5 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() if hasattr(hashlib, "file_digest") else _md5(file.read())


def read_dataset(name: str, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Read a split of a data set, without writing anything and without a network.

    Args:
        name: One of `DATASETS`.
        data_dir: The folder that holds the data sets' folders.
        split: "train" or "test".
        limit: Read at most so many of the first images; None reads all.

    Returns:
        uint8 images (N, 1, 28, 28) and int64 labels (N,).

    Raises:
        DatasetAbsentError: if a file is not there.
        DatasetAlteredError: if a file is damaged.
    """
    dataset = find_dataset(name)
    size = dataset.sizes[split] if limit is None else min(limit, dataset.sizes[split])
    if name == "synthetic":
        return synthetic_digits(range(size), split=split)
    if absent := absent_files(dataset, data_dir, split):
        raise DatasetAbsentError(f"{dataset.title}: {', '.join(absent)} not found in {raw_folder(dataset, data_dir)}")
    images_path, labels_path = (_existing(raw_folder(dataset, data_dir) / file) for file in dataset.files[split])
    images, labels = read_idx(images_path), read_idx(labels_path)
    if labels.ndim == 2:  # QMNIST: the class comes first, then writer and provenance
        labels = labels[:, 0]
    if images.ndim != 3 or len(images) != len(labels):
        shapes = f"{tuple(images.shape)} and {tuple(labels.shape)}"
        raise DatasetAlteredError(f"{images_path} and {labels_path.name} do not belong together: shapes {shapes}")
    if labels.min() < 0 or labels.max() >= len(dataset.class_names):
        bad = int(labels.max() if labels.max() >= len(dataset.class_names) else labels.min())
        raise DatasetAlteredError(f"{labels_path} holds the label {bad}, but {dataset.title} has classes 0 to 9")
    if dataset.transposed:
        images = images.transpose(1, 2).contiguous()
    return images[:size, None], labels[:size].long()


def read_idx(path: Path) -> Tensor:
    """Read an array in the IDX format of MNIST's makers (bytes or 32-bit integers), packed with gzip or not.

    Raises:
        DatasetAlteredError: if the file is damaged or is no such file.
    """
    repair = "delete it, so that it is downloaded again, or replace it"
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetAlteredError(f"{path} cannot be read ({error}); {repair}") from error
    # Two zero bytes, the element type, the number of dimensions; then each dimension as a big-endian integer.
    types: dict[int, np.dtype[Any]] = {0x08: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in types:
        raise DatasetAlteredError(f"{path} is no IDX file of bytes or integers; {repair}")
    dtype, dimensions = types[content[2]], content[3]
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise DatasetAlteredError(f"{path} is truncated: {expected} bytes expected, {len(content)} found; {repair}")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return torch.from_numpy(array.astype(dtype.newbyteorder("=")))


def _existing(packed: Path) -> Path:
    """The packed file if it is there, as its checksum is published; else the unpacked one."""
    return packed if packed.is_file() else packed.with_suffix("")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
