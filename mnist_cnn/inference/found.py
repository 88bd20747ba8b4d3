"""Finding pictures, and files of many images, by the names of files and folders."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import kind_of_file, known_formats
from mnist_cnn.data.own.pictures import UNREAD_PHOTOGRAPHS
from mnist_cnn.errors import shortened

STANDARD_INPUT = "-"
# How files of many images end, and how they begin. What is in them, own data's readers find out.
DATA_ENDINGS = (
    *(".csv", ".tsv", ".csv.gz", ".tsv.gz", ".npy", ".npz", ".mat", ".parquet", ".idx", "-ubyte"),
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz", ".rar", ".7z"),
    *(".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".h5", ".hdf5"),
)
DATA_MARKS = (
    *(b"\x93NUMPY", b"PAR1", b"MATLAB 5.0", b"\x89HDF\r\n", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh"),
    *(b"\xfd7zXZ", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
)
IDX_TYPES = (b"\x08", b"\x09", b"\x0b", b"\x0c", b"\x0d", b"\x0e")
IDX_DIMENSIONS = (b"\x01", b"\x02", b"\x03", b"\x04")
TAR_MARK, TAR_MARK_AT = b"ustar", 257


def find_pictures(names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """List the pictures among files and, with all that is in them, folders.

    In folders everything hidden (a name that begins with a dot) is passed over, and so are links to other folders.

    Args:
        names: Names of files and folders; "-", the standard input, is given back as it is.

    Returns:
        The pictures, and a line on each name that gives none.
    """
    found: list[Path] = []
    failures: list[str] = []
    for name in names:
        if problem := _problem_of(name):
            failures.append(f"{printable(shortened(name))}: {problem}")
        elif not Path(name).is_dir():
            found.append(Path(name))
        else:
            inside, unreadable = _pictures_below(Path(name))
            found += inside
            failures += unreadable
            if not inside and not unreadable:
                failures.append(f"{printable(name)}: there are no pictures in this folder{_other_way(Path(name))}")
    return found, failures


def holds_data(path: Path) -> bool:
    """Whether a path is a file of many images, as a table or an array: by the end of its name, or by how it begins."""
    if str(path) == STANDARD_INPUT:
        return False
    if path.name.lower().endswith(DATA_ENDINGS):
        return True
    try:
        with path.open("rb") as file:
            beginning = file.read(TAR_MARK_AT + len(TAR_MARK))
    except OSError:  # which is said when it is read as a picture
        return False
    is_idx = beginning[:2] == b"\0\0" and beginning[2:3] in IDX_TYPES and beginning[3:4] in IDX_DIMENSIONS
    return beginning.startswith(DATA_MARKS) or is_idx or beginning[TAR_MARK_AT:] == TAR_MARK


def _problem_of(name: str) -> str:
    """Why a name is that of no file and no folder; empty if it is one."""
    if name == STANDARD_INPUT:
        is_given = sys.stdin is not None and not sys.stdin.isatty()
        return "" if is_given else "no picture comes over the standard input; send one, as in: predict - < photo.jpg"
    path = Path(name)
    try:
        if path.is_dir() or path.is_file():
            return ""
        if "://" in name:
            return "an address is not fetched; download the picture and name its file"
        if path.exists():
            return f"{kind_of_file(path)}, no file; to read from a pipe name - and send the picture there"
    except OSError as error:  # a folder that is not to be looked into, or a name that is too long
        return error.strerror or str(error)
    return "there is no such file"


def _other_way(folder: Path) -> str:
    """What to name instead of a folder without pictures, if there is anything in it."""
    found = sorted(
        (path for path in folder.iterdir() if path.is_file() and holds_data(path)),
        key=lambda path: ("test" not in path.name.lower(), path),  # that is what is to be answered
    )
    return f"; name the files of many images in it, as {printable(found[0])}" if found else ""


def _pictures_below(folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures in a folder and all below it, in their order, and a line on each folder that cannot be read."""
    formats = set(known_formats()) | {"MPO"}  # photographs of several parts, the first of which is a JPEG
    endings = {ending for ending, name in Image.registered_extensions().items() if name in formats}
    endings |= {*UNREAD_PHOTOGRAPHS}  # which are named as such, one by one
    found: list[Path] = []
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        unreadable.append(f"{printable(error.filename)}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(place, name) for name in files if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in endings and path.is_file()]
    return sorted(found), unreadable
