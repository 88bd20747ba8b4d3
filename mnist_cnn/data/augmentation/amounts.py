"""Augmentation: the amounts of all changes, and their order."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Generator, Tensor

from mnist_cnn.data.augmentation.blanking import random_cutout, random_erasing
from mnist_cnn.data.augmentation.colour import random_colour
from mnist_cnn.data.augmentation.geometry import random_crop, random_flip, random_warp
from mnist_cnn.data.augmentation.mixing import random_mix
from mnist_cnn.errors import UserError

# The largest amount of each change.
LIMITS = {
    **{"rotation": 180, "shift": 1, "scale": 0.9, "shear": 2, "flip": 1, "erasing": 1, "elastic": 10},
    **{"crop": 1000, "cutout": 1000, "brightness": 1, "contrast": 1, "saturation": 1, "hue": 0.5},
    **{"mixup": 100, "cutmix": 100},
}


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
        crop: Padding in pixels, by reflection, out of which a part of the image's size is cut: shifts by whole pixels.
        cutout: Side in pixels of a square that is blanked to the mean colour (DeVries & Taylor, 2017).
        brightness: Largest change of brightness either way, in parts: 0.4 draws factors from 0.6 to 1.4.
        contrast: Largest change of contrast either way, in parts.
        saturation: Largest change of saturation either way, in parts; grey images have none.
        hue: Largest turn of the hue either way, in parts of the circle of colours, up to 0.5; grey images have none.
        mixup: Alpha of mixup, which blends two images and their labels (Zhang et al., 2018).
        cutmix: Alpha of cutmix, which puts a box of one image into another (Yun et al., 2019).

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
    crop: int = 0
    cutout: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, largest in LIMITS.items():
            if not 0 <= (amount := getattr(self, name)) <= largest:
                raise UserError(f"{name}={amount}: a number from 0 (off) to {largest} is needed")
        for name in ("crop", "cutout"):
            if (amount := getattr(self, name)) != int(amount):
                raise UserError(f"{name}={amount}: a whole number of pixels is needed")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change each of the images (B, C, H, W), integers or floats, in its own random way; returns float32.

        Mixing is apart, as it changes labels too: see `mix`.
        """
        if self.crop:
            images = random_crop(images, int(self.crop), generator)
        images = images.float()
        if self.flip:
            images = random_flip(images, self.flip, generator)
        if self.rotation or self.shift or self.scale or self.shear or self.elastic:
            warp = (self.rotation, self.shift, self.scale, self.shear, self.elastic)
            images = random_warp(images, *warp, generator)
        if self.brightness or self.contrast or self.saturation or self.hue:
            images = random_colour(images, self.brightness, self.contrast, self.saturation, self.hue, generator)
        if self.erasing:
            images = random_erasing(images, self.erasing, generator)
        if self.cutout:
            images = random_cutout(images, int(self.cutout), generator)
        return images

    def mix(self, images: Tensor, labels: Tensor, classes: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mix each of the images (B, C, H, W), floats, and its label (B,) with another of the batch.

        Args:
            images: The images.
            labels: Their classes.
            classes: How many classes there are.
            generator: Of the CPU, so that all devices mix alike.

        Returns:
            The images, and probabilities of the classes (B, classes).
        """
        return random_mix(images, F.one_hot(labels, classes).float(), self.mixup, self.cutmix, generator)

    @property
    def mixes(self) -> bool:
        """Whether samples are mixed, so that labels become probabilities."""
        return bool(self.mixup or self.cutmix)

    @property
    def is_identity(self) -> bool:
        """Whether every change is switched off."""
        return self == Augmentation()
