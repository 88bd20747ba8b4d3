"""What a path is: the one table of the kinds of own data."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mnist_cnn.data.own.source import Source
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

# A kind is a module of this room with a function `recognise(path, reading) -> Source | None`: None if the path is none
# of its kind. They are asked in this order, and imported only then.
KINDS = ("arrays", "parquet", "refused", "archives", "tables", "folders")

TAKEN = (
    "a folder or an archive (.zip, .tar, .tar.gz) of pictures in a folder for each class (train/CLASS/*.png, or "
    "CLASS/*.jpg), tables of pixels, or of pictures' names with their labels (.csv, .tsv), arrays (.npz, .npy, IDX, "
    ".mat) and .parquet"
)


def recognise(path: Path, reading: Reading) -> Source:
    """Find out what own data a path holds.

    Raises:
        UserError: if there is nothing, or nothing that is known.
    """
    for kind in KINDS:
        ask: Callable[[Path, Reading], Source | None] = import_module(f"mnist_cnn.data.own.{kind}").recognise
        if source := ask(path, reading):
            return source
    raise UserError(f"{path} holds no images that are known here; taken are {TAKEN}")
