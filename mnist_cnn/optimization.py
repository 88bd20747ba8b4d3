"""Optimisers and learning-rate schedules, chosen by name."""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from mnist_cnn.errors import UserError
from mnist_cnn.muon import MuonAdamW
from mnist_cnn.networks import Network

OptimizerName = Literal["adamw", "adam", "sgd", "muon"]
CompileMode = Literal["default", "reduce-overhead", "max-autotune"]
ScheduleName = Literal["constant", "step", "linear", "cosine", "one_cycle"]

# One-cycle starts at 1/25 of the largest rate and ends at 1/10,000 of where it started (Smith and Topin, 2019).
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = ONE_CYCLE_START / 10_000


def build_optimizer(network: Network, settings: Mapping[str, Any]) -> Optimizer:
    """Build the optimiser that the hyperparameters of `ImageClassifier` ask for, for all parameters of `network`."""
    groups = parameter_groups(network, settings)
    if settings["optimizer"] == "muon":
        return MuonAdamW(groups)
    kinds: dict[str, Any] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return kinds[settings["optimizer"]](groups)


def parameter_groups(network: Network, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameters by the hyperparameters that they are trained with, `lr` being the largest rate.

    One group, or several where a network has a pretrained backbone or the optimiser treats matrices apart.
    """
    name, momentum = settings["optimizer"], settings["momentum"]
    options: dict[str, Any] = {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
    if name == "muon":
        matrices = hidden_matrices(network)
        taken = {id(matrix) for matrix in matrices}
        others = [parameter for parameter in network.parameters() if id(parameter) not in taken]
        groups = [
            {**options, "params": matrices, "orthogonal": True, "momentum": momentum},
            {**options, "params": others, "orthogonal": False, "lr": settings["adamw_lr"]},
        ]
    elif name == "sgd":
        nesterov = settings["nesterov"] and momentum > 0
        groups = [{**options, "params": list(network.parameters()), "momentum": momentum, "nesterov": nesterov}]
    else:
        groups = [{**options, "params": list(network.parameters()), "betas": (momentum, 0.999)}]
    return _with_backbone_apart(groups, network, settings["backbone_lr_factor"])


def _with_backbone_apart(groups: list[dict[str, Any]], network: Network, lr_factor: float) -> list[dict[str, Any]]:
    """Split each group: all that is not in a pretrained backbone, then what is, with a rate of its own."""
    backbone = network.get_backbone()
    if backbone is None:
        return groups
    pretrained = {id(parameter) for parameter in backbone.parameters()}
    split = []
    for group in groups:
        of_backbone = [parameter for parameter in group["params"] if id(parameter) in pretrained]
        others = [parameter for parameter in group["params"] if id(parameter) not in pretrained]
        split += [{**group, "params": others}, {**group, "params": of_backbone, "lr": group["lr"] * lr_factor}]
    return split


def hidden_matrices(network: Network) -> list[Parameter]:
    """The weights of the convolutions and dense layers but for the last one, which makes the logits."""
    return [parameter for parameter in network.parameters() if parameter.ndim >= 2][:-1]


def apply_settings(optimizer: Optimizer, schedule: LambdaLR, network: Network, settings: Mapping[str, Any]) -> None:
    """Set the hyperparameters of an optimiser and its schedule anew.

    Both bring those of their checkpoint along, and on a resume the given ones should win.
    """
    groups = parameter_groups(network, settings)
    schedule.base_lrs = [group["lr"] for group in groups]
    factor = schedule.lr_lambdas[0](schedule.last_epoch)
    for present, group in zip(optimizer.param_groups, groups, strict=True):
        wanted = {name: value for name, value in group.items() if name != "params"}
        present.update(wanted, lr=factor * group["lr"], initial_lr=group["lr"])


def lr_factor(
    step: int, name: ScheduleName, total_steps: int, warmup: float, decay_factor: float, decay_steps: int
) -> float:
    """The learning rate at a step, as a part of the largest one.

    Args:
        step: Optimiser steps taken so far, from 0.
        name: "constant"; "step", times `decay_factor` every `decay_steps`; "linear" and "cosine", down to zero;
            "one_cycle".
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
    if name == "linear":  # zero is reached after the last step, so that no step is idle
        return max(total_steps - step, 0) / max(total_steps - rising, 1)
    return _cosine_between(1.0, 0.0, progress) if name == "cosine" else 1.0


def check_settings(settings: dict[str, Any]) -> None:
    """Check the hyperparameters of optimiser and schedule, and the others of `ImageClassifier`.

    Raises:
        UserError: for one out of its range.
    """
    limits = {
        "lr": (0, None),
        "adamw_lr": (0, None),
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
    allowed = {
        "optimizer": get_args(OptimizerName),
        "schedule": get_args(ScheduleName),
        "compile_mode": (None, *get_args(CompileMode)),
    }
    for name, choices in allowed.items():
        if settings[name] not in choices:
            raise UserError(f"{name}={settings[name]!r}: choose one of {', '.join(map(str, choices))}")


def _cosine_between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
