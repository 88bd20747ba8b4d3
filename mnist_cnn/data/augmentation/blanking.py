"""What is not shown: rectangles and squares that are blanked, each drawn for each sample by itself."""

import math

import torch
from torch import Generator, Tensor


def random_erasing(images: Tensor, probability: float, generator: Generator) -> Tensor:
    """Blank a rectangle in each of the images (B, C, H, W) with the given probability (Zhong et al., 2017)."""
    batch, _, height, width = images.shape
    draws = torch.rand(5, batch, 1, 1, 1, generator=generator, device=images.device)
    chosen = draws[0] < probability
    area = (0.02 + 0.18 * draws[1]) * height * width
    ratio = torch.exp((2 * draws[2] - 1) * math.log(3.0))  # height to width, from 1:3 to 3:1
    rows, columns = (area * ratio).sqrt().clamp(max=height), (area / ratio).sqrt().clamp(max=width)
    top, left = draws[3] * (height - rows), draws[4] * (width - columns)
    y = torch.arange(height, device=images.device).view(1, 1, height, 1)
    x = torch.arange(width, device=images.device).view(1, 1, 1, width)
    inside = (y >= top) & (y < top + rows) & (x >= left) & (x < left + columns)
    return images.masked_fill(chosen & inside, 0.0)


def random_cutout(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Blank a square in each of the images (B, C, H, W) to the batch's mean colour (DeVries & Taylor, 2017).

    Its centre is any of the image's pixels, so that the square may reach beyond the border and less is blanked then.

    Args:
        images: Floats.
        side: Side of the square, in pixels.
        generator: Draws the places.
    """
    batch, _, height, width = images.shape
    draws = torch.rand(2, batch, 1, 1, 1, generator=generator, device=images.device)
    top, left = (draws[0] * height).floor() - side // 2, (draws[1] * width).floor() - side // 2
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    return torch.where(box(images, top, left, top + side, left + side), mean, images)


def box(images: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Which pixels (B, 1, H, W) of images (B, C, H, W) lie in boxes, the ends of which (B, 1, 1, 1) are left out."""
    y = torch.arange(images.shape[-2], device=images.device).view(1, 1, -1, 1)
    x = torch.arange(images.shape[-1], device=images.device).view(1, 1, 1, -1)
    return (y >= top) & (y < bottom) & (x >= left) & (x < right)
