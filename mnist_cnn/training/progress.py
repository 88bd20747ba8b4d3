"""The progress bar: epoch, speed, loss and validation accuracy."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar

# Drawing costs more than a small network's step, so it is done once in so many steps.
REFRESH_STEPS = 20


class ProgressBar(TQDMProgressBar):
    """Shows the loss of the latest step and the latest validation accuracy, read only when the bar is drawn."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=REFRESH_STEPS)

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The numbers at the end of the bar."""
        shown: dict[str, Any] = {}
        if (loss := getattr(pl_module, "last_loss", None)) is not None:
            shown["loss"] = f"{float(loss):.3f}"
        if (accuracy := trainer.callback_metrics.get("val/accuracy")) is not None:
            shown["val_accuracy"] = f"{100 * float(accuracy):.2f}%"
        return shown
