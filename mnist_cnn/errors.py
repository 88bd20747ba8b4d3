"""Errors that the user can put right. The command line prints their text alone, without a traceback."""

from pathlib import Path
from typing import Any, get_args


class UserError(ValueError):
    """A mistake in a value, a file or the set-up; the text names the value, what is allowed and the way out."""


class UsageError(UserError):
    """Arguments of a command that are not understood."""


class TrainerError(UserError):
    """Settings that Lightning's Trainer does not take; the text is Lightning's."""


class DivergedError(UserError):
    """Training led to a loss or to weights that are no finite numbers."""


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


def check_between(name: str, value: float, low: float, high: float | None = None) -> None:
    """Raise a `UserError` that names the setting unless its value lies within the limits; None is no limit."""
    if not low <= value or (high is not None and value > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise UserError(f"{name}={value}: a number {span} is needed")


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise a `UserError` that names the setting unless its value is one of a `Literal` type's."""
    if value not in get_args(choices):
        raise UserError(f"{name}={value!r}: choose one of {', '.join(map(str, get_args(choices)))}")
