"""Random changes of images, drawn for each sample by itself and applied to the whole batch at once.

All functions are pure: they take the images (B, C, H, W), with values from 0 to 255 and a background of zero, and a
generator on the images' device, and return new images of the same shape.

amounts     how much of each change, and their order
geometry    where pixels lie: crop, flip, rotation, shift, scale, shear, elastic distortion
colour      what colour they have: brightness, contrast, saturation, hue
blanking    what is not shown: erasing, cutout
mixing      two samples in one, and labels with them: mixup, cutmix
"""

from mnist_cnn.data.augmentation.amounts import Augmentation
from mnist_cnn.data.augmentation.blanking import random_cutout, random_erasing
from mnist_cnn.data.augmentation.colour import random_colour
from mnist_cnn.data.augmentation.geometry import random_crop, random_flip, random_warp
from mnist_cnn.data.augmentation.mixing import random_mix

__all__ = [
    "Augmentation",
    "random_colour",
    "random_crop",
    "random_cutout",
    "random_erasing",
    "random_flip",
    "random_mix",
    "random_warp",
]
