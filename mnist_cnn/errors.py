"""Errors that the user can put right. The command line prints their text alone, without a traceback."""

import errno
import re
from pathlib import Path
from typing import Any, get_args

# What the system's own words leave open: what is meant, or the way out. Others are given as the system says them.
SYSTEM_WORDS = {
    "ENOENT": "there is no such file or folder",
    "EACCES": "it may not be read or written by you",
    "EPERM": "it may not be read or written by you",
    "ENOTDIR": "a part of the path is a file, where a folder is needed",
    "EEXIST": "that is a file, where a folder is needed",
    "EISDIR": "that is a folder, where a file is needed",
    "ENOSPC": "no space is left on the disk: free some",
    "EDQUOT": "your share of the disk is used up: free some of it",
    "EFBIG": "the file would be larger than the system allows (see ulimit -f)",
    "EROFS": "the disk can only be read: choose a folder on another one",
    "EIO": "the disk reports that it cannot be read or written (input/output error)",
    "ENAMETOOLONG": "the name is longer than the system takes",
    "ESTALE": "the network folder was changed or taken away by another machine",
    "EMFILE": "too many files are open at once (see ulimit -n)",
}
# How Python words what never reaches the system, as exceptions that are no OSErrors.
PYTHON_WORDS = {
    "embedded null": "a path holds a NUL character, which no file's name can have",
    "determine home directory": "the home folder that ~ stands for is not known",
}
LONGEST_SHOWN = 120


class UserError(ValueError):
    """A mistake in a value, a file or the set-up; the text names the value, what is allowed and the way out."""


class UsageError(UserError):
    """Arguments of a command that are not understood."""


class TrainerError(UserError):
    """Settings that Lightning's Trainer does not take; the text is Lightning's."""


class LostProcessError(UserError):
    """One of the processes that train together has ended before its time."""


class DivergedError(UserError):
    """Training led to a loss or to weights that are no finite numbers."""


class RunLockedError(UserError):
    """Another process trains the run."""


class NotWrittenError(UserError):
    """A file of a run could not be written."""


class DatasetAbsentError(UserError):
    """Files of a data set are not there and could not be downloaded."""


class DatasetAlteredError(UserError):
    """A file of a data set differs from the published one and could not be replaced."""


class RunInterrupted(Exception):  # noqa: N818 - it is an event, not an error
    """A signal asked the run to stop, and its state is saved.

    Attributes:
        signal_number: The signal.
        checkpoint: The file that the run can be resumed from.
    """

    def __init__(self, signal_number: int, checkpoint: Path | None) -> None:
        super().__init__(f"stopped by signal {signal_number}; saved in {checkpoint}")
        self.signal_number, self.checkpoint = signal_number, checkpoint


def of_system(error: BaseException) -> str | None:
    """Put an error of the operating system, or of a path that it does not take, into words.

    Returns:
        The file's name, where it is known, and what is wrong with it; None for an error of another kind.
    """
    if isinstance(error, UserError):
        return None
    if not isinstance(error, OSError):
        found = [words for part, words in PYTHON_WORDS.items() if part in str(error)]
        return found[0] if isinstance(error, ValueError | RuntimeError) and found else None
    # Libraries of Python derive their own errors from OSError, with their own words.
    words = SYSTEM_WORDS.get(errno.errorcode.get(error.errno or 0, "")) or error.strerror or str(error)
    words = " ".join(words.split()) or type(error).__name__
    return f"{_shown(error.filename)}: {words}" if error.filename not in (None, "") else words


def shortened(text: str) -> str:
    """A name for a message: a long one is cut in the middle."""
    half = LONGEST_SHOWN // 2
    return text if len(text) <= LONGEST_SHOWN else f"{text[:half]}...{text[-half:]}"


def shown(value: object) -> str:
    """A setting for a message, as it is written in a flag or a config."""
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), shortened(str(value)))


def _shown(path: object) -> str:
    """A path for a message: what would move the cursor is spelled out."""
    text = shortened(path.decode(errors="replace") if isinstance(path, bytes) else str(path))
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def check_between(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raise a `UserError` that names the setting unless its value lies within the limits; None is no limit."""
    if not low <= value or (high is not None and value > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise UserError(f"{name}={value}: a number {span} is needed")


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise a `UserError` that names the setting unless its value is one of a `Literal` type's."""
    if value not in get_args(choices):
        raise UserError(f"{name}={value!r}: choose one of {', '.join(map(str, get_args(choices)))}")


def missing_package(who: str, message: str) -> str | None:
    """The sentence for a class that cannot be made without a package; None where that is not what is wrong.

    Args:
        who: Import path of the class.
        message: What was raised: libraries name the command that installs what they miss.
    """
    match = re.search(r"pip install (?:-U |--upgrade )?['\"`]?([A-Za-z0-9._-]+)", message)
    match = match or re.search(r"No module named '([A-Za-z0-9_-]+)", message)
    if match is None:
        return None
    package = match[1].rstrip(".")
    return f"{who.rpartition('.')[2]} takes the package {package}, which is not installed: pip install {package}"
