"""What `fit` says at its start and at its end."""

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Timer
from pytorch_lightning.utilities import rank_zero_only

from mnist_cnn.console import PROGRAM, coloured, duration, labelled, quoted, say, short_path, wrapped
from mnist_cnn.errors import UserError
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.settings import resume_command
from mnist_cnn.training.checkpoints import BestCheckpoint
from mnist_cnn.training.tensorboard import NetworkPictures
from mnist_cnn.training.timing import Stopwatch


class RunSummary(Callback):
    """Prints what is trained, on what and where; and at the end the result and the commands that come next.

    Args:
        stopwatch: What knows where the time went.
        seconds_before: What the data module had spent on reading before this run.
    """

    def __init__(self, stopwatch: Stopwatch, seconds_before: float = 0.0) -> None:
        self.has_trained = False
        self._stopwatch = stopwatch
        self._seconds_before = seconds_before
        self._validations: dict[float, tuple[int, float]] = {}  # by loss: epoch, from 1, and accuracy

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print data, network, device and directory of the run."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        sizes, title = data.sizes(), data.source.title
        network: Any = pl_module.network
        parameters = sum(parameter.numel() for parameter in network.parameters())
        device, count = trainer.strategy.root_device.type.upper(), trainer.world_size
        processes = "1 process" if count == 1 else f"{count} processes"
        say(labelled("Data", f"{title}: {sizes['train']:,} training and {sizes['val']:,} validation images"))
        say(labelled("Network", f"{type(network).__name__} with {parameters:,} parameters"))
        say(labelled("Device", f"{device}, precision {trainer.precision}, {processes}"))
        if (run_dir := trainer.run_dir) is not None:  # type: ignore[attr-defined]
            say(labelled("Run", str(short_path(run_dir))))

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note that something is trained; the start of an epoch would not do, as a resume may go on within one."""
        self.has_trained = True

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where a resumed run goes on."""
        if trainer.global_step:
            say(labelled("Resumed", f"in epoch {trainer.current_epoch + 1}, after {trainer.global_step} steps"))

    @rank_zero_only
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what belongs to the loss by which the best checkpoint is chosen."""
        found = [trainer.callback_metrics.get(f"val/{name}") for name in ("loss", "accuracy")]
        if not trainer.sanity_checking and None not in found:
            loss, accuracy = map(float, found)  # type: ignore[arg-type]
            self._validations.setdefault(loss, (trainer.current_epoch + 1, accuracy))

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the result and the next commands."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        say("")
        if not self.has_trained:
            epochs = f"{trainer.current_epoch} epoch{'s' if trainer.current_epoch != 1 else ''}"
            done = f"the checkpoint has {epochs} behind it" if trainer.ckpt_path else "no epochs"
            say(wrapped(f"Nothing was left to train: {done}. Ask for more with --epochs."))
        if notice := data.stand_in_notice():
            say(coloured(notice, "yellow"))
        self._say_best(trainer)
        if self.has_trained:
            say(labelled("Time", self._time(trainer)))
        run_dir: Path | None = trainer.run_dir  # type: ignore[attr-defined]
        if run_dir is None or not (last := run_dir / "checkpoints" / "last.ckpt").exists():
            return
        say("Next")
        say(f"  curves  tensorboard --logdir {quoted(run_dir.parent)}")
        say(f"  test    {PROGRAM} test --ckpt_path {quoted(run_dir)}{_name_of_foreign(pl_module)}")
        say(f"  longer  {resume_command(last)} --epochs {trainer.current_epoch + 10}{_without_other_limits(trainer)}")

    def _say_best(self, trainer: Trainer) -> None:
        """Print what the best epoch reached, and where it is kept."""
        kept = next(callback for callback in trainer.callbacks if isinstance(callback, BestCheckpoint))  # type: ignore[attr-defined]
        if not kept.best_model_path or kept.best_model_score is None:
            if self.has_trained:
                say(labelled("Best", "none is kept, as nothing was validated; last.ckpt is what was trained last"))
            return
        path, loss = Path(kept.best_model_path), float(kept.best_model_score)
        epoch, accuracy = self._validations.get(loss) or _read_epoch_and_accuracy(path)
        of_epoch = f"epoch {epoch}: " if epoch else ""
        with_accuracy = "" if accuracy is None else f", accuracy {100 * accuracy:.2f} %"
        say(labelled("Best", f"{of_epoch}validation loss {loss:.4f}{with_accuracy}, in {short_path(path)}"))

    def _time(self, trainer: Trainer) -> str:
        """The time of the run, and its parts in the order of their size."""
        total, parts = self._stopwatch.total(), dict(self._stopwatch.seconds)
        others = parts.pop("other", 0.0)
        pictures = [callback for callback in trainer.callbacks if isinstance(callback, NetworkPictures)]  # type: ignore[attr-defined]
        parts["pictures"] = sum(callback.seconds_spent for callback in pictures)
        parts["validation"] = parts.get("validation", 0.0) - parts["pictures"]
        parts["reading data"] = trainer.datamodule.seconds_spent - self._seconds_before  # type: ignore[attr-defined]
        others -= parts["reading data"]
        ordered = sorted(parts.items(), key=lambda part: -part[1])
        shown = [f"{name} {duration(seconds)}" for name, seconds in [*ordered, ("other", others)] if seconds >= 0.05]
        return f"{duration(total)}: {', '.join(shown)}" if shown else duration(total)


def _name_of_foreign(classifier: Any) -> str:
    """The flag that names a network class of the user's, which no checkpoint may have imported by itself."""
    class_path: str = classifier.network.spec()["class_path"]
    return "" if class_path.startswith("mnist_cnn.") else f" --network {class_path}"


def _without_other_limits(trainer: Trainer) -> str:
    """The flags that lift the limits of steps and time that this run had, so that more epochs can follow."""
    steps = " --trainer.max_steps -1" if trainer.max_steps != -1 else ""
    timed = any(isinstance(callback, Timer) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    return steps + (" --trainer.max_time null" if timed else "")


def _read_epoch_and_accuracy(path: Path) -> tuple[int | None, float | None]:
    """Epoch, from 1, and validation accuracy of a checkpoint that an earlier start of the run wrote."""
    try:
        checkpoint = Checkpoint.read(path)
    except UserError:  # what is said of a run does not end it
        return None, None
    return checkpoint.epoch + 1, checkpoint.metrics.get("val/accuracy")
