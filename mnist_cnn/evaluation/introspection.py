"""Looking into a network: kernels, feature maps, features and saliency, of any network, by hooks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mnist_cnn.networks import Network

MOST_KERNELS = 64


def first_weights(network: nn.Module, images: Tensor) -> tuple[str, Tensor] | None:
    """Name and weights (units, h, w) of the layer that looks at the pixels: kernels, or templates of a dense layer.

    Several input channels are averaged; of more than 64 units the first are given.

    Args:
        network: The network.
        images: Normalised images (B, C, H, W), to find the layer that runs first.

    Returns:
        None where the first layer is neither a convolution nor a dense layer that is given the pixels themselves.
    """
    seen: list[tuple[nn.Module, Tensor]] = []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    _run(network, images, layers, lambda layer, inputs, _: seen.append((layer, inputs)))
    if not seen:
        return None
    layer, inputs = seen[0]
    weights: Tensor = layer.weight.detach()  # type: ignore[operator]
    if isinstance(layer, nn.Conv2d):
        kernels = weights.mean(dim=1)[:MOST_KERNELS]
        size = f"{weights.shape[2]}x{weights.shape[3]}"
        return f"{_part(kernels, weights)} kernels {size} of the first convolution", kernels
    if not torch.equal(inputs, images.flatten(1)):  # it sees something else than the pixels
        return None
    templates = weights.reshape(-1, *images.shape[1:]).mean(dim=1)[:MOST_KERNELS]
    return f"weights of {_part(templates, weights)} units of the first dense layer", templates


def feature_maps(network: nn.Module, images: Tensor) -> list[tuple[str, Tensor]]:
    """Name and feature maps (B, channels, h, w) after each block, of normalised images (B, C, H, W).

    A block ends in a ReLU; in a network without such layers, in a convolution. A network without maps gives none.
    """
    for kind in (nn.ReLU, nn.Conv2d):
        outputs: list[Tensor] = []
        layers = [layer for layer in network.modules() if isinstance(layer, kind)]
        _run(network, images, layers, partial(_keep_output, outputs))
        maps = [output for output in outputs if output.ndim == 4]
        if maps:
            return [(f"block {number}", output) for number, output in enumerate(maps, start=1)]
    return []


def features(network: Network, images: Tensor) -> Tensor | None:
    """What the output layer is given for normalised images (B, C, H, W): features (B, units).

    Maps are averaged over the image. None where the network declares no output layer.
    """
    layer = network.get_output_layer()
    if layer is None:
        return None
    seen: list[Tensor] = []
    _run(network, images, [layer], lambda _, inputs, __: seen.append(inputs.detach().float()))
    return seen[0].mean(dim=(2, 3)) if seen[0].ndim == 4 else seen[0].flatten(1)


def saliency(network: nn.Module, images: Tensor) -> Tensor:
    """Derivative of each answer's logit by the pixels of normalised images (B, C, H, W): (B, H, W).

    Of several channels the largest derivative is given. Source: Simonyan, Vedaldi and Zisserman, "Deep Inside
    Convolutional Networks", 2013.
    """
    with torch.enable_grad():
        pixels = images.detach().clone().requires_grad_(True)
        network(pixels).max(dim=1).values.sum().backward()
    gradient = pixels.grad
    assert gradient is not None
    network.zero_grad()
    largest = gradient.abs().argmax(dim=1, keepdim=True)
    return gradient.gather(1, largest)[:, 0]


def _keep_output(outputs: list[Tensor], layer: nn.Module, inputs: Tensor, output: Tensor) -> None:
    outputs.append(output.detach().clone())  # cloned, as a layer that works in place may write over it


def _run(
    network: nn.Module, images: Tensor, layers: Sequence[nn.Module], note: Callable[[nn.Module, Tensor, Tensor], Any]
) -> None:
    """Have images go through a network, and tell `note` of each layer, its input and its output as it runs."""
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output: note(layer, inputs[0], output)) for layer in layers
    ]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()


def _part(shown: Tensor, weights: Tensor) -> str:
    """How many of a layer's units are shown, in words."""
    return f"{len(shown)}" if len(shown) == len(weights) else f"{len(shown)} of the {len(weights)}"
