"""Small data sets in the files of CIFAR, SVHN and USPS, with checksums of their own."""

import bz2
import hashlib
import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from mnist_cnn.data.downloaded import CheckedDataset
from mnist_cnn.data.registry import find_dataset

COUNT = 12  # images in each file


def write_checked(name: str, data_dir: Path) -> CheckedDataset:
    """Write random images as the data set `name`: `COUNT` for each of its files.

    Returns:
        The data set, with the checksums of these files in the place of the published ones.
    """
    dataset = find_dataset(name)
    assert isinstance(dataset, CheckedDataset)
    md5 = {}
    for position, file in enumerate(file for files in dataset.files.values() for file in files):
        random = np.random.default_rng(position)
        images = random.integers(0, 256, (COUNT, *dataset.image_shape), np.uint8)
        labels = random.permutation(np.arange(COUNT) % len(dataset.class_names))
        content = {"svhn": _mat, "usps": _libsvm}.get(name, _batch)(images, labels, len(dataset.class_names))
        path = data_dir / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        md5[path.name] = hashlib.md5(content).hexdigest()
    return replace(dataset, md5=md5)


def packed(dataset: CheckedDataset, data_dir: Path) -> str:
    """Put all files into the archive and remove them.

    Returns:
        The archive's checksum.
    """
    path = data_dir / dataset.archive
    with tarfile.open(path, "w:gz") as archive:
        for files in dataset.files.values():
            for file in files:
                archive.add(data_dir / file, file)
                (data_dir / file).unlink()
    return hashlib.md5(path.read_bytes()).hexdigest()


def told_to_torchvision(dataset: CheckedDataset, monkeypatch: pytest.MonkeyPatch) -> Any:
    """torchvision's class of a data set, which takes the small files for the published ones."""
    source = dataset._torchvision_class()
    if hasattr(source, "split_list"):
        listed = {key: [url, file, dataset.md5.get(file, md5)] for key, (url, file, md5) in source.split_list.items()}
        monkeypatch.setattr(source, "split_list", listed)
        return source
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(source, name, [[file, dataset.md5[file]] for file, _ in getattr(source, name)])
    monkeypatch.setattr(source, "_load_meta", lambda source: None)
    return source


def _batch(images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int) -> bytes:
    names = {"coarse_labels": (labels // 5).tolist(), "fine_labels": labels.tolist()}
    held = names if classes == 100 else {"labels": labels.tolist()}
    return pickle.dumps({"data": images.reshape(len(images), -1), **held}, protocol=2)


def _mat(images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int) -> bytes:
    file = io.BytesIO()
    savemat(file, {"X": images.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)})
    return file.getvalue()


def _libsvm(images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int) -> bytes:
    values = images.reshape(len(images), -1) / 127.5 - 1
    lines = [
        " ".join([str(label + 1), *(f"{place}:{value:.6g}" for place, value in enumerate(row, start=1))]) + " \n"
        for label, row in zip(labels, values, strict=True)
    ]
    return bz2.compress("".join(lines).encode())
