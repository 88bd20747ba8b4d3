"""The progress bar, and the line that each epoch leaves behind."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm, convert_inf
from pytorch_lightning.utilities import rank_zero_only

from mnist_cnn.console import can_redraw, clock, coloured, say
from mnist_cnn.errors import RunInterrupted
from mnist_cnn.training.checkpoints import BestCheckpoint
from mnist_cnn.training.timing import RunClock

# Drawing costs more than a small network's step, so it is done once in so many steps.
REFRESH_STEPS = 20


class ProgressBar(TQDMProgressBar):
    """One line for an epoch: speed, the loss of the latest step, the latest validation accuracy, the time that is left.

    It is drawn where a line can be drawn over, on terminals and in notebooks, and disappears at the end. What it shows
    is read only when it is drawn.

    Args:
        run_clock: What knows how much is left.
    """

    BAR_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{rate_noinv_fmt}{postfix}]"

    def __init__(self, run_clock: RunClock | None = None) -> None:
        super().__init__(refresh_rate=REFRESH_STEPS)
        self._clock = run_clock
        self._can_redraw = False
        self._is_begun = False

    @property
    def is_enabled(self) -> bool:
        """Whether anything is drawn."""
        return super().is_enabled and self._can_redraw

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See where the output goes to."""
        self._can_redraw = can_redraw(sys.stdout)
        super().setup(trainer, pl_module, stage)

    def init_train_tqdm(self) -> Tqdm:
        """The bar of the epochs."""
        return self._bar(self.train_description)

    def init_validation_tqdm(self) -> Tqdm:
        """The bar of a validation by itself; within `fit` the epoch's bar shows it."""
        return self._bar(self.validation_description, is_shown=self.trainer.state.fn != "fit")

    def init_test_tqdm(self) -> Tqdm:
        """The bar of a test."""
        return self._bar(self.test_description)

    def on_train_start(self, *args: Any) -> None:
        """Make the bar."""
        super().on_train_start(*args)
        self._is_begun = False

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Begin an epoch's bar."""
        self._begin_epoch(trainer, 0)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Begin the bar of an epoch that a resume goes on within: its start is not announced."""
        if not self._is_begun:
            self._begin_epoch(trainer, batch_idx)

    def on_validation_batch_start(self, *args: Any) -> None:
        """Begin the bar of a validation by itself."""
        if self.has_dataloader_changed(0):
            self.val_progress_bar.reset(convert_inf(self.total_val_batches_current_dataloader))

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *args: Any
    ) -> None:
        """Show how far a validation is."""
        super().on_validation_batch_end(trainer, pl_module, outputs, batch, batch_idx, *args)
        total = self.total_val_batches_current_dataloader
        if trainer.state.fn == "fit" and not trainer.sanity_checking and self._should_update(batch_idx + 1, int(total)):
            self.train_progress_bar.set_description_str(f"{self._epoch(trainer)} validation {batch_idx + 1}/{total}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go back to the epoch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.train_progress_bar.set_description_str(self._epoch(trainer), refresh=False)
        super().on_validation_end(trainer, pl_module)

    def on_test_batch_start(self, *args: Any) -> None:
        """Begin the bar of a test."""
        if self.has_dataloader_changed(0):
            self.test_progress_bar.reset(convert_inf(self.total_test_batches_current_dataloader))

    def on_exception(self, *args: Any) -> None:
        """Wipe off what is drawn: lines follow that say what happened."""
        for bar in (self._train_progress_bar, self._val_progress_bar, self._test_progress_bar):
            if bar is not None:
                bar.close()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The numbers at the end of the bar."""
        shown: dict[str, Any] = {}
        if (loss := getattr(pl_module, "last_loss", None)) is not None:
            shown["loss"] = f"{float(loss):.3f}"
        if (accuracy := trainer.callback_metrics.get("val/accuracy")) is not None:
            shown["val"] = f"{100 * float(accuracy):.2f}%"
        if self._clock and (left := self._clock.seconds_left(trainer)) is not None:
            shown["left"] = clock(left)
        return shown

    def print(self, *args: Any, sep: str = " ", **kwargs: Any) -> None:
        """Print above the bar, or where none is drawn."""
        say(sep.join(map(str, args)))

    def _bar(self, description: str, is_shown: bool = True) -> Tqdm:
        return Tqdm(
            desc=description,
            disable=self.is_disabled or not is_shown,
            leave=False,
            dynamic_ncols=True,
            file=sys.stdout,
            smoothing=0,
            bar_format=self.BAR_FORMAT,
            delay=1e-9,  # not drawn before there is something to show
        )

    def _begin_epoch(self, trainer: Trainer, batches_done: int) -> None:
        self._is_begun = True
        if self.train_progress_bar.disable:
            return
        total = self.total_train_batches
        if trainer.max_steps > 0:
            steps_left = trainer.max_steps - trainer.global_step
            total = min(total, batches_done + steps_left * trainer.accumulate_grad_batches)
        bar = self.train_progress_bar
        bar.set_description_str(self._epoch(trainer), refresh=False)
        # Not reset(), which draws an epoch that begins at its start; the speed is of the batches from here on.
        bar.total, bar.n, bar.initial, bar.last_print_n = convert_inf(total), batches_done, batches_done, batches_done
        bar.start_t = bar.last_print_t = time.time()
        bar.refresh()

    def _epoch(self, trainer: Trainer) -> str:
        return f"Epoch {_numbered(trainer.current_epoch, self._clock.planned_epochs() if self._clock else None)}"


