"""The callbacks that training this project's classifier needs, whatever else a Trainer is given."""

from typing import Any

from pytorch_lightning import Callback
from pytorch_lightning.callbacks import WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mnist_cnn.training.conditions import RunConditions
from mnist_cnn.training.curves import TrainingCurves
from mnist_cnn.training.divergence import DivergenceGuard
from mnist_cnn.training.freezing import BackboneFreezing
from mnist_cnn.training.randomness import StepSeeds


def training_callbacks(classifier: Any) -> list[Callback]:
    """Resumable randomness, curves, a look-out for divergence, conditions and, if asked for, freezing and averaging."""
    callbacks: list[Callback] = [StepSeeds(), TrainingCurves(), DivergenceGuard(), RunConditions()]
    if classifier.freeze_epochs and classifier.network.get_backbone() is not None:
        callbacks.append(BackboneFreezing(classifier.freeze_epochs))
    if classifier.ema_decay:
        # On the device from the start: the callback copies the weights before the strategy moves them there.
        device = classifier.trainer.strategy.root_device
        callbacks.append(WeightAveraging(device=device, multi_avg_fn=get_ema_multi_avg_fn(classifier.ema_decay)))
    return callbacks
