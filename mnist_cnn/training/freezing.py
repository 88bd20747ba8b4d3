"""Fine-tuning: the pretrained part of a network stays as it is for the first epochs."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies import DDPStrategy

from mnist_cnn.errors import UserError


class BackboneFreezing(Callback):
    """Keeps a network's backbone frozen in the first epochs, and trains it from then on.

    Frozen means no gradients, which halves the work, and evaluation mode, so that batch norm's averages stay too.
    Lightning's BackboneFinetuning would add the backbone to the optimiser later on, behind the schedule's back.

    Args:
        epochs: Epochs in which the backbone is frozen.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._is_frozen: bool | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See that several processes can be told of the frozen part.

        Raises:
            UserError: if the strategy waits for the gradients of all parameters.
        """
        strategy = trainer.strategy
        if isinstance(strategy, DDPStrategy) and not strategy._ddp_kwargs.get("find_unused_parameters"):
            raise UserError(
                f"freeze_epochs={self.epochs} leaves parameters without gradients, which several processes would wait "
                f"for: use --trainer.strategy ddp_find_unused_parameters_true"
            )

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Freeze or thaw, where a run begins or goes on, and where the epochs of freezing end."""
        is_frozen = trainer.current_epoch < self.epochs
        if is_frozen != self._is_frozen:
            backbone: Any = pl_module.network.get_backbone()  # type: ignore[operator, union-attr]
            backbone.requires_grad_(not is_frozen)
            backbone.train(not is_frozen)
            self._is_frozen = is_frozen

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave all parameters trainable, for whoever uses the network next."""
        pl_module.network.requires_grad_(True)
