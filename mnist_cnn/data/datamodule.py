"""MNISTDataModule: from the name of a data set to batches on the device that trains."""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.batches import EvaluationBatches, TrainingBatches
from mnist_cnn.data.datasets import DatasetName, Split, absent_files, default_data_dir, find_dataset, read_dataset
from mnist_cnn.data.download import obtain
from mnist_cnn.errors import DatasetAbsentError, UserError
from mnist_cnn.seeding import generator
from mnist_cnn.settings import plain


class MNISTDataModule(LightningDataModule):
    """Downloads, verifies, splits, augments and batches MNIST and its relatives, held in memory as uint8 tensors.

    The test set is read for `test` alone.

    Args:
        dataset: Name of the data set.
        data_dir: Folder that holds the data sets' folders (`MNIST/raw/...`). None means the environment variable
            MNIST_CNN_DATA, or `data` in the working directory if that is not set.
        stand_in: Data set to use where `dataset` is neither there nor to be downloaded; a run on a stand-in says so
            wherever its results appear. None makes that case an error.
        batch_size: Training images in a batch of each process.
        eval_batch_size: Validation or test images in a batch of each process.
        val_size: Number of training images held out for validation, the same share of each class.
        split_seed: Seed of the choice of validation images. It is apart from `seed`, so that runs with different seeds
            are compared on the same images.
        train_size: Number of images to train on, the same share of each class; None takes all that validation leaves.
        seed: Seed of the order of the images and of their augmentation; the command line sets it to `seed_everything`.
        rotation: Augmentation: largest rotation either way, in degrees.
        shift: Augmentation: largest shift either way, in parts of the image's side.
        scale: Augmentation: largest change of size either way, in parts.
        shear: Augmentation: largest shear either way, in parts of the height.
        flip: Augmentation: probability of a horizontal flip.
        erasing: Augmentation: probability of blanking a rectangle of 2 % to 20 % of the image.
        elastic: Augmentation: standard deviation of a smooth random distortion, in pixels.

    Raises:
        UserError: for arguments out of their range.
    """

    def __init__(
        self,
        dataset: DatasetName = "mnist",
        data_dir: str | None = None,
        stand_in: DatasetName | None = None,
        batch_size: int = 256,
        eval_batch_size: int = 1000,
        val_size: int = 5000,
        split_seed: int = 0,
        train_size: int | None = None,
        seed: int = 0,
        rotation: float = 0.0,
        shift: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        flip: float = 0.0,
        erasing: float = 0.0,
        elastic: float = 0.0,
    ) -> None:
        super().__init__()
        # Plain types for the checkpoint; where the data lie is a matter of the machine.
        settings = {key: value for key, value in locals().items() if key not in ("self", "data_dir", "__class__")}
        self.save_hyperparameters(plain(settings))
        self.augmentation = Augmentation(rotation, shift, scale, shear, flip, erasing, elastic)
        self.dataset, self.stand_in = dataset, stand_in
        self.data_dir = default_data_dir(data_dir)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.val_size, self.split_seed, self.train_size, self.seed = val_size, split_seed, train_size, seed
        for name in ("batch_size", "eval_batch_size", "val_size", "train_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name}={value}: at least 1 is needed")
        find_dataset(dataset)
        self._images: dict[str, tuple[Tensor, Tensor]] = {}
        self._dataset_in_use: str | None = None
        self._prepared: set[str] = set()

    @property
    def dataset_in_use(self) -> str:
        """Name of the data set that is read: `dataset`, or its stand-in where it cannot be had.

        Once `setup` has run it stays the same, whatever happens to the files.
        """
        if self._dataset_in_use is not None:
            return self._dataset_in_use
        dataset = find_dataset(self.dataset)
        absent = any(absent_files(dataset, self.data_dir, split) for split in self._splits_needed())
        return self.stand_in if absent and self.stand_in is not None else self.dataset

    @property
    def provenance(self) -> dict[str, Any]:
        """What the images are, in plain types; it is kept in checkpoints and results.

        Keys: `dataset`, the data set in use; `stand_in_for`, the one that it replaces or None; `class_names`.
        """
        in_use = self.dataset_in_use
        return {
            "dataset": in_use,
            "stand_in_for": self.dataset if in_use != self.dataset else None,
            "class_names": list(find_dataset(in_use).class_names),
        }

    @property
    def num_classes(self) -> int:
        """Number of classes in the data."""
        return len(find_dataset(self.dataset).class_names)

    def prepare_data(self) -> None:
        """Download what is missing; Lightning calls it in one process of each machine.

        Raises:
            DatasetAbsentError: if files are missing, cannot be had, and there is no stand-in.
            DatasetAlteredError: if a file is damaged and cannot be replaced.
        """
        self.obtain(self._splits_needed())

    def obtain(self, splits: Sequence[Split]) -> None:
        """Download what is missing of the given splits, once; see `prepare_data`."""
        if self._prepared >= set(splits):
            return
        self._prepared |= set(splits)
        try:
            obtain(self.dataset, self.data_dir, splits)
        except DatasetAbsentError as error:
            if self.stand_in is None:
                raise
            obtain(self.stand_in, self.data_dir, splits)
            print(self.stand_in_notice(), f"Why: {error}", sep="\n", file=sys.stderr)

    def setup(self, stage: str) -> None:
        """Read and split the images that the stage needs; it never touches the network.

        Raises:
            DatasetAbsentError: if files are missing and `prepare_data` was not called.
        """
        if self._dataset_in_use is None:
            in_use = self.dataset_in_use
            # All processes must take the same one, also if the files appear just now.
            self._dataset_in_use = self.trainer.strategy.broadcast(in_use) if self.trainer else in_use
        if stage in ("fit", "validate") and "train" not in self._images:
            self._images["train"], self._images["val"] = self._split_training_images()
        if stage == "test" and "test" not in self._images:
            self._images["test"] = read_dataset(self.dataset_in_use, self.data_dir, "test")

    def train_dataloader(self) -> TrainingBatches:
        """Shuffled, augmented batches of the training images, in this process's share."""
        images, labels = self._on_device("train")
        rank, world_size = self._rank_and_world_size()
        return TrainingBatches(images, labels, self.batch_size, self.seed, self.augmentation, rank, world_size)

    def val_dataloader(self) -> EvaluationBatches:
        """Batches of the validation images, unchanged, in this process's share."""
        return EvaluationBatches(*self._on_device("val"), self.eval_batch_size, *self._rank_and_world_size())

    def test_dataloader(self) -> EvaluationBatches:
        """Batches of the test images, unchanged, in this process's share."""
        return EvaluationBatches(*self._on_device("test"), self.eval_batch_size, *self._rank_and_world_size())

    def training_batches_per_epoch(self) -> int:
        """Number of training batches of each process in an epoch."""
        share = len(self._images["train"][0]) // self._rank_and_world_size()[1]
        return -(-share // self.batch_size)

    def pixel_statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of the training images' pixels, from 0 to 1.

        Computed from counts of grey values, so that they are exact and the same on every machine.
        """
        counts = torch.bincount(self._images["train"][0].flatten(), minlength=256).double()
        values = torch.arange(256, dtype=torch.float64) / 255
        mean = (counts * values).sum() / counts.sum()
        variance = (counts * (values - mean) ** 2).sum() / counts.sum()
        return float(mean), float(variance.sqrt())

    def stand_in_notice(self) -> str | None:
        """A warning for people if the images are a stand-in, else None."""
        provenance = self.provenance
        if provenance["stand_in_for"] is None:
            return None
        wanted, used = find_dataset(provenance["stand_in_for"]).title, find_dataset(provenance["dataset"]).title
        return (
            f"*** STAND-IN DATA: this run uses {used}, not {wanted}. ***\n"
            f"*** Its figures say nothing about {wanted}. ***"
        )

    def _splits_needed(self) -> Sequence[Split]:
        if self.trainer is None or self.trainer.state.fn is None:
            return ("train", "test")
        return ("test",) if self.trainer.state.fn == "test" else ("train",)

    def _rank_and_world_size(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _on_device(self, part: str) -> tuple[Tensor, Tensor]:
        if part not in self._images:
            raise UserError(f"the {part} images are not read yet: call prepare_data() and setup() first")
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        images, labels = self._images[part]
        return images.to(device), labels.to(device)

    def _split_training_images(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Read the training split and divide it into images and labels for training and for validation."""
        # Generated digits are drawn only as far as they are needed.
        drawn_only = self.dataset_in_use == "synthetic" and self.train_size is not None
        limit = self.val_size + (self.train_size or 1) if drawn_only else None
        images, labels = read_dataset(self.dataset_in_use, self.data_dir, "train", limit)
        needed = self.val_size + (self.train_size or 1)
        if needed > len(images):
            asked = f"val_size={self.val_size}" + (f" and train_size={self.train_size}" if self.train_size else "")
            raise UserError(f"{asked} take at least {needed} images, but {self.dataset_in_use} has {len(images)}")
        # Validation images first, so that they are the same whatever train_size is.
        val_indices, train_indices = stratified_split(labels, self.val_size, self.split_seed)
        if self.train_size is not None and self.train_size < len(train_indices):
            chosen, _ = stratified_split(labels[train_indices], self.train_size, self.split_seed)
            train_indices = train_indices[chosen]
        return (images[train_indices], labels[train_indices]), (images[val_indices], labels[val_indices])


def stratified_split(labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Choose `count` samples at random so that each class has the same share as in the whole, to within one sample.

    Args:
        labels: Labels (N,).
        count: Number of samples to choose, from 1 to N - 1.
        seed: Seed of the choice.

    Returns:
        Indices of the chosen samples (count,) and of all others (N - count,), both ascending.
    """
    order = torch.randperm(len(labels), generator=generator(seed, "split"))
    class_sizes = torch.bincount(labels)
    shares = class_sizes.double() * count / len(labels)
    quota = shares.floor().long()
    # Rounding down leaves a few samples over: they go to the classes that lost most (the largest remainders).
    most_lost = torch.argsort(shares - quota, descending=True, stable=True)
    quota[most_lost[: count - int(quota.sum())]] += 1
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label, size in enumerate(quota.tolist()):
        chosen[order[labels[order] == label][:size]] = True
    return chosen.nonzero()[:, 0], (~chosen).nonzero()[:, 0]
