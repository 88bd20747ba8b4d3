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

from mnist_cnn.data.base import Dataset
from mnist_cnn.data.catalogue import DATASETS
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.reformed import reformed
from mnist_cnn.errors import UserError
from mnist_cnn.files import expanded

GROUP = "mnist_cnn.datasets"
_registered: dict[str, Dataset] = dict(DATASETS)


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
        reading: How it is read where that is left open, and the form that its images are brought into.

    Raises:
        UserError: if there is none of that name, and nothing in that place.
    """
    reading = reading or Reading()
    if known := _known(name):
        return reformed(known, reading)
    dataset = _own(name, reading)
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


def _own(name: str, reading: Reading) -> Dataset | None:
    path = expanded(name)
    return _at(path, reading) if path.exists() else None


@lru_cache(maxsize=8)  # what is asked for several times while a run is built should be looked through once
def _at(path: Path, reading: Reading) -> Dataset:
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
