"""Callbacks that interrupt a run from within, at an exact step; tests name them on the command line."""

import os
import shutil
import signal
from typing import Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer


class InterruptAt(Callback):
    """Sends a signal to this process.

    Args:
        step: Number of optimiser steps after which it is sent.
        when: "before" the step's checkpoint is written, halfway through "writing" it, "after" that, or when the
            validation that follows the step has "validated".
        signal_name: The signal.
    """

    def __init__(
        self,
        step: int,
        when: Literal["before", "writing", "after", "validated"] = "before",
        signal_name: str = "SIGKILL",
    ) -> None:
        self.step, self.signal = step, signal.Signals[signal_name]
        self.when: str = when
        self._steps_seen = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._steps_seen = trainer.global_step  # a resumed run is not interrupted again where it begins

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        seen, self._steps_seen = self._steps_seen, trainer.global_step
        if seen == trainer.global_step or trainer.global_step != self.step or not trainer.is_global_zero:
            return
        if self.when == "before":
            os.kill(os.getpid(), self.signal)
        elif self.when == "writing":
            torch.save = self._write_half  # type: ignore[assignment]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if self.when == "after" and trainer.global_step == self.step and trainer.is_global_zero:
            self.when = "done"  # the next of several accumulated batches starts at the same step
            os.kill(os.getpid(), self.signal)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.when == "validated" and trainer.global_step == self.step:
            os.kill(os.getpid(), self.signal)

    def _write_half(self, checkpoint: Any, file: Any) -> None:
        file.write(b"half a checkpoint")
        file.flush()
        os.kill(os.getpid(), self.signal)


class DeleteAt(Callback):
    """Deletes the run's folder, as another process may.

    Args:
        step: Number of optimiser steps after which it does.
    """

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if trainer.global_step == self.step:
            shutil.rmtree(str(trainer.log_dir))


def interrupt_at(step: int, when: str, name: str) -> list[str]:
    """Arguments that interrupt a run."""
    callback = "--trainer.callbacks"
    arguments = [
        f"{callback}=tests.support.interruptions.InterruptAt",
        f"{callback}.step={step}",
        f"{callback}.when={when}",
    ]
    return [*arguments, f"{callback}.signal_name={name}"]
