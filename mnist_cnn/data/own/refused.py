"""What is not read because reading it runs code: pickles, in all the forms that they come in."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnist_cnn.console import printable
from mnist_cnn.data.own.pictures import has_picture_name
from mnist_cnn.data.own.source import Source
from mnist_cnn.data.own.stored import UNPACKING_ERRORS
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

SUFFIXES = (".pkl", ".pickle", ".p", ".pt", ".pth", ".joblib", ".ckpt")
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt")
PACKINGS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
CIFAR_NAMES = ("data_batch_", "test_batch", "batches.meta")
MOST_FILES = 1000  # looked at in a folder


def recognise(path: Path, reading: Reading) -> Source | None:
    """Nothing: a pickle, or a folder of pickles, is an error that says how it is converted.

    Raises:
        UserError: for these.
    """
    if path.is_file() and is_pickle(path):
        raise UserError(f"{printable(path)} {refusal(path)}")
    if path.is_dir():
        files = [file for file in _below(path) if file.is_file() and not file.name.startswith(".")]
        if not any(has_picture_name(file.name) for file in files):
            for file in files:
                if is_pickle(file):
                    raise UserError(f"{printable(path)} holds pickles: {printable(file.name)} {refusal(file)}")
    return None


def _below(folder: Path) -> list[Path]:
    """Files in a folder and in the folders in it, up to a number."""
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        found += sorted(entry.iterdir())[:MOST_FILES] if entry.is_dir() and not entry.is_symlink() else [entry]
        if len(found) > MOST_FILES:
            break
    return found[:MOST_FILES]


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, by its name or its first bytes, also under a packing."""
    name = path.name.lower()
    for ending in (".gz", ".bz2", ".xz", ".z"):
        name = name.removesuffix(ending)
    if name.endswith(SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if zipfile.is_zipfile(path):
            return _is_torch_archive(path)
        for mark, open_packed in PACKINGS.items():
            if head.startswith(mark):
                with open_packed(path) as packed:
                    head = packed.read(8)
    except (*UNPACKING_ERRORS, ValueError, lzma.LZMAError):
        return False
    # Protocols 2 to 5 begin so; earlier ones are text, and told by their names alone.
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def _is_torch_archive(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.rpartition("/")[2] == "data.pkl" for name in archive.namelist()[:MOST_FILES])


def refusal(path: Path) -> str:
    """Why it is not read, and how it is converted by who trusts it: what follows its name in a sentence."""
    reason = "is a pickle, which runs code when it is read, and is not read here"
    name, file = path.name.lower(), repr(path.name)
    if any(part in name for part in CIFAR_NAMES):
        return (
            f"{reason}; CIFAR-10 by name (--data.dataset cifar10) is checked by its checksum, and pictures, .npz or "
            f"Parquet need no pickle. If you trust it: d = pickle.load(open({file}, 'rb'), encoding='latin1'); "
            f"numpy.savez({path.name + '.npz'!r}, images=d['data'], labels=d['labels'])"
        )
    save = f"numpy.savez({path.name.split('.')[0] + '.npz'!r}, x_train=..., y_train=..., x_test=..., y_test=...)"
    return f"{reason}. If you trust it, convert it once in Python: data = {_loaded(path, file)}; {save}"


def _loaded(path: Path, file: str) -> str:
    """The expression that reads it."""
    if any(suffix in TORCH_SUFFIXES for suffix in path.suffixes):
        return f"torch.load({file}, weights_only=True)"
    if ".joblib" in path.suffixes:
        return f"joblib.load({file})"
    packed = {".gz": "gzip.open", ".bz2": "bz2.open", ".xz": "lzma.open"}
    return f"pickle.load({packed.get(path.suffix.lower(), 'open')}({file}, 'rb'), encoding='latin1')"
