"""Curves of training: loss and learning rate by step, written before the step's checkpoint.

Lightning writes what was logged in a step after the checkpoint callbacks have run. A run that is killed right after a
checkpoint would then miss that step's point after resuming, so the curves are handed to the loggers here, first.
"""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from mnist_cnn.training.csv_logger import MetricsCSVLogger


def write_curves(trainer: Trainer, values: Mapping[str, Any]) -> None:
    """Hand scalars to every logger at once, at the number of optimiser steps taken so far."""
    scalars = {name: float(value) for name, value in values.items()} | {"epoch": trainer.current_epoch}
    for logger in trainer.loggers:
        logger.log_metrics(scalars, step=trainer.global_step)
        logger.save()


class TrainingCurves(Callback):
    """Writes loss and learning rate every `trainer.log_every_n_steps` steps, and keeps the CSV file true on a resume.

    Checkpoints hold how many rows the CSV file had; rows that a killed run wrote after its last checkpoint are dropped
    when it is resumed, since the resumed run writes them again.
    """

    def __init__(self) -> None:
        self._lr = 0.0
        self._steps_seen = 0
        self._csv: MetricsCSVLogger | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the CSV logger."""
        self._csv = next((logger for logger in trainer.loggers if isinstance(logger, MetricsCSVLogger)), None)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count at the step that the run starts from."""
        self._steps_seen = trainer.global_step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the learning rate of the step, as the schedule has moved on when the step is over."""
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the step's loss and learning rate if it is their turn."""
        if trainer.global_step == self._steps_seen:
            return  # gradients are still being accumulated
        self._steps_seen = trainer.global_step
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if trainer.loggers and every and trainer.global_step % every == 0:
            write_curves(trainer, {"train/loss_step": pl_module.last_loss, "lr": self._lr})

    def state_dict(self) -> dict[str, Any]:
        """The number of rows in the CSV file, which are on the disk from then on."""
        if self._csv:
            self._csv.put_on_disk()
        return {"csv_rows": self._csv.rows_written if self._csv else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Drop the rows that were written after the checkpoint."""
        if self._csv:
            self._csv.keep_rows(int(state_dict["csv_rows"]))
