"""Which of a data set's training images are trained on, and which validate."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.on_disk import Images, chosen
from mnist_cnn.data.splits import stratified_split
from mnist_cnn.errors import UserError, check_between

VAL_SIZE = 5000  # validation images, where nothing else is said...
VAL_SHARE = 10  # ...and where no more than one of so many images would be one

Part = tuple[Images, Tensor]
Read = Callable[[Split, int | None], Part]


@dataclass(frozen=True)
class Division:
    """How training images are divided.

    Args:
        val_size: Number of images held out for validation; None decides by how many there are.
        train_size: Number of images to train on; None takes all that validation leaves.
        seed: Seed of both choices.

    Raises:
        UserError: for numbers below 1.
    """

    val_size: int | None
    train_size: int | None
    seed: int

    def __post_init__(self) -> None:
        for name, size in (("val_size", self.val_size), ("train_size", self.train_size)):
            if size is not None:
                check_between(name, size, 1)

    def of(self, dataset: Dataset, name: str, read: Read) -> tuple[Part, Part]:
        """Images and labels for training and for validation.

        Args:
            dataset: The data set.
            name: What it is called in messages.
            read: Reads a split of it, or so many of its first images.

        Raises:
            UserError: if there are too few images, or it has validation images and others are asked for.
        """
        return (
            self._with_its_own(dataset, name, read) if "val" in dataset.sizes else self._held_out(dataset, name, read)
        )

    def _with_its_own(self, dataset: Dataset, name: str, read: Read) -> tuple[Part, Part]:
        if self.val_size is not None:
            raise UserError(
                f"val_size={self.val_size}: {name} has validation images of its own, {dataset.sizes['val']} of them; "
                f"leave val_size out"
            )
        validation, (images, labels) = read("val", None), read("train", None)
        for_training = self._for_training(labels, torch.arange(len(labels)))
        return (chosen(images, for_training), labels[for_training]), validation

    def _held_out(self, dataset: Dataset, name: str, read: Read) -> tuple[Part, Part]:
        val_size = self.val_size or min(VAL_SIZE, max(dataset.sizes["train"] // VAL_SHARE, 1))
        needed = val_size + (self.train_size or 1)
        # Generated images are made only as far as they are needed.
        images, labels = read("train", needed if dataset.is_generated and self.train_size is not None else None)
        if needed > len(images):
            asked = f"val_size={val_size}" + (f" and train_size={self.train_size}" if self.train_size else "")
            raise UserError(f"{asked} take at least {needed} images, but {name} has {len(images)}")
        # Validation images first, so that they are the same whatever train_size is.
        for_validation, rest = stratified_split(labels, val_size, self.seed)
        for_training = self._for_training(labels, rest)
        training = chosen(images, for_training), labels[for_training]
        return training, (chosen(images, for_validation), labels[for_validation])

    def _for_training(self, labels: Tensor, indices: Tensor) -> Tensor:
        """Those of the images that `train_size` leaves."""
        if self.train_size is None or self.train_size >= len(indices):
            return indices
        some, _ = stratified_split(labels[indices], self.train_size, self.seed, leaves_one=False)
        return indices[some]
