"""Writing data sets in the format and layout of the real ones."""

import gzip
import hashlib
from pathlib import Path

import torch
from torch import Tensor

from mnist_cnn.data.datasets import DATASETS, raw_folder
from mnist_cnn.data.synthetic import synthetic_digits


def idx_bytes(array: Tensor) -> bytes:
    """Bytes or 32-bit integers in IDX format."""
    kind = 0x08 if array.dtype == torch.uint8 else 0x0C
    header = bytes([0, 0, kind, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    numpy = array.numpy()
    return header + (numpy if kind == 0x08 else numpy.astype(">i4")).tobytes()


def write_dataset(data_dir: Path, name: str = "mnist", train: int = 300, test: int = 100, packed: bool = True) -> None:
    """Write synthetic digits as the data set `name`."""
    dataset = DATASETS[name]
    folder = raw_folder(dataset, data_dir)
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