class EpochLines(Callback):
    """Prints a line for each epoch: losses and accuracies, seconds, and the time that is left.

    The line comes when the next epoch begins or the run ends. Only then are the epoch's means known and its checkpoints
    written, which belong to its time.

    Args:
        run_clock: What knows how much is left.
    """

    HEADINGS = ("Epoch", "train loss", "accuracy", "val loss", "accuracy", "seconds", "left")

    def __init__(self, run_clock: RunClock) -> None:
        self._clock = run_clock
        self._begun = 0.0
        self._ended: int | None = None  # the epoch whose line is due
        self._is_validated = False
        self._best: float | None = None
        self._widths: list[int] = []

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure an epoch."""
        self._begun = self._clock.stopwatch.total()
        self._ended, self._is_validated, self._widths = None, False, []
        self._best = _best_loss(trainer)

    @rank_zero_only
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that this epoch has validation metrics of its own."""
        self._is_validated |= not trainer.sanity_checking

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that a line is due."""
        self._ended = trainer.current_epoch

    @rank_zero_only
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the epoch before."""
        self._print(trainer)

    @rank_zero_only
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the last epoch."""
        self._print(trainer)

    @rank_zero_only
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Print the line of an epoch after which the run was told to stop."""
        if isinstance(exception, RunInterrupted):
            self._print(trainer)

    def _print(self, trainer: Trainer) -> None:
        if self._ended is None:
            return
        now, best = self._clock.stopwatch.total(), _best_loss(trainer)
        left = self._clock.seconds_left(trainer)
        cells = [
            _numbered(self._ended, self._clock.planned_epochs()),
            *_loss_and_accuracy(trainer, "train"),
            *(_loss_and_accuracy(trainer, "val") if self._is_validated else ("-", "-")),
            f"{now - self._begun:.1f}",
            "" if left is None else clock(left),
        ]
        if not self._widths:
            self._widths = [max(len(heading), len(cells[0])) for heading in self.HEADINGS]
            say(self._row(self.HEADINGS))
        is_best = best is not None and best != self._best
        say(self._row(cells) + (f"  {coloured('best', 'green')}" if is_best else ""))
        self._begun, self._best, self._ended, self._is_validated = now, best, None, False

    def _row(self, cells: Sequence[str]) -> str:
        return "  ".join(cell.rjust(width) for cell, width in zip(cells, self._widths, strict=True)).rstrip()


def _numbered(epoch: int, planned: int | None) -> str:
    """An epoch, counted from 1, of those that are planned: " 3/16"."""
    return f"{epoch + 1:>{len(str(planned))}}/{planned}" if planned else f"{epoch + 1}"


def _loss_and_accuracy(trainer: Trainer, part: str) -> tuple[str, str]:
    """The latest of "train" or "val", as far as there are any."""
    values = (trainer.callback_metrics.get(f"{part}/{name}") for name in ("loss", "accuracy"))
    loss, accuracy = (None if value is None else float(value) for value in values)
    return (
        "-" if loss is None else f"{loss:.4f}" if abs(loss) < 1000 else f"{loss:.3g}",
        "-" if accuracy is None else f"{100 * accuracy:.2f} %",
    )


def _best_loss(trainer: Trainer) -> float | None:
    """The lowest validation loss so far."""
    kept: list[Any] = [one for one in trainer.callbacks if isinstance(one, BestCheckpoint)]  # type: ignore[attr-defined]
    score = kept[0].best_model_score if kept else None
    return None if score is None else float(score)
