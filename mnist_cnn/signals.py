"""Signals that ask to stop: Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP). None ends in a traceback.

The first is answered in order, as by saving a run. Others within a second belong to it: supervisors send several, and
terminals send one to all processes of a run. A later one ends the process at once. Signals that were ignored when the
program started, as by nohup, stay ignored.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from mnist_cnn.console import PROGRAM

STOP_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows has two
]
TOGETHER = 1.0  # seconds
PATIENCE = 10.0  # seconds that the end of a command may take that has nothing to save

Reaction = Callable[[int], Any]


class _State:
    """What is known of signals in this process: handlers can be told nothing else."""

    first: tuple[int, float] | None = None  # the first signal, and when it came
    owns_process = False
    react: Reaction | None = None


@contextmanager
def listening(owns_process: bool) -> Iterator[None]:
    """Answer signals for as long as a command runs, by a KeyboardInterrupt unless something else is set.

    Args:
        owns_process: Whether the process ends with the command. Its handlers then stay, as Python's own would end in a
            traceback while it goes down, and a second signal ends the process.
    """
    before = _State.first, _State.owns_process, _State.react
    _State.first, _State.owns_process, _State.react = None, owns_process, _interrupt
    previous = take_over()
    try:
        yield
    finally:
        if owns_process:
            _State.react = leave
        else:
            give_back(previous)
            _State.first, _State.owns_process, _State.react = before


@contextmanager
def answered_by(react: Reaction) -> Iterator[None]:
    """Have the first signal answered by a function for a while."""
    before, _State.react = _State.react, react
    try:
        yield
    finally:
        _State.react = before


def take_over(react: Reaction | None = None) -> dict[int, Any]:
    """Answer signals, but for those that are ignored; in the main thread alone, as Python allows no other.

    Args:
        react: Answers the first signal in the place of what is set.

    Returns:
        The handlers that were there, for `give_back`.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    if react is not None and not _State.owns_process:
        _State.first = None  # that of an earlier run in this process

    def answer(number: int, frame: Any) -> None:
        _on_signal(number, react or _State.react or _interrupt)

    previous = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    previous = {number: handler for number, handler in previous.items() if handler not in (signal.SIG_IGN, None)}
    for number in previous:
        signal.signal(number, answer)
    return previous


def give_back(previous: dict[int, Any]) -> None:
    """Put handlers back that `take_over` gave."""
    for number, handler in previous.items():
        signal.signal(number, handler)


def owns_process() -> bool:
    """Whether the process ends with the command that it runs."""
    return _State.owns_process


def first_signal() -> int | None:
    """The signal that asked for a stop first, if one did."""
    return _State.first[0] if _State.first else None


def name_of(number: int) -> str:
    """Name of a signal, as SIGTERM."""
    return signal.Signals(number).name


def leave(number: int) -> NoReturn:
    """End the process at once, with a line and the status of the first signal, whatever it is doing."""
    with suppress(Exception):  # it may be in the middle of writing there
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, f"\n{PROGRAM}: stopped by {name_of(number)}\n".encode())
    os._exit(128 + (first_signal() or number))


def _on_signal(number: int, react: Reaction) -> None:
    if _State.first is None:
        _State.first = (number, time.monotonic())
        react(number)
    elif time.monotonic() - _State.first[1] >= TOGETHER:
        if _State.owns_process:
            leave(number)
        _interrupt(number)


def _interrupt(number: int) -> NoReturn:
    if (
        _State.owns_process
    ):  # a library that is interrupted at a bad moment may wait for a thread of its own for minutes
        end = threading.Timer(PATIENCE, leave, [number])
        end.daemon = True
        end.start()
    raise KeyboardInterrupt
