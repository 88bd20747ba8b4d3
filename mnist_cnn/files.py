"""Files and what they hold: writing them so that they are whole or as they were, and settings as plain types."""

import errno
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from mnist_cnn.errors import UserError

CACHE_VARIABLE = "MNIST_CNN_CACHE"
# What goes wrong when bytes are written; the system does not say to which file.
NAMELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EISDIR)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Have a file appear under its name only when it is whole and on the disk.

    Yields:
        A temporary name beside `path`, with its ending, to be written to. Left without an exception, it takes the place
        of `path`; else it is removed, and `path` stays as it was.

    Raises:
        OSError: if the folder cannot be made or written; it names `path`.
    """
    asked, path = path, path.resolve()  # a link stays one, and what it names is written
    # A name of its own for each writer, and a short one: the file's own may be as long as the system allows.
    part = path.with_name(f".{uuid.uuid4().hex[:12]}.part{path.suffix[:40]}")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        put_on_disk(part)
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
        with suppress(OSError):  # some systems cannot; the file is in its place all the same
            put_on_disk(path.parent)
    except OSError as error:
        is_of_file = error.filename is None and error.errno in NAMELESS
        if is_of_file or str(error.filename) == str(part):  # nobody knows the temporary name
            error.filename = str(asked)
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def expanded(path: str | Path) -> Path:
    """A path as the system takes it: `file:///...` is the path in it, and `~` is spelled out.

    The `~` of a user who is not known stays as it is, as in a shell.

    Raises:
        UserError: for an address of another kind, as `s3://...`: it would be a folder of that name here.
    """
    # With one slash too: that is what is left of two in a Path. A single letter is a drive.
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", str(path)):
        address = urlsplit(str(path))
        if match[1].lower() != "file" or address.netloc not in ("", "localhost"):
            raise UserError(
                f"{path} is an address, and files are read and written on this machine alone: give a path, as "
                f"/data/mnist or file:///data/mnist"
            )
        path = unquote(address.path)
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def cache_folder() -> Path:
    """The folder for what can be made anew: the environment variable's, or where the system keeps such things.

    Raises:
        FileNotFoundError: if the user has no home folder, and the variable is not set.
    """
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError as error:  # a user without one, as in some containers
        raise FileNotFoundError("there is no home folder") from error
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(home / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(home / ".cache")
    return Path(base) / "mnist-cnn"


def append(path: Path, text: str) -> None:
    """Append lines to a file: all of them or, where the system refuses, none.

    Raises:
        OSError: if it does; it names `path`.
    """
    before = path.stat().st_size
    try:
        with path.open("a", newline="", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, before)
        error.filename = str(path)
        raise


def put_on_disk(path: Path) -> None:
    """Have the system put a file, or the names in a folder, onto the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_parts(folder: Path) -> None:
    """Remove what writers that were killed have left below a folder; nobody may be writing there."""
    for part in folder.rglob(".*.part*"):
        with suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, or leave what is there; see `written_whole`."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write plain types as JSON, whole; see `written_whole`."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    # Names of files may hold bytes that are no UTF-8; Python's escape for these is JSON's too.
    write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8"))


def plain(value: Any) -> Any:
    """Turn a setting into the plain types that checkpoints hold: tuples into lists, NumPy's numbers into Python's."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, PurePath):
        return str(value)
    return value.item() if hasattr(value, "item") else value


def is_plain(value: Any) -> bool:
    """Whether a value and all that it holds are plain types, which YAML and JSON can hold."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others laid over them. Another class brings its own settings, and none of the first one's."""
    if "class_path" in one and class_name(other.get("class_path", one["class_path"])) != class_name(one["class_path"]):
        return dict(other)
    result = dict(one)
    for name, value in other.items():
        before = result.get(name)
        if isinstance(before, Mapping) and isinstance(value, str) and "class_path" in before:
            value = {"class_path": value}  # a class may be given by its name alone
        if isinstance(before, str) and isinstance(value, Mapping) and value.keys() & {"class_path", "init_args"}:
            before = {"class_path": before}
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


def class_name(class_path: str) -> str:
    """The last part of a class's import path."""
    return str(class_path).rpartition(".")[2]


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested settings with dots."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
