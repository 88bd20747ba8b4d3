"""Conditions of a run that are no settings, but change what comes out: kept in checkpoints, compared on a resume."""

import sys
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning import __version__ as lightning_version
from pytorch_lightning.utilities import rank_zero_only

from mnist_cnn import __version__
from mnist_cnn.console import labelled, say
from mnist_cnn.runs.checkpoint import CONDITIONS, PROVENANCE

IMAGES = "fingerprint of the training images"  # kept with what else is known of the data


class RunConditions(Callback):
    """Keeps the conditions of a run in its checkpoints, and says on a resume which of them are others now."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the conditions to a checkpoint."""
        checkpoint[CONDITIONS] = conditions_of(trainer)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Note those of the checkpoint that the run starts from; checkpoints of earlier versions have none."""
        self._before = {**(checkpoint.get(CONDITIONS) or {})}
        if kept := (checkpoint.get(PROVENANCE) or {}).get("fingerprint"):
            self._before[IMAGES] = kept

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what has changed; not earlier, as the number of threads is set where processes start."""
        found = getattr(getattr(trainer, "datamodule", None), "fingerprints", {}).get("train")
        for change in changed_conditions(
            self._before, {**conditions_of(trainer), **({IMAGES: found} if found else {})}
        ):
            say(labelled("Changed", change), sys.stderr)


def conditions_of(trainer: Trainer) -> dict[str, Any]:
    """The conditions under which a Trainer trains, as plain types."""
    data: Any = getattr(trainer, "datamodule", None)
    is_ours = hasattr(data, "training_batches_per_epoch")
    return {
        "processes": trainer.world_size,
        "nodes": trainer.num_nodes,
        "threads": torch.get_num_threads(),
        "device": trainer.strategy.root_device.type,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "precision": str(trainer.precision),
        "batches per epoch": data.training_batches_per_epoch() if is_ours else None,
        "torch": str(torch.__version__),
        "pytorch-lightning": lightning_version,
        "mnist-cnn": __version__,
    }


def changed_conditions(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs, as "name: before -> now"."""
    return [f"{name}: {before[name]} -> {now[name]}" for name in before if name in now and before[name] != now[name]]
