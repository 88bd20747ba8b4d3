"""Callbacks that were written for other projects: what is done so that they work with this one's classifier."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    LearningRateFinder,
    ModelCheckpoint,
    ModelPruning,
    SpikeDetection,
    StochasticWeightAveraging,
)
from pytorch_lightning.utilities import rank_zero_warn
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn

from mnist_cnn.errors import TrainerError, UserError

METRIC_NAMES = ("val/loss", "val/accuracy", "val/f1_macro", "val/calibration_error", "train/loss", "train/accuracy")
STAGES = {"val": "val", "valid": "val", "validation": "val", "train": "train", "training": "train"}
QUANTITIES = {"acc": "accuracy", "f1": "f1_macro", "ece": "calibration_error"}
# Whose callbacks log nothing that a callback could watch.
WITHOUT_METRICS = ("pytorch_lightning.", "mnist_cnn.")


def adapt(callbacks: Sequence[Callback], network: nn.Module, is_closed: bool) -> None:
    """Let callbacks find what they look for.

    Args:
        callbacks: All those of a run, which are changed.
        network: The network that is to be trained.
        is_closed: Whether the classifier logs what it always does, and nothing of a subclass's.

    Raises:
        UserError: if one watches a metric that there will not be.
    """
    is_closed = is_closed and all(type(callback).__module__.startswith(WITHOUT_METRICS) for callback in callbacks)
    for callback in callbacks:
        if isinstance(callback, BackboneFinetuning):
            raise UserError(
                "BackboneFinetuning looks for a backbone in the classifier itself: leave it out, and use "
                "--model.freeze_epochs and --model.backbone_lr_factor with a network that comes pretrained, as VGG16"
            )
        if isinstance(callback, StochasticWeightAveraging):
            rank_zero_warn(
                "StochasticWeightAveraging puts the averages in place at the very end: best.ckpt holds weights from "
                "before; --model.ema_decay 0.999 averages weights that are validated and kept"
            )
        if isinstance(callback, ModelPruning):
            network.to(memory_format=torch.contiguous_format)  # it looks at weights as vectors
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str):
            callback.monitor = metric_name(monitor)  # type: ignore[attr-defined]
            _check_monitor(callback, monitor, is_closed)
        if isinstance(callback, ModelCheckpoint) and callback.filename:
            _adapt_filename(callback)


def without_finders(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks of a run that goes on from a checkpoint: what others have found at its start counts.

    Besides, Lightning's finders would set the run back to its first step.
    """
    kept = []
    for callback in callbacks:
        if type(callback) in (LearningRateFinder, BatchSizeFinder):
            rank_zero_warn(f"{type(callback).__name__} is left out: the run goes on with the settings that it has")
        elif isinstance(callback, SpikeDetection):
            rank_zero_warn("SpikeDetection is left out: Lightning cannot give it back what it had seen so far")
        else:
            kept.append(callback)
    return kept


def metric_name(name: str) -> str:
    """This project's name of a metric that others call `val_loss` or `valid_acc`; any other name as it is."""
    words = re.fullmatch(r"([a-z]+)[_/.-]([a-z0-9_]+?)(_epoch)?", name.lower())
    found = f"{STAGES.get(words[1])}/{QUANTITIES.get(words[2], words[2])}" if words else ""
    return found if found in METRIC_NAMES else name


@contextmanager
def explained(trainer: Trainer) -> Iterator[None]:
    """Say in a sentence what Lightning objects to while it trains or evaluates.

    Raises:
        UserError: if a callback watches what nobody has measured.
        TrainerError: for settings of the Trainer that fit neither each other nor the data.
    """
    try:
        yield
    except TypeError as error:
        if "cannot pickle" not in str(error):
            raise
        raise UserError(
            "--trainer.strategy ddp_spawn hands the whole run to new processes, which cannot be done with this one "
            f"({error}): choose ddp"
        ) from error
    except (MisconfigurationException, RuntimeError) as error:
        watched = re.search(r"stopping conditioned on metric `(.+?)`|`(\w+)\(monitor='(.+?)'\)`", str(error))
        if watched:
            names = [name for name in trainer.callback_metrics if not name.startswith("val_class/")]
            who, name = watched[2] or "EarlyStopping", watched[1] or watched[3]
            raise UserError(_unknown_metric(who, name, names)) from error
        if isinstance(error, MisconfigurationException):
            raise TrainerError(str(error)) from error
        raise


def _unknown_metric(who: str, name: str, names: Sequence[str]) -> str:
    return f"{who} watches {name!r}, which is none of the metrics of this run: choose one of {', '.join(names)}"


def _check_monitor(callback: Any, given: str, is_closed: bool) -> None:
    who, name = type(callback).__name__, callback.monitor
    if is_closed and name not in METRIC_NAMES and not name.startswith("val_class/"):
        raise UserError(_unknown_metric(who, given, METRIC_NAMES))
    if name.endswith(("/accuracy", "/f1_macro")) and getattr(callback, "mode", "max") == "min":
        rank_zero_warn(f"{who} takes the lowest {name} for the best: set mode to max, unless that is meant")


def _adapt_filename(callback: ModelCheckpoint) -> None:
    """Put this project's names into a pattern such as `{epoch}-{val_loss:.2f}`, and keep the name in the file's."""
    pattern = callback.filename or ""
    names = [name for name in re.findall(r"\{([^:}]+)", pattern) if metric_name(name) != name]
    if not names:
        return
    if callback.auto_insert_metric_name:  # with ours, whose slash would make a folder
        pattern = re.sub(r"\{([^:}]+)", r"\1={\1", pattern)
        callback.auto_insert_metric_name = False
    for name in names:
        pattern = pattern.replace("{" + name, "{" + metric_name(name))
    callback.filename = pattern
