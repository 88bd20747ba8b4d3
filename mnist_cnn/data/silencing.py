"""Keeping what libraries print past Python's own ways off the screen while pictures are decoded, in several threads."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from threading import Lock
from typing import Any

from PIL import Image


class _WhileNeeded:
    """A change of the whole process that is made once, and taken back when the last thread needs it no more."""

    def __init__(self, change: Callable[[], AbstractContextManager[None]]) -> None:
        self._change, self._lock, self._users, self._made = change, Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._made.enter_context(self._change())
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._made.close()


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_standard_error() -> Iterator[None]:
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is none, as in a program without a console
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


# Keeps warnings with lines of libraries' source from the screen.
undisturbed = _WhileNeeded(_without_warnings)
_silenced = _WhileNeeded(_without_standard_error)


def is_loud(image: Image.Image) -> bool:
    """Whether libtiff is going to decode it, which writes to the standard error itself, past Python."""
    return "libtiff" in {str(tile[0]) for tile in getattr(image, "tile", None) or []}


def libtiff_silenced(image: Any) -> AbstractContextManager[None]:
    """Send the standard error nowhere while libtiff decodes; for its files alone, as it is the whole process's."""
    return _silenced if is_loud(image) else nullcontext()
