"""Optimisers and learning-rate schedules, chosen by name."""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from mnist_cnn.errors import UserError
from mnist_cnn.networks import Network

OptimizerName = Literal["adamw", "adam", "sgd"]
ScheduleName = Literal["constant", "step", "cosine", "one_cycle"]

# One-cycle starts at 1/25 of the largest rate and ends at 1/10,000 of where it started (Smith and Topin, 2019).
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 10_000


def build_optimizer(
    network: Network,
    name: OptimizerName,
    lr: float,
    weight_decay: float,
    momentum: float,
    nesterov: bool,
    backbone_lr_factor: float = 1.0,
) -> Optimizer:
    """Build the optimiser of that name for all parameters of `network`.

    Args:
        network: The network to train.
        name: "adamw" (decoupled weight decay), "adam" or "sgd" (both with L2 regularisation).
        lr: Largest learning rate of the schedule.
        weight_decay: Weight decay or L2 coefficient.
        momentum: Momentum of SGD, and beta1 of the Adam family.
        nesterov: Nesterov's form of SGD's momentum.
        backbone_lr_factor: Learning rate of a pretrained backbone, in parts of `lr`.
    """
    groups = parameter_groups(network, lr, backbone_lr_factor)
    if name == "sgd":
        sgd_options: dict[str, Any] = {"momentum": momentum, "nesterov": nesterov and momentum > 0}
        return torch.optim.SGD(groups, lr=lr, weight_decay=weight_decay, **sgd_options)
    adam = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return adam(groups, lr=lr, weight_decay=weight_decay, betas=(momentum, 0.999))


def parameter_groups(network: Network, lr: float, backbone_lr_factor: float) -> list[dict[str, Any]]:
    """Parameters with their largest learning rates: one group, or for a network with a backbone the rest and that."""
    backbone = network.get_backbone()
    if backbone is None:
        return [{"params": list(network.parameters()), "lr": lr}]
    pretrained = list(backbone.parameters())
    ids = {id(parameter) for parameter in pretrained}
    others = [parameter for parameter in network.parameters() if id(parameter) not in ids]
    return [{"params": others, "lr": lr}, {"params": pretrained, "lr": lr * backbone_lr_factor}]


def apply_settings(optimizer: Optimizer, schedule: LambdaLR, network: Network, settings: Mapping[str, Any]) -> None:
    """Set the hyperparameters of an optimiser and its schedule anew.

    Both bring those of their checkpoint along, and on a resume the given ones should win.
    """
    lrs = [group["lr"] for group in parameter_groups(network, settings["lr"], settings["backbone_lr_factor"])]
    for group, lr in zip(optimizer.param_groups, lrs, strict=True):
        group["initial_lr"] = lr
        group["lr"] = lr * schedule.lr_lambdas[0](schedule.last_epoch)
        group["weight_decay"] = settings["weight_decay"]
        if "betas" in group:
            group["betas"] = (settings["momentum"], 0.999)
        else:
            group["momentum"] = settings["momentum"]
            group["nesterov"] = settings["nesterov"] and settings["momentum"] > 0
    schedule.base_lrs = lrs


def lr_factor(
    step: int, name: ScheduleName, total_steps: int, warmup: float, decay_factor: float, decay_steps: int
) -> float:
    """The learning rate at a step, as a part of the largest one.

    Args:
        step: Optimiser steps taken so far, from 0.
        name: "constant"; "step", times `decay_factor` every `decay_steps`; "cosine", down to zero; "one_cycle".
        total_steps: Steps of the whole run.
        warmup: Part of the run in which the rate rises: linearly from zero, or along one-cycle's cosine.
        decay_factor: For "step".
        decay_steps: For "step".
    """
    rising = round(warmup * total_steps)
    # The last step, total_steps - 1, has the schedule's end value.
    progress = min((step - rising) / max(total_steps - 1 - rising, 1), 1.0)
    if name == "one_cycle":
        if step < rising:
            return _cosine_between(ONE_CYCLE_START, 1.0, step / rising)
        return _cosine_between(1.0, ONE_CYCLE_END, progress)
    if step < rising:
        return (step + 1) / rising
    if name == "step":
        return decay_factor ** (step // decay_steps)
    return _cosine_between(1.0, 0.0, progress) if name == "cosine" else 1.0


def check_settings(settings: dict[str, Any]) -> None:
    """Check the hyperparameters of optimiser and schedule, and the others of `ImageClassifier`.

    Raises:
        UserError: for one out of its range.
    """
    limits = {
        "lr": (0, None),
        "weight_decay": (0, None),
        "momentum": (0, 1),
        "warmup": (0, 1),
        "step_factor": (0, 1),
        "label_smoothing": (0, 1),
        "ema_decay": (0, 1),
        "freeze_epochs": (0, None),
        "backbone_lr_factor": (0, None),
    }
    for name, (low, high) in limits.items():
        value = settings[name]
        if not low <= value or (high is not None and value > high):
            span = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise UserError(f"{name}={value}: a number {span} is needed")
    if settings["momentum"] == 1:
        raise UserError("momentum=1: a number below 1 is needed, or nothing is ever forgotten")
    if settings["step_epochs"] < 1:
        raise UserError(f"step_epochs={settings['step_epochs']}: at least 1 is needed")
    for name, choices in (("optimizer", get_args(OptimizerName)), ("schedule", get_args(ScheduleName))):
        if settings[name] not in choices:
            raise UserError(f"{name}={settings[name]!r}: choose one of {', '.join(choices)}")


def _cosine_between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
