"""The base class of every network: what lets it be chosen by name, fitted to data and rebuilt from a checkpoint."""

import inspect
import sys
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.files import plain

IMAGE_SIZE = 28  # height and width of the images of MNIST and its relatives


def check_complete(network_class: type) -> None:
    """Raise a `UserError` unless a network's class defines what the base class leaves open."""
    if missing := getattr(network_class, "__abstractmethods__", None):
        name = network_class.__name__
        raise UserError(f"{name} has no method {', '.join(missing)}, which maps images to logits: define it")


class _RecordsInitArgs(ABCMeta):
    """Remembers the arguments of every instance, defaults included, without the classes having to do anything."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Build a network.

        Raises:
            UserError: if its class lacks what every network has to have.
        """
        network = super().__call__(*args, **kwargs)
        if not isinstance(getattr(network, "num_classes", None), Integral):  # NumPy's whole numbers included
            raise UserError(
                f"{cls.__name__} does not say how many classes it tells apart: set self.num_classes in its __init__"
            )
        bound = inspect.signature(cls.__init__).bind(network, *args, **kwargs)  # type: ignore[misc]
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        for parameter in bound.signature.parameters.values():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                given |= given.pop(parameter.name)
        network.init_args = {name: plain(value) for name, value in given.items()}
        return network


class Network(nn.Module, metaclass=_RecordsInitArgs):
    """A plain `nn.Module` that maps normalised images (B, C, H, W) to logits (B, num_classes).

    Subclasses take plain values (numbers, strings, lists) in `__init__` and set `num_classes`. They can then be chosen
    with `--model.network NAME` and are rebuilt from any checkpoint. Arguments with the names `in_channels` and
    `input_shape` are filled in from the data where nobody gives them.

    Attributes:
        init_args: the arguments that the instance was built with, as plain types.
        num_classes: how many classes the network tells apart.
        input_size: sizes of the images that it takes, in words.
    """

    init_args: dict[str, Any]
    num_classes: int
    input_size: str = f"{IMAGE_SIZE}x{IMAGE_SIZE}"

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, H, W) to logits (B, num_classes)."""

    def get_output_layer(self) -> nn.Module | None:
        """The layer that makes the logits; what it is given are the network's features.

        The optimiser muon needs it, and TensorBoard's projector shows the features. None where a network declares none.
        """
        return None

    def get_backbone(self) -> nn.Module | None:
        """The part that comes pretrained, which can be frozen and trained at a rate of its own; None without one."""
        return None

    def load_pretrained(self) -> None:
        """Put pretrained weights in place; called once where a new training run begins. Without a backbone: nothing.

        Raises:
            UserError: if the weights cannot be had.
        """

    def spec(self) -> dict[str, Any]:
        """Describe the network in plain types: `{"class_path": ..., "init_args": ...}`, as in YAML and checkpoints."""
        return {"class_path": _import_path(type(self)), "init_args": dict(self.init_args)}


def build_network(spec: dict[str, Any]) -> Network:
    """Build the network that `Network.spec` describes.

    Raises:
        UserError: if the class is no `Network` that is imported already. A checkpoint can name nothing else, and
            reading one never imports code.
    """
    return find_network(str(spec.get("class_path", "")))(**(spec.get("init_args") or {}))


def expected_state(spec: dict[str, Any]) -> tuple[int, dict[str, tuple[int, ...] | None] | None]:
    """What the weights of a network have to be, found without taking the memory for them.

    Args:
        spec: What `Network.spec` says of it.

    Returns:
        How many classes it tells apart, and the sizes of the weights that its `Model` has by name: None for those that
        only the first batch decides, and None altogether for a class of a user's, which is only ever built for good.

    Raises:
        Exception: what the class raises for its arguments.
    """
    import torch
    from torch.nn.parameter import is_lazy

    network_class = find_network(spec["class_path"])
    if not network_class.__module__.startswith("mnist_cnn."):  # what a user's class keeps for later must be real
        return 0, None
    with torch.device("meta"):
        network = network_class(**(spec.get("init_args") or {}))
    state = {
        f"network.{name}": None if is_lazy(part) else tuple(part.shape) for name, part in network.state_dict().items()
    }
    return network.num_classes, state


def is_network(class_path: str) -> bool:
    """Whether a path names a subclass of `Network` in a module that is imported already."""
    found = _imported(class_path)
    return isinstance(found, type) and issubclass(found, Network) and found is not Network


def find_network(name: str) -> type[Network]:
    """A network's class by its name or import path.

    Raises:
        UserError: if there is no such class that is imported already.
    """
    known = known_networks()
    if name in known:
        return known[name]
    if not is_network(name):
        raise UserError(
            f"{name!r} is no known subclass of mnist_cnn.networks.Network; choose one of {', '.join(known)}, or "
            f"if it is one of yours, import its module first (in Python; then mnist_cnn.load reads its checkpoints)"
        )
    return _imported(name)


def known_networks() -> dict[str, type[Network]]:
    """The networks of this project by name."""
    found: dict[str, type[Network]] = {}
    queue = list(Network.__subclasses__())
    while queue:
        network_class = queue.pop()
        queue += network_class.__subclasses__()
        if network_class.__module__.startswith("mnist_cnn."):
            found[network_class.__name__] = network_class
    return dict(sorted(found.items()))


def _imported(class_path: str) -> Any:
    module_name, _, class_name = class_path.rpartition(".")
    return getattr(sys.modules.get(module_name), class_name, None)


def _import_path(network_class: type) -> str:
    """The shortest path to a class, as in `mnist_cnn.networks.CNN`: from its package, if that offers it by name."""
    name, module = network_class.__name__, network_class.__module__
    package = module.rpartition(".")[0]
    offered = getattr(sys.modules.get(package), name, None) is network_class
    return f"{package if offered else module}.{name}"


def multiply_adds(network: Network, size: tuple[int, int] = (IMAGE_SIZE, IMAGE_SIZE)) -> int:
    """Multiplications with addition that one image takes, in convolutions and dense layers.

    Args:
        network: The network.
        size: Height and width of the image.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, network.init_args.get("in_channels", 1), *size))
    network.train(was_training)
    return counter.get_total_flops() // 2


