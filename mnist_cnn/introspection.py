"""Looking into a network: kernels, feature maps, features and saliency, of any network, by hooks."""

from typing import Any

import torch
from torch import Tensor, nn

from mnist_cnn.networks.base import IMAGE_SIZE

MOST_KERNELS = 64


def first_kernels(network: nn.Module) -> tuple[str, Tensor]:
    """Name and weights (units, h, w) of the first layer: kernels of a convolution, templates of a dense layer.

    Several input channels are averaged; of more than 64 units the first are given.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            weights = layer.weight.detach().mean(dim=1)
            return f"{len(weights)} kernels {weights.shape[1]}x{weights.shape[2]} of the first convolution", weights
        if isinstance(layer, nn.Linear):
            weights = layer.weight.detach().reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
            shown = weights[:MOST_KERNELS]
            return f"weights of {len(shown)} of the {len(weights)} units of the first dense layer", shown
    return "no layer with weights", torch.zeros(1, 1, 1)


def feature_maps(network: nn.Module, images: Tensor) -> list[tuple[str, Tensor]]:
    """Name and feature maps (B, channels, h, w) after each block, of normalised images (B, 1, H, W).

    A block ends in a ReLU; in a network without such layers, in a convolution. A network without maps gives none.
    """
    for kind in (nn.ReLU, nn.Conv2d):
        layers = [layer for layer in network.modules() if isinstance(layer, kind)]
        outputs = _outputs(network, layers, images)
        maps = [output for output in outputs if output.ndim == 4]
        if maps:
            return [(f"block {number}", output) for number, output in enumerate(maps, start=1)]
    return []


def last_features(network: nn.Module, images: Tensor) -> Tensor:
    """What the output layer sees of normalised images (B, 1, H, W): features (B, units)."""
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    seen: list[Tensor] = []
    hook = dense[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().float()))
    try:
        with torch.no_grad():
            network(images)
    finally:
        hook.remove()
    return seen[0]


def saliency(network: nn.Module, images: Tensor) -> Tensor:
    """Derivative of each answer's logit by the pixels of normalised images (B, 1, H, W): (B, H, W).

    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013.
    """
    with torch.enable_grad():
        pixels = images.detach().clone().requires_grad_(True)
        network(pixels).max(dim=1).values.sum().backward()
    gradient = pixels.grad
    assert gradient is not None
    network.zero_grad()
    return gradient[:, 0]


def _outputs(network: nn.Module, layers: list[Any], images: Tensor) -> list[Tensor]:
    """What the layers give out, in the order in which they run."""
    outputs: list[Tensor] = []
    # Cloned, as a layer that works in place may write over it.
    hooks = [layer.register_forward_hook(lambda _, __, out: outputs.append(out.detach().clone())) for layer in layers]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs
