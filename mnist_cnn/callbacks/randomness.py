"""Dropout that can be resumed: the global random state is set anew before every training step."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from mnist_cnn.seeding import derive_seed


class StepSeeds(Callback):
    """Seeds torch's global generators from (seed, epoch, step, process) before each training step.

    Dropout is then a pure function of these, as the order of the images and their augmentation are. Saving the random
    state in checkpoints instead would hold the state of one process only, and Lightning does not do it.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed the step that is about to run."""
        seed = getattr(getattr(trainer, "datamodule", None), "seed", 0)
        torch.manual_seed(derive_seed(seed, trainer.current_epoch, batch_idx, trainer.global_rank, "dropout"))
