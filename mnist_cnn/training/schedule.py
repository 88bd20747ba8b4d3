"""The learning-rate schedule of one run: how many steps the run has, and the rate at each of them."""

from collections.abc import Iterator
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from torch.optim.lr_scheduler import LambdaLR

from mnist_cnn.errors import UserError
from mnist_cnn.optim.schedules import ScheduleSettings


class OwnSchedule(LambdaLR):
    """A schedule that this project has made, so that it is told from those that others put in its place."""


class RunSchedule:
    """A schedule laid over the steps of a run.

    Args:
        settings: The schedule.
        trainer: The trainer of the run.

    Raises:
        UserError: if the schedule needs an end and the run has none.
    """

    def __init__(self, settings: ScheduleSettings, trainer: Trainer) -> None:
        self.settings = settings
        self.total_steps, self.steps_per_epoch = count_steps(trainer)
        if self.total_steps < 0 and settings.needs_an_end:
            raise UserError(f"schedule {settings.schedule!r} needs an end: set --trainer.max_epochs")

    def count_steps(self, trainer: Trainer) -> None:
        """Count the run's steps again, where batches may have another size since, as `BatchSizeFinder` sets it."""
        if trainer.datamodule is not None:  # type: ignore[attr-defined]
            self.total_steps, self.steps_per_epoch = count_steps(trainer)

    def factor(self, step: int) -> float:
        """The learning rate at a step, as a part of the largest one."""
        return self.settings.factor(step, self.total_steps, self.steps_per_epoch)


def count_steps(trainer: Trainer) -> tuple[int, int]:
    """Optimiser steps of the whole run, -1 if it has no end, and of one epoch.

    Not `trainer.estimated_stepping_batches`: that builds the training loader, and its resumed position is lost.
    """
    data: Any = getattr(trainer, "datamodule", None)
    if not hasattr(data, "training_batches_per_epoch"):
        total = int(trainer.estimated_stepping_batches)
        return total, max(total // max(trainer.max_epochs or 1, 1), 1)
    batches, limit = data.training_batches_per_epoch(), trainer.limit_train_batches
    batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit or batches)
    steps_per_epoch = max(-(-batches // trainer.accumulate_grad_batches), 1)
    epochs = -1 if trainer.max_epochs is None else trainer.max_epochs
    total = sum(-(-batches // parts) for parts in _accumulated(trainer, epochs)) if epochs >= 0 else -1
    if trainer.max_steps > 0:
        total = trainer.max_steps if total < 0 else min(total, trainer.max_steps)
    return total, steps_per_epoch


def _accumulated(trainer: Trainer, epochs: int) -> Iterator[int]:
    """Batches that make a step, for each epoch."""
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    planned = next((found for found in callbacks if isinstance(found, GradientAccumulationScheduler)), None)
    for epoch in range(epochs):
        begun = [start for start in planned.scheduling if start <= epoch] if planned else []
        yield planned.scheduling[max(begun)] if planned and begun else trainer.accumulate_grad_batches
