"""What `fit` says at its start and at its end."""

import sys
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Timer
from pytorch_lightning.utilities import rank_zero_only

from mnist_cnn.console import PROGRAM, quoted, short_path
from mnist_cnn.runs.folders import resume_command
from mnist_cnn.training.checkpoints import BestCheckpoint


class RunSummary(Callback):
    """Prints what is trained, on what and where; and at the end the result and the commands that come next."""

    def __init__(self) -> None:
        self.has_trained = False

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print data, network, device and directory of the run."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        sizes, title = data.sizes(), data.source.title
        network: Any = pl_module.network
        parameters = sum(parameter.numel() for parameter in network.parameters())
        device = trainer.strategy.root_device.type.upper()
        print(f"Data     {title}: {sizes['train']:,} training and {sizes['val']:,} validation images")
        print(f"Network  {type(network).__name__} with {parameters:,} parameters")
        print(f"Device   {device}, precision {trainer.precision}, {trainer.world_size} process(es)")
        if (run_dir := trainer.run_dir) is not None:  # type: ignore[attr-defined]
            print(f"Run      {short_path(run_dir)}", flush=True)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note that something is trained; the start of an epoch would not do, as a resume may go on within one."""
        self.has_trained = True

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where a resumed run goes on."""
        if trainer.global_step:
            print(f"Resumed  at epoch {trainer.current_epoch}, after {trainer.global_step} steps", flush=True)

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the result and the next commands."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        print()
        if not self.has_trained:
            epochs = f"{trainer.current_epoch} epoch{'s' if trainer.current_epoch != 1 else ''}"
            done = f"the checkpoint has {epochs} behind it" if trainer.ckpt_path else "no epochs"
            print(f"Nothing was left to train: {done}. Ask for more with --epochs.")
        if notice := data.stand_in_notice():
            print(notice)
        kept = next(callback for callback in trainer.callbacks if isinstance(callback, BestCheckpoint))  # type: ignore[attr-defined]
        best = kept.best_model_path
        if best and kept.best_model_score is not None:
            print(f"Best validation loss {float(kept.best_model_score):.4f}, in {short_path(best)}")
        run_dir: Path | None = trainer.run_dir  # type: ignore[attr-defined]
        if run_dir is None or not (last := run_dir / "checkpoints" / "last.ckpt").exists():
            return
        print(f"The run is in {short_path(run_dir)}. Next:")
        print(f"  curves  tensorboard --logdir {quoted(run_dir.parent)}")
        print(f"  test    {PROGRAM} test --ckpt_path {quoted(best or last)}{_name_of_foreign(pl_module)}")
        print(f"  resume  {resume_command(last)} --epochs {trainer.current_epoch + 10}{_without_other_limits(trainer)}")
        sys.stdout.flush()


def _name_of_foreign(classifier: Any) -> str:
    """The flag that names a network class of the user's, which no checkpoint may have imported by itself."""
    class_path: str = classifier.network.spec()["class_path"]
    return "" if class_path.startswith("mnist_cnn.") else f" --network {class_path}"


def _without_other_limits(trainer: Trainer) -> str:
    """The flags that lift the limits of steps and time that this run had, so that more epochs can follow."""
    steps = " --trainer.max_steps -1" if trainer.max_steps != -1 else ""
    timed = any(isinstance(callback, Timer) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    return steps + (" --trainer.max_time null" if timed else "")
