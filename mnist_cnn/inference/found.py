"""Finding pictures by the names of files and folders."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import kind_of_file, known_formats
from mnist_cnn.errors import shortened

STANDARD_INPUT = "-"


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
                failures.append(f"{printable(name)}: there are no pictures in this folder")
    return found, failures


def opened(picture: Path) -> Any:
    """What a classifier is given for a picture of `find_pictures`: the path, or the standard input."""
    return sys.stdin.buffer if str(picture) == STANDARD_INPUT else picture


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


def _pictures_below(folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures in a folder and all below it, in their order, and a line on each folder that cannot be read."""
    formats = set(known_formats()) | {"MPO"}  # photographs of several parts, the first of which is a JPEG
    endings = {ending for ending, name in Image.registered_extensions().items() if name in formats}
    found: list[Path] = []
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        unreadable.append(f"{printable(error.filename)}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(place, name) for name in files if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in endings and path.is_file()]
    return sorted(found), unreadable
