"""The base class of every network: what lets it be chosen by name and rebuilt from a checkpoint."""

import importlib
import inspect
import sys
from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from mnist_cnn.errors import UserError


class _RecordsInitArgs(type):
    """Remembers the arguments of every instance, defaults included, without the classes having to do anything."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        network = super().__call__(*args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(network, *args, **kwargs)  # type: ignore[misc]
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        # Lists, not tuples: what is written to a checkpoint is then the same as what YAML gives back.
        network.init_args = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
        return network


class Network(nn.Module, metaclass=_RecordsInitArgs):
    """A plain `nn.Module` that maps normalised images (B, 1, H, W) to logits (B, num_classes).

    Subclasses take plain values (numbers, strings, lists) in `__init__` and set `num_classes`. They can then be chosen
    with `--model.network NAME` and are rebuilt from any checkpoint.

    Attributes:
        init_args: the arguments that the instance was built with, as plain types.
        num_classes: how many classes the network tells apart.
    """

    init_args: dict[str, Any]
    num_classes: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 1, H, W) to logits (B, num_classes)."""

    def spec(self) -> dict[str, Any]:
        """Describe the network in plain types: `{"class_path": ..., "init_args": ...}`, as in YAML and checkpoints."""
        return {"class_path": _import_path(type(self)), "init_args": dict(self.init_args)}


def build_network(spec: dict[str, Any]) -> Network:
    """Build the network that `Network.spec` describes.

    Raises:
        UserError: if the class is not to be found or is no `Network`; a checkpoint can name nothing else.
    """
    class_path, init_args = spec.get("class_path", ""), spec.get("init_args") or {}
    module_name, _, class_name = class_path.rpartition(".")
    try:
        network_class = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"network class {class_path!r} cannot be imported ({error}); install its package") from error
    if not (isinstance(network_class, type) and issubclass(network_class, Network)):
        raise UserError(f"{class_path!r} is not a subclass of mnist_cnn.networks.Network, so it is not used")
    return network_class(**init_args)


def _import_path(network_class: type) -> str:
    """The shortest path to a class, as in `mnist_cnn.networks.CNN`: from its package, if that offers it by name."""
    name, module = network_class.__name__, network_class.__module__
    package = module.rpartition(".")[0]
    offered = getattr(sys.modules.get(package), name, None) is network_class
    return f"{package if offered else module}.{name}"
