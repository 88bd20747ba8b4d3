"""What a resumed run takes over from its checkpoint, and what it does otherwise."""

from collections.abc import Sequence
from typing import Any

import torch
from torchmetrics import Metric

from mnist_cnn.console import remark
from mnist_cnn.errors import UserError
from mnist_cnn.files import flatten
from mnist_cnn.runs.checkpoint import CURRENT_WEIGHTS, HYPERPARAMETERS, OPTIMIZERS, WEIGHTS, Checkpoint
from mnist_cnn.runs.folders import run_dir_of
from mnist_cnn.runs.settings import read_run_config

# Settings of the Trainer that change what comes out; the number of epochs stretches the schedule.
LASTING_TRAINER_SETTINGS = (
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "max_time", "limit_train_batches", "limit_val_batches"),
    *("overfit_batches", "val_check_interval", "check_val_every_n_epoch", "accumulate_grad_batches"),
    *("gradient_clip_val", "gradient_clip_algorithm", "strategy", "sync_batchnorm", "deterministic", "benchmark"),
)
# Those whose effect stands among a checkpoint's conditions; it is what counts, where they say "auto".
KEPT_AS_CONDITIONS = ("accelerator", "devices", "num_nodes", "precision")


def changed_settings(checkpoint: Checkpoint, config: dict[str, Any]) -> list[str]:
    """What a resumed run does otherwise than the checkpoint that it starts from, as "name: before -> now".

    Args:
        checkpoint: The checkpoint.
        config: The settings of the run that goes on.
    """
    before = flatten(checkpoint.settings())
    configs = sorted(run_dir_of(checkpoint.path).glob("config*.yaml"), key=lambda file: file.stat().st_mtime)
    if configs:
        try:
            trainer = read_run_config(configs[-1])["trainer"]
        except UserError as error:
            remark(f"warning: {error}; which of them are changed cannot be told")
            trainer = {}
        names = LASTING_TRAINER_SETTINGS if checkpoint.conditions else LASTING_TRAINER_SETTINGS + KEPT_AS_CONDITIONS
        before |= {f"trainer.{name}": trainer[name] for name in names if name in trainer}
    now = flatten(config)
    return [f"{name}: {value} -> {now[name]}" for name, value in before.items() if name in now and now[name] != value]


def without_what_changed(checkpoint: dict[str, Any], optimizer: str, averages_weights: bool) -> None:
    """Leave out of a checkpoint's contents what the given settings have no use for.

    Args:
        checkpoint: Its contents, which are changed.
        optimizer: Name of the optimiser that goes on; another one than the checkpoint's begins anew.
        averages_weights: Whether weights are averaged; if not, the weights themselves are trained on, not the averages.
    """
    if checkpoint[HYPERPARAMETERS]["optimizer"] != optimizer:
        checkpoint[OPTIMIZERS] = []
    if CURRENT_WEIGHTS in checkpoint and not averages_weights:
        checkpoint[WEIGHTS] = checkpoint[CURRENT_WEIGHTS]


def restore_metrics(metrics: Sequence[Metric], states: Sequence[dict[str, Any]], device: torch.device) -> None:
    """Go on with means over an epoch that is under way, from what `combined_state` gave."""
    for metric, state in zip(metrics, states, strict=False):  # a checkpoint from elsewhere may have none
        for name, value in state.items():
            setattr(metric, name, value.to(device))
        metric._update_count = 1  # else compute() warns that nothing has been seen
