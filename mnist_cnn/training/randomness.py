"""Dropout that can be resumed: the global random state is set anew before every training step."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from mnist_cnn.seeding import derive_seed


class StepSeeds(Callback):
    """Seeds torch's generators from (seed, epoch, step, process) before each training step.

    Dropout is then a pure function of these, as the order of the images and their augmentation are. Saving the random
    state in checkpoints instead would hold the state of one process only, and Lightning does not do it.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed the step that is about to run."""
        run_seed = getattr(getattr(trainer, "datamodule", None), "seed", 0)
        seed = derive_seed(run_seed, trainer.current_epoch, batch_idx, trainer.global_rank, "dropout")
        # Not torch.manual_seed on the CPU: for every accelerator that is not in use it keeps a note with a stack trace,
        # and that takes 2 ms a step.
        if trainer.strategy.root_device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)
