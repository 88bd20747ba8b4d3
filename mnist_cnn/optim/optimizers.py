"""Optimisers by name: which parameters are trained with which hyperparameters."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from mnist_cnn.errors import UserError, check_between, check_choice
from mnist_cnn.networks import Network
from mnist_cnn.optim.muon import MuonAdamW

OptimizerName = Literal["adamw", "adam", "sgd", "muon"]


@dataclass(frozen=True)
class OptimizerSettings:
    """Which optimiser, and its hyperparameters; they are explained where they are flags, in `ImageClassifier`.

    Raises:
        UserError: for one out of its range.
    """

    optimizer: OptimizerName = "adamw"
    lr: float = 3e-3
    adamw_lr: float = 0.01
    weight_decay: float = 0.01
    momentum: float = 0.9
    nesterov: bool = True
    backbone_lr_factor: float = 1.0

    def __post_init__(self) -> None:
        check_choice("optimizer", self.optimizer, OptimizerName)
        for name in ("lr", "adamw_lr", "weight_decay", "backbone_lr_factor"):
            check_between(name, getattr(self, name), 0)
        check_between("momentum", self.momentum, 0, 1)
        if self.momentum == 1:
            raise UserError("momentum=1: a number below 1 is needed, or nothing is ever forgotten")


def build_optimizer(network: Network, settings: OptimizerSettings) -> Optimizer:
    """Build the optimiser that is asked for, for all parameters of `network`."""
    groups = parameter_groups(network, settings)
    if settings.optimizer == "muon":
        return MuonAdamW(groups)
    kinds: dict[str, Any] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return kinds[settings.optimizer](groups)


def parameter_groups(network: Network, settings: OptimizerSettings) -> list[dict[str, Any]]:
    """Parameters by the hyperparameters that they are trained with, `lr` being the largest rate.

    One group, or several where a network has a pretrained backbone or the optimiser treats matrices apart.
    """
    options: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimizer == "muon":
        matrices = hidden_matrices(network)
        taken = {id(matrix) for matrix in matrices}
        others = [parameter for parameter in network.parameters() if id(parameter) not in taken]
        groups = [
            {**options, "params": matrices, "orthogonal": True, "momentum": settings.momentum},
            {**options, "params": others, "orthogonal": False, "lr": settings.adamw_lr},
        ]
    elif settings.optimizer == "sgd":
        options |= {"momentum": settings.momentum, "nesterov": settings.nesterov and settings.momentum > 0}
        groups = [{**options, "params": list(network.parameters())}]
    else:
        groups = [{**options, "params": list(network.parameters()), "betas": (settings.momentum, 0.999)}]
    return _with_backbone_apart(groups, network, settings.backbone_lr_factor)


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
    """The weights of the convolutions and dense layers but for the output layer, which makes the logits.

    Raises:
        UserError: if the network does not declare its output layer.
    """
    output_layer = network.get_output_layer()
    if output_layer is None:
        name = type(network).__name__
        raise UserError(
            f"optimizer muon treats the layer that makes the logits apart, and {name} does not say which one that is: "
            f"give {name} a method get_output_layer, or choose another --model.optimizer"
        )
    of_output = {id(parameter) for parameter in output_layer.parameters()}
    return [parameter for parameter in network.parameters() if parameter.ndim >= 2 and id(parameter) not in of_output]


def apply_settings(optimizer: Optimizer, schedule: LambdaLR, network: Network, settings: OptimizerSettings) -> None:
    """Set the hyperparameters of an optimiser and its schedule anew.

    Both bring those of their checkpoint along, and on a resume the given ones should win.
    """
    groups = parameter_groups(network, settings)
    schedule.base_lrs = [group["lr"] for group in groups]
    factor = schedule.lr_lambdas[0](schedule.last_epoch)
    for present, group in zip(optimizer.param_groups, groups, strict=True):
        wanted = {name: value for name, value in group.items() if name != "params"}
        present.update(wanted, lr=factor * group["lr"], initial_lr=group["lr"])
