"""Batches of loaders that are not this project's, as `trainer.fit(classifier, DataLoader(...))` brings them."""

from typing import Any

from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor

from mnist_cnn.networks.model import pixel_factor
from mnist_cnn.pixels import WHITE


class ForeignPixels:
    """Brings the pixels of such batches into the range from 0 to 255.

    The first batch of a stage decides for all of them: a single one may be dark.
    """

    def __init__(self) -> None:
        self._factors: dict[Any, float] = {}
        self._has_said = False

    def __call__(self, images: Tensor, stage: Any) -> Tensor:
        """Give images (B, C, H, W) with values from 0 to 255.

        Args:
            images: Of any number type; bytes are taken as they are.
            stage: What is being done with them: the loader of each stage has a range of its own.

        Raises:
            UserError: if their values are in no range of pixels.
        """
        if (factor := self._factors.get(stage)) is None:
            factor = pixel_factor(images)
            if factor is not None:  # else all is black, and the next batch tells
                self._factors[stage] = factor
            if factor == WHITE and not self._has_said:
                rank_zero_warn("the images are from 0 to 1, as ToTensor() gives them: taken times 255")
                self._has_said = True
        return images if factor in (1.0, None) else images * factor


def images_of(batch: Any) -> Tensor:
    """The images (B, C, H, W) of a batch that may hold labels beside them."""
    return batch[0] if isinstance(batch, tuple | list) else batch
