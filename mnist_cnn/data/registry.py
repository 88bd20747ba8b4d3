"""The data sets by name. Others can be added without touching this package.

A program registers its own with `register`. An installed package offers it as an entry point, so that the command line
knows it by its name:

    [project.entry-points."mnist_cnn.datasets"]
    my_digits = "my_package:MyDigits"    # a Dataset, or a class of one
"""

import os
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.generated import SyntheticDigits
from mnist_cnn.data.published import EMNISTDataset, Files, PublishedDataset, QMNISTDataset
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from mnist_cnn.files import expanded

GROUP = "mnist_cnn.datasets"
DIGITS = tuple("0123456789")
MNIST_SIZES: dict[Split, int] = {"train": 60_000, "test": 10_000}


def _files(train: str, test: str, labels: str = "labels-idx1-ubyte") -> Files:
    return {
        "train": (f"{train}-images-idx3-ubyte.gz", f"{train}-{labels}.gz"),
        "test": (f"{test}-images-idx3-ubyte.gz", f"{test}-{labels}.gz"),
    }


_registered: dict[str, Dataset] = {
    "mnist": PublishedDataset(
        title="MNIST",
        folder="MNIST",
        class_names=DIGITS,
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": PublishedDataset(
        title="Fashion-MNIST",
        folder="FashionMNIST",
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        layout="garment",
    ),
    "kmnist": PublishedDataset(
        title="Kuzushiji-MNIST",
        folder="KMNIST",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
    "qmnist": QMNISTDataset(
        title="QMNIST",
        folder="QMNIST",
        class_names=DIGITS,
        sizes={"train": 60_000, "test": 60_000},
        files=_files("qmnist-train", "qmnist-test", labels="labels-idx2-int"),
        label_columns=8,
        md5={
            "qmnist-train-images-idx3-ubyte.gz": "ed72d4157d28c017586c42bc6afe6370",
            "qmnist-train-labels-idx2-int.gz": "0058f8dd561b90ffdd0f734c6a30e5e4",
            "qmnist-test-images-idx3-ubyte.gz": "1394631089c404de565df7b7aeaf9412",
            "qmnist-test-labels-idx2-int.gz": "5b5b05890a5e13444e108efe57b788aa",
        },
    ),
    "emnist_digits": EMNISTDataset(
        title="EMNIST Digits",
        folder="EMNIST",
        class_names=DIGITS,
        sizes={"train": 240_000, "test": 40_000},
        files=_files("emnist-digits-train", "emnist-digits-test"),
        transposed=True,
        archive="gzip.zip",
    ),
    "synthetic": SyntheticDigits(),
}


def register(name: str, dataset: Dataset) -> None:
    """Make a data set known by a name, under which `--data.dataset` and `MNISTDataModule` take it.

    Raises:
        UserError: if the name belongs to another one already.
    """
    if _registered.get(name, dataset) is not dataset:
        raise UserError(f"a data set of the name {name!r} is there already: choose another name")
    _registered[name] = dataset


def find_dataset(name: str, reading: Reading | None = None) -> Dataset:
    """Look a data set up by its name, or take the path of one's own.

    Args:
        name: A name that is known, else the path of a file or folder; `./mnist` is a folder even though there is a data
            set of that name.
        reading: How it is read where that is left open.

    Raises:
        UserError: if there is none of that name, and nothing in that place.
    """
    reading = reading or Reading()
    dataset = _known(name) or _own(name, reading)
    if dataset is None:
        raise UserError(
            f"data set {name!r} is not known, and no file or folder has that path; choose one of "
            f"{', '.join(dataset_names())}, or name your own images"
        )
    return dataset


def _known(name: str) -> Dataset | None:
    if name in _registered:
        return _registered[name]
    if name in offered():
        found = offered()[name].load()
        register(name, found() if isinstance(found, type) else found)
        return _registered[name]
    return None


@lru_cache(maxsize=8)  # what is looked at several times while a run is built should be looked through once
def _own(name: str, reading: Reading) -> Dataset | None:
    path = expanded(name)
    if not path.exists():
        return None
    from mnist_cnn.data.own.dataset import OwnDataset

    return OwnDataset(path, reading)


def dataset_names() -> list[str]:
    """Names of all data sets: this package's, those that were registered, and those that other packages offer."""
    return list(dict.fromkeys([*_registered, *offered()]))


def default_data_dir(data_dir: str | None) -> Path:
    """The folder of all data sets: the given one, else that of the environment variable MNIST_CNN_DATA, else `data`."""
    return expanded(data_dir or os.environ.get("MNIST_CNN_DATA") or "data")


@cache
def offered() -> dict[str, EntryPoint]:
    """What other packages offer, by name; it is not imported before it is asked for."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}
