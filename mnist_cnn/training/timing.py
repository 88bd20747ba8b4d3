"""Where the time of a run goes, and how much of it is left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Timer

from mnist_cnn.training.schedule import count_steps


class Stopwatch:
    """Seconds that the parts of a run take. A part within another one is not counted in that.

    Attributes:
        seconds: By name of the part; "other" is what lies outside all of them.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._parts = ["other"]
        self._since = time.monotonic()

    def begin(self, part: str) -> None:
        """Begin a part."""
        self._settle()
        self._parts.append(part)

    def end(self) -> None:
        """End the part that was begun last, and go on with the one around it."""
        self._settle()
        self._parts.pop()

    @contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Count what runs within as a part."""
        self.begin(part)
        try:
            yield
        finally:
            self.end()

    def total(self) -> float:
        """Seconds of all parts together, since the stopwatch was made."""
        self._settle()
        return sum(self.seconds.values())

    def _settle(self) -> None:
        now = time.monotonic()
        self.seconds[self._parts[-1]] = self.seconds.get(self._parts[-1], 0.0) + now - self._since
        self._since = now


class RunClock(Callback):
    """Measures training and validation, and estimates what is left of a run. No step is measured by itself.

    Args:
        stopwatch: What it measures with.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self._start, self._first_step = 0.0, 0
        self._total_steps, self.steps_per_epoch = -1, 1
        self._timer: Timer | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure training."""
        self.stopwatch.begin("training")
        self._start, self._first_step = time.monotonic(), trainer.global_step
        self._total_steps, self.steps_per_epoch = count_steps(trainer)
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        self._timer = next((callback for callback in callbacks if isinstance(callback, Timer)), None)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure a validation."""
        self.stopwatch.begin("validation")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End to measure a validation."""
        self.stopwatch.end()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End to measure training."""
        self.stopwatch.end()

    def planned_epochs(self) -> int | None:
        """How many epochs the run has, the last of which may be a part of one; None if it has no end."""
        return -(-self._total_steps // self.steps_per_epoch) if self._total_steps >= 0 else None

    def seconds_left(self, trainer: Trainer) -> float | None:
        """Seconds until the run's last step, validations in between included; None where that cannot be said."""
        done = trainer.global_step - self._first_step
        limits = [self._timer.time_remaining()] if self._timer else []
        if self._total_steps >= 0 and done:
            per_step = (time.monotonic() - self._start) / done
            limits.append(per_step * (self._total_steps - trainer.global_step))
        known = [max(limit, 0.0) for limit in limits if limit is not None]
        return min(known, default=None)
