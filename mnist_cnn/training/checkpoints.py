"""Checkpoints: `best.ckpt` and `last.ckpt`, written so that neither a kill nor a full disk costs the previous one."""

import signal
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint as CheckpointCallback
from pytorch_lightning.callbacks import ModelCheckpoint

from mnist_cnn.errors import NotWrittenError, RunInterrupted, UserError
from mnist_cnn.files import written_whole
from mnist_cnn.runs.checkpoint import CURRENT_WEIGHTS, WEIGHTS, Checkpoint
from mnist_cnn.signals import first_signal, give_back, take_over
from mnist_cnn.training.divergence import check_weights
from mnist_cnn.training.timing import Stopwatch


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint under a temporary name beside its place and renames it when it is whole and on the disk.

    Args:
        checkpoint: One that was read already, for its settings: its file is not read a second time.
        stopwatch: What measures how long writing takes.
    """

    def __init__(self, checkpoint: Checkpoint | None = None, stopwatch: Stopwatch | None = None) -> None:
        super().__init__()
        self._read = checkpoint
        self._stopwatch = stopwatch or Stopwatch()

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Give the contents of the checkpoint at `path`."""
        checkpoint, self._read = self._read, None  # its weights are large, and it is asked for once
        if checkpoint is None or Path(path) != checkpoint.path:  # Lightning keeps files of its own too
            return super().load_checkpoint(path, *args, **kwargs)
        # Weights are copied by whoever takes them over; all else is trained on as it is.
        taken = (WEIGHTS, CURRENT_WEIGHTS)
        return {name: part if name in taken else deepcopy(part) for name, part in checkpoint.contents.items()}

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`.

        Raises:
            NotWrittenError: if the disk is full or the folder cannot be written; the file at `path` stays as it was.
        """
        try:
            with self._stopwatch.measured("checkpoints"), written_whole(Path(path)) as part, part.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError, in the course of one
            cause = error if isinstance(error, OSError) else error.__context__ or error
            reason = " ".join((getattr(cause, "strerror", None) or str(cause)).split())
            raise NotWrittenError(f"{path} cannot be written ({reason}); what was there before is kept") from error


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`: the epoch with the lowest validation loss."""

    def __init__(self) -> None:
        super().__init__(
            monitor="val/loss", mode="min", filename="best", auto_insert_metric_name=False, enable_version_counter=False
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know the best loss so far again, also when the run's folder was moved.

        Where there is no `best.ckpt` in the folder, as when a new run goes on from another run's checkpoint, the next
        validation writes one.
        """
        # To the letter the path that Lightning will write to: it deletes the previous best if that has another one.
        best = self.format_checkpoint_name({})
        if Path(best).exists() and state_dict["best_model_score"] is not None:
            self.best_model_score = self.kth_value = state_dict["best_model_score"]
            self.best_model_path = self.kth_best_model_path = best
            self.best_k_models = {best: state_dict["best_model_score"]}


class LastCheckpoint(CheckpointCallback):
    """Keeps `last.ckpt`: after every epoch, after every n-th step if asked to, and when the run is told to stop.

    Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP) let the step end, write `last.ckpt` and raise
    `RunInterrupted`. Another one a second later or more stops at once.

    Args:
        every_n_train_steps: Write also after each so many optimiser steps; 0 writes after epochs only.
    """

    def __init__(self, every_n_train_steps: int = 0) -> None:
        if every_n_train_steps < 0:
            raise UserError(f"every_n_train_steps={every_n_train_steps}: 0 (off) or a positive number is needed")
        self.every_n_train_steps = every_n_train_steps
        self.path: Path | None = None
        self._signal: int | None = None
        self._previous_handlers: dict[int, Any] = {}
        self._steps_seen = 0
        self._is_due = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's directory."""
        run_dir = trainer.strategy.broadcast(trainer.log_dir or trainer.default_root_dir)
        self.path = Path(str(run_dir)) / "checkpoints" / "last.ckpt"

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen to the signals that ask for a stop, and count steps from where the run starts.

        Not earlier: Lightning puts a SIGTERM handler of its own in place before, which ends a run without saving.
        """
        self._steps_seen = trainer.global_step
        self._previous_handlers = take_over(self._on_signal)
        self._signal = first_signal()  # one that came before, and that whatever was done then has swallowed

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the checkpoint if it is due, and stop if a signal came.

        Neither happens before a validation or the epoch's end that follow this very step, but after them: a run that is
        resumed from a checkpoint in between would skip them.
        """
        if trainer.global_step == self._steps_seen:
            return  # gradients are still being accumulated: they would be missing from the checkpoint
        self._steps_seen = trainer.global_step
        self._is_due |= self.every_n_train_steps > 0 and trainer.global_step % self.every_n_train_steps == 0
        if not _validation_follows(trainer, batch_idx):
            self._save_if_due_and_stop_if_asked(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoint if it became due right before a validation in the middle of an epoch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking and not trainer.is_last_batch:
            self._save_if_due_and_stop_if_asked(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoint, and stop if a signal came."""
        self._is_due = True
        self._save_if_due_and_stop_if_asked(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the signals back, before Lightning gives back what it had taken itself."""
        self._restore_handlers()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back."""
        self._restore_handlers()

    def _save_if_due_and_stop_if_asked(self, trainer: Trainer) -> None:
        stop = self._signal is not None
        if trainer.world_size > 1:  # a signal may reach one process alone, and all must stop after the same step
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if (stop or self._is_due) and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            check_weights(trainer, trainer.lightning_module)
            trainer.save_checkpoint(str(self.path))
        self._is_due = False
        if stop:
            raise RunInterrupted(self._signal or signal.SIGTERM, self.path)

    def _on_signal(self, number: int) -> None:
        self._signal = number

    def _restore_handlers(self) -> None:
        give_back(self._previous_handlers)
        self._previous_handlers = {}


def keep_checkpoints_in(run_dir: Path | None, callbacks: Sequence[CheckpointCallback]) -> None:
    """Have all who write checkpoints, and were given no place for them, write to the run's directory.

    Lightning would ask the first logger, and each logger has a place of its own.
    """
    for callback in callbacks:
        if run_dir is not None and isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
            callback.dirpath = str(run_dir / "checkpoints")


def _validation_follows(trainer: Trainer, batch_idx: int) -> bool:
    """Whether Lightning validates, or ends the epoch, right after this training batch."""
    if trainer.is_last_batch:
        return True
    every = trainer.val_check_batch
    if not trainer.enable_validation or every is None or every == float("inf"):
        return False
    batches = batch_idx + 1 if trainer.check_val_every_n_epoch else trainer.fit_loop.epoch_loop.total_batch_idx + 1
    return batches % int(every) == 0
