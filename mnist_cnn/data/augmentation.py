"""Random changes of images, drawn for each sample by itself and applied to the whole batch at once.

All functions are pure: they take the images (B, C, H, W) as floats with a background of zero, and a generator on the
images' device, and return new images of the same shape.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from mnist_cnn.errors import UserError


@dataclass(frozen=True)
class Augmentation:
    """The amounts of every random change; zero switches a change off, and with all at zero images stay as they are.

    Args:
        rotation: Largest rotation either way, in degrees.
        shift: Largest shift either way, in parts of the image's side.
        scale: Largest change of size either way, in parts: 0.1 draws factors from 0.9 to 1.1.
        shear: Largest shear either way: by how much of its height the top is moved against the bottom.
        flip: Probability of a horizontal flip. For clothes; a flipped digit is no digit.
        erasing: Probability of blanking a rectangle that covers 2 % to 20 % of the image.
        elastic: Strength of a smooth random distortion: standard deviation of the displacement, in pixels.

    Raises:
        UserError: for an amount out of its range.
    """

    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    flip: float = 0.0
    erasing: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        limits = {"rotation": 180, "shift": 1, "scale": 0.9, "shear": 2, "flip": 1, "erasing": 1, "elastic": 10}
        for name, largest in limits.items():
            if not 0 <= (amount := getattr(self, name)) <= largest:
                raise UserError(f"{name}={amount}: a number from 0 (off) to {largest} is needed")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change each of the images (B, C, H, W), integers or floats, in its own random way; returns float32."""
        images = images.float()
        if self.flip:
            images = random_flip(images, self.flip, generator)
        if self.rotation or self.shift or self.scale or self.shear or self.elastic:
            images = random_warp(images, self, generator)
        if self.erasing:
            images = random_erasing(images, self.erasing, generator)
        return images

    @property
    def is_identity(self) -> bool:
        """Whether every change is switched off."""
        return self == Augmentation()


def random_flip(images: Tensor, probability: float, generator: Generator) -> Tensor:
    """Mirror each of the images (B, C, H, W) from left to right with the given probability."""
    chosen = torch.rand(len(images), generator=generator, device=images.device) < probability
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)


def random_warp(images: Tensor, amounts: Augmentation, generator: Generator) -> Tensor:
    """Rotate, shift, scale, shear and distort each of the images (B, C, H, W), with a single interpolation for all."""
    matrices = _affine_matrices(images, amounts, generator)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)  # (B, H, W, 2)
    if amounts.elastic:
        grid = grid + _elastic_displacement(images, amounts.elastic, generator)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


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


def _affine_matrices(images: Tensor, amounts: Augmentation, generator: Generator) -> Tensor:
    """Draw matrices (B, 2, 3) that map output to input coordinates, each running from -1 to 1 across the image."""
    batch, _, height, width = images.shape
    # One draw for all samples and amounts, from -1 to 1: the cost of a random call hardly depends on its size.
    draws = 2 * torch.rand(5, batch, generator=generator, device=images.device) - 1
    angle = draws[0] * math.radians(amounts.rotation)
    zoom = 1 / (1 + draws[1] * amounts.scale)
    shear = draws[2] * amounts.shear
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    aspect = height / width  # keeps rotations rigid on images that are not square
    rows = [
        torch.stack([cos, (shear * cos - sin) * aspect, 2 * amounts.shift * draws[3]], dim=1),
        torch.stack([sin / aspect, shear * sin + cos, 2 * amounts.shift * draws[4]], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _elastic_displacement(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Draw smooth displacements (B, H, W, 2): a coarse random grid (a knot each 7 pixels), interpolated (Simard, 2003).

    `strength` is the standard deviation at the knots, in pixels.
    """
    batch, _, height, width = images.shape
    knots = [batch, 2, max(height // 7, 2), max(width // 7, 2)]
    coarse = strength * torch.randn(knots, generator=generator, device=images.device)
    fine = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)
    pixels_to_grid = torch.tensor([2 / width, 2 / height], device=images.device)
    return fine.permute(0, 2, 3, 1) * pixels_to_grid
