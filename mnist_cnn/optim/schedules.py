"""Learning-rate schedules: the rate at a step, as a part of the largest one."""

import math
from dataclasses import dataclass
from typing import Literal

from mnist_cnn.errors import check_between, check_choice

ScheduleName = Literal["constant", "step", "linear", "cosine", "one_cycle"]

# One-cycle starts at 1/25 of the largest rate and ends at 1/10,000 of where it started (Smith and Topin, 2019).
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 10_000


@dataclass(frozen=True)
class ScheduleSettings:
    """Which schedule, and its hyperparameters; they are explained where they are flags, in `ImageClassifier`.

    Raises:
        UserError: for one out of its range.
    """

    schedule: ScheduleName = "one_cycle"
    warmup: float = 0.2
    step_epochs: int = 5
    step_factor: float = 0.1

    def __post_init__(self) -> None:
        check_choice("schedule", self.schedule, ScheduleName)
        check_between("warmup", self.warmup, 0, 1)
        check_between("step_factor", self.step_factor, 0, 1)
        check_between("step_epochs", self.step_epochs, 1)

    @property
    def needs_an_end(self) -> bool:
        """Whether the rate depends on how many steps the whole run has."""
        return self.schedule in ("linear", "cosine", "one_cycle")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """The learning rate at a step, as a part of the largest one.

        Args:
            step: Optimiser steps taken so far, from 0.
            total_steps: Steps of the whole run.
            steps_per_epoch: Steps of an epoch, for "step".
        """
        rising = round(self.warmup * total_steps)
        # The last step, total_steps - 1, has the schedule's end value.
        progress = min((step - rising) / max(total_steps - 1 - rising, 1), 1.0)
        if self.schedule == "one_cycle":
            if step < rising:
                return _cosine_between(ONE_CYCLE_START, 1.0, step / rising)
            return _cosine_between(1.0, ONE_CYCLE_END, progress)
        if step < rising:
            return (step + 1) / rising
        if self.schedule == "step":
            return self.step_factor ** (step // (self.step_epochs * steps_per_epoch))
        if self.schedule == "linear":  # zero is reached after the last step, so that no step is idle
            return max(total_steps - step, 0) / max(total_steps - rising, 1)
        return _cosine_between(1.0, 0.0, progress) if self.schedule == "cosine" else 1.0


def _cosine_between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
