"""What colour pixels have: brightness, contrast, saturation and hue, each drawn for each sample by itself."""

import math

import torch
from torch import Generator, Tensor

from mnist_cnn.pixels import WHITE

LUMA = (0.299, 0.587, 0.114)  # parts of red, green and blue in the brightness that is seen (ITU-R BT.601)
# To luma and the two axes of colour of YIQ, in which a turn changes the hue and neither luma nor grey.
TO_YIQ = (LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def random_colour(
    images: Tensor, brightness: float, contrast: float, saturation: float, hue: float, generator: Generator
) -> Tensor:
    """Change the colours of each of the images (B, C, H, W), floats from 0 to 255, and keep them in that range.

    First brightness, then contrast, saturation and hue. All four are linear in the colours, so that they are a single
    product with a matrix for each sample. Images that do not have three channels have neither saturation nor hue.

    Args:
        images: The images.
        brightness: Largest change either way, in parts: 0.4 draws factors from 0.6 to 1.4.
        contrast: Largest change either way of the distance to the image's mean luma, in parts.
        saturation: Largest change either way of the distance to grey of the same luma, in parts.
        hue: Largest turn either way, in parts of the circle of colours: 0.5 reaches all of them.
        generator: Draws all amounts.
    """
    batch, channels = images.shape[:2]
    draws = 2 * torch.rand(4, batch, 1, 1, 1, generator=generator, device=images.device) - 1
    bright, strength = 1 + brightness * draws[0], 1 + contrast * draws[1]
    luma = images.new_tensor(LUMA if channels == 3 else [1 / channels] * channels).view(1, -1, 1, 1)
    mean = (images.mean(dim=(2, 3), keepdim=True) * luma).sum(dim=1, keepdim=True)  # (B, 1, 1, 1)
    offset = (1 - strength) * bright * mean
    if channels != 3 or not (saturation or hue):
        return (bright * strength * images + offset).clamp_(0, WHITE)
    turned = _colour_matrices(1 + saturation * draws[2].view(-1), 2 * math.pi * hue * draws[3].view(-1))
    matrices = (bright * strength).view(-1, 1, 1) * turned
    # The offset is grey, which saturation and hue leave as it is.
    changed = torch.baddbmm(offset.view(-1, 1, 1), matrices, images.flatten(2))
    return changed.clamp_(0, WHITE).view(images.shape)


def _colour_matrices(saturations: Tensor, angles: Tensor) -> Tensor:
    """Matrices (B, 3, 3) that change colours by factors of saturation (B,) and turns of hue (B,), in radians."""
    cos, sin = saturations * angles.cos(), saturations * angles.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    turns = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    to_yiq = torch.tensor(TO_YIQ, dtype=torch.float64)
    back = torch.linalg.inv(to_yiq)  # on the CPU, in double precision: white stays white to the last digit
    return back.to(angles) @ turns @ to_yiq.to(angles)