def arguments_from_data(
    network_class: type, image_shape: tuple[int, int, int], num_classes: int | None = None
) -> dict[str, Any]:
    """Those arguments of a network that the data decide.

    Args:
        network_class: Class of the network.
        image_shape: Channels, height and width of the images.
        num_classes: Number of their classes, where the data decide that too.

    Returns:
        Values of `in_channels`, `input_shape` and `num_classes`, as far as the class takes them.
    """
    channels, *size = image_shape
    of_data: dict[str, Any] = {"in_channels": channels, "input_shape": size}
    if num_classes is not None:
        of_data["num_classes"] = num_classes
    taken = inspect.signature(network_class.__init__).parameters  # type: ignore[misc]
    return {name: value for name, value in of_data.items() if name in taken}


def check_images(images: Tensor, input_shape: Sequence[int]) -> None:
    """See that images (B, C, H, W) fit a network that is made for one size.

    Raises:
        UserError: if they are not of the height and width `input_shape`.
    """
    if tuple(images.shape[-2:]) != tuple(input_shape):
        found, taken = ("x".join(map(str, size)) for size in (images.shape[-2:], input_shape))
        raise UserError(f"images of {found} pixels: this network takes {taken} only")


def check_input(in_channels: int, input_shape: Sequence[int] = (IMAGE_SIZE, IMAGE_SIZE)) -> None:
    """Raise a `UserError` unless these are numbers of channels, rows and columns."""
    if in_channels < 1:
        raise UserError(f"in_channels={in_channels}: at least 1 is needed")
    if len(input_shape) != 2 or min(input_shape) < 1:
        raise UserError(f"input_shape={list(input_shape)}: height and width are needed, such as [28, 28]")


def check_dropout(dropout: float) -> None:
    """Raise a `UserError` unless `dropout` is a probability below 1."""
    if not 0 <= dropout < 1:
        raise UserError(f"dropout={dropout}: a probability of at least 0 and below 1 is needed")


def check_num_classes(num_classes: int) -> None:
    """Raise a `UserError` unless there are classes to tell apart."""
    if num_classes < 2:
        raise UserError(f"num_classes={num_classes}: at least 2 are needed")
