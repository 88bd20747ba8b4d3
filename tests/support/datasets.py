"""Writing data sets in the format and layout of the real ones."""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.published import Published, PublishedDataset
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.seeding import generator


def idx_bytes(array: Tensor) -> bytes:
    """Bytes or 32-bit integers in IDX format."""
    kind = 0x08 if array.dtype == torch.uint8 else 0x0C
    header = bytes([0, 0, kind, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    numpy = array.numpy()
    return header + (numpy if kind == 0x08 else numpy.astype(">i4")).tobytes()


def whole(dataset: Dataset, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """A split in memory."""
    images, labels = dataset.read(data_dir, split, limit)
    return images[:], labels


def published_dataset(name: str = "mnist") -> PublishedDataset:
    """One of the data sets that consist of files."""
    dataset = find_dataset(name)
    assert isinstance(dataset, PublishedDataset)
    return dataset


@dataclass(frozen=True, eq=False)
class MirroredDataset(PublishedDataset):
    """A published data set whose files come from somewhere else than torchvision says.

    Attributes:
        listed: URLs and MD5 of each file that can be downloaded; tests may put other mirrors in.
    """

    listed: Published = field(default_factory=dict)

    def published(self) -> Published:
        return self.listed


def mirrored(listed: Published, name: str = "mnist", **changes: Any) -> MirroredDataset:
    """The data set `name` as it would be if `listed` were what torchvision lists."""
    dataset = published_dataset(name)
    known = {item.name: getattr(dataset, item.name) for item in fields(dataset)}
    md5 = {file: checksum for file, (_, checksum) in listed.items()}
    return MirroredDataset(**{**known, "md5": dataset.md5 | md5, "listed": listed, **changes})


def write_dataset(data_dir: Path, name: str = "mnist", train: int = 300, test: int = 100, packed: bool = True) -> None:
    """Write synthetic digits as the data set `name`."""
    dataset = published_dataset(name)
    folder = dataset.raw_folder(data_dir)
    folder.mkdir(parents=True)
    for split, count in (("train", train), ("test", test)):
        images, labels = synthetic_digits(range(count), split=split)
        contents = images[:, 0], labels.to(torch.uint8)
        for file, array in zip(dataset.files[split], contents, strict=True):  # type: ignore[index]
            if packed:
                (folder / file).write_bytes(gzip.compress(idx_bytes(array), mtime=0))
            else:
                (folder / file).with_suffix("").write_bytes(idx_bytes(array))


def checksums(folder: Path) -> dict[str, str]:
    """MD5 of every file in a folder, by name."""
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}


class ColouredBars(Dataset):
    """Images (3, 12, 10) of a bar whose colour is its class, on noise."""

    title = "coloured bars"
    class_names = ("red", "green", "blue")
    image_shape = (3, 12, 10)
    layout: Layout = "garment"

    def __init__(self) -> None:
        self.sizes = {"train": 400, "test": 60}

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Nothing."""

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
        random = generator("coloured bars", split)
        count = min(limit or self.sizes[split], self.sizes[split])
        labels = torch.randint(3, (count,), generator=random)
        images = torch.randint(60, (count, *self.image_shape), generator=random, dtype=torch.uint8)
        images[torch.arange(count), labels, 3:9, 4:6] += 150
        return images, labels
