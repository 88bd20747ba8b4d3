"""A callback that measures a training run from within."""

import json
import os
import time
from pathlib import Path
from typing import Any

from measuring import STOPWATCH_FILE, synchronise
from pytorch_lightning import Callback, LightningModule, Trainer


class Stopwatch(Callback):
    """Writes the seconds of a run, from its first epoch's start to its end, to the file that a variable names.

    Keys: `fit`, all of it; `validation`; `training`, all but validation, with checkpoints; `epochs`, the same of each
    epoch; and `first_step`, the time of day when the first step had been taken.
    """

    def __init__(self) -> None:
        self.path = Path(os.environ[STOPWATCH_FILE])
        self.start = self.validation = self.validation_before = self.first_step = 0.0
        self.epochs: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin an epoch."""
        synchronise()
        self.epoch_start, self.validation_before = time.perf_counter(), self.validation
        self.start = self.start or self.epoch_start

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Note when the first step was taken."""
        if not self.first_step:
            synchronise()
            self.first_step = time.time()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin a validation."""
        synchronise()
        self.validation_start = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a validation."""
        synchronise()
        self.validation += time.perf_counter() - self.validation_start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the training of an epoch, which its validation is part of."""
        synchronise()
        passed = time.perf_counter() - self.epoch_start
        self.epochs.append(passed - (self.validation - self.validation_before))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the figures."""
        synchronise()
        total = time.perf_counter() - self.start
        figures = {"fit": total, "validation": self.validation, "training": total - self.validation}
        if trainer.is_global_zero:
            self.path.write_text(json.dumps({**figures, "first_step": self.first_step, "epochs": self.epochs}) + "\n")
