"""MNISTDataModule: from the name of a data set to batches on the device that trains."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from mnist_cnn.console import is_first_process, printable, remark
from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.batches import EvaluationBatches, TrainingBatches
from mnist_cnn.data.division import Division
from mnist_cnn.data.on_disk import Images, ImagesOnDisk
from mnist_cnn.data.reading import OnDamaged, Reading
from mnist_cnn.data.registry import default_data_dir, find_dataset
from mnist_cnn.data.statistics import pixel_statistics
from mnist_cnn.errors import DatasetAbsentError, UserError, check_between
from mnist_cnn.files import plain


class MNISTDataModule(LightningDataModule):
    """Downloads, verifies, splits, augments and batches MNIST and its relatives, held in memory as uint8 tensors.

    Own images of more than 1 GB stay on the disk; the order of training is random in blocks then.

    The test set is read for `test` alone.

    Args:
        dataset: Name of the data set, which `mnist-cnn datasets` lists, or the path of one's own images.
        data_dir: Folder that holds the data sets' folders (`MNIST/raw/...`). None means the environment variable
            MNIST_CNN_DATA, or `data` in the working directory if that is not set.
        stand_in: Data set to use where `dataset` is neither there nor to be downloaded; a run on a stand-in says so
            wherever its results appear. None makes that case an error.
        batch_size: Training images in a batch of each process.
        eval_batch_size: Validation or test images in a batch of each process.
        val_size: Number of training images held out for validation, the same share of each class. None takes 5,000, or
            a tenth where there are fewer than 50,000 images, and nothing where the data have validation images.
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
        crop: Augmentation: padding by reflection, in pixels, out of which a part of the image's size is cut.
        cutout: Augmentation: side of a square that is blanked to the mean colour, in pixels.
        brightness: Augmentation: largest change of brightness either way, in parts.
        contrast: Augmentation: largest change of contrast either way, in parts.
        saturation: Augmentation: largest change of saturation either way, in parts; none on grey images.
        hue: Augmentation: largest turn of the hue either way, in parts of the circle of colours; none on grey images.
        mixup: Augmentation: alpha of mixup, which blends two images and their labels; 0.2 is usual.
        cutmix: Augmentation: alpha of cutmix, which puts a box of one image into another; 1 is usual.
        balance: Whether training shows each class equally often, however many images it has: as many images in an epoch
            as else, drawn with replacement.
        image_size: Height and width that images are brought to, or one number for both; None leaves them as they are.
        channels: 1 for grey or 3 for colour; None leaves the images as they are.
        layout: How pictures are brought into the images' form for `predict`: "digit", "garment" or "picture"; None is
            the data set's own.
        label_column: Own data: name, or number from 0, of a table's column of labels; None finds it.
        on_damaged: Own data: "skip" leaves damaged images among others out and names them, "error" ends there.
        test_size: Own data: number of images held out as test images where the files have none; None takes a tenth.
        cache_dir: Own data: folder for decoded images; None is the user's cache folder.

    Raises:
        UserError: for arguments out of their range.
    """

    def __init__(
        self,
        dataset: str = "mnist",
        data_dir: str | None = None,
        stand_in: str | None = None,
        batch_size: int = 256,
        eval_batch_size: int = 1000,
        val_size: int | None = None,
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
        crop: int = 0,
        cutout: int = 0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        balance: bool = False,
        image_size: int | Sequence[int] | None = None,
        channels: int | None = None,
        layout: Layout | None = None,
        label_column: str | None = None,
        on_damaged: OnDamaged = "skip",
        test_size: int | None = None,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__()
        for name, count in [("batch_size", batch_size), ("eval_batch_size", eval_batch_size)]:
            check_between(name, count, 1)
        self.division = Division(val_size, train_size, split_seed)
        self.reading = Reading(image_size, channels, layout, label_column, on_damaged, test_size, split_seed, cache_dir)
        for name in filter(None, (dataset, stand_in)):
            find_dataset(name, self.reading).refresh()
        of_place = (rotation, shift, scale, shear, flip, erasing, elastic, crop, cutout)
        self.augmentation = Augmentation(*of_place, brightness, contrast, saturation, hue, mixup, cutmix)
        self.dataset, self.stand_in = dataset, stand_in
        self.data_dir = default_data_dir(data_dir)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.val_size, self.split_seed, self.train_size, self.seed = val_size, split_seed, train_size, seed
        self.balance = balance
        names = ("dataset", "stand_in", "batch_size", "eval_batch_size", "val_size", "split_seed", "train_size", "seed")
        settings = {name: getattr(self, name) for name in names} | asdict(self.augmentation) | {"balance": balance}
        of_reading = ("image_size", "channels", "layout", "label_column", "on_damaged", "test_size")
        settings |= {name: getattr(self.reading, name) for name in of_reading}
        # Plain types for the checkpoint; where the data lie is a matter of the machine.
        self.save_hyperparameters(plain(settings))
        self._images: dict[str, tuple[Images, Tensor]] = {}
        self._statistics: tuple[list[float], list[float]] | None = None
        self.fingerprints: dict[Split, str] = {}  # of the splits that were read, before anything is held out of them
        self._dataset_in_use: str | None = None
        self._prepared: set[str] = set()
        self._has_remarked = False
        self.seconds_spent = 0.0  # on downloading, checking and reading

    @property
    def dataset_in_use(self) -> str:
        """Name of the data set that is read: `dataset`, or its stand-in where it cannot be had.

        Once `setup` has run it stays the same, whatever happens to the files.
        """
        if self._dataset_in_use is not None:
            return self._dataset_in_use
        absent = find_dataset(self.dataset, self.reading).absent_files(self.data_dir, self._splits_needed())
        return self.stand_in if absent and self.stand_in is not None else self.dataset

    @property
    def source(self) -> Dataset:
        """The data set that is read."""
        return find_dataset(self.dataset_in_use, self.reading)

    @property
    def stand_in_for(self) -> str | None:
        """Name of the data set that the one in use replaces, or None."""
        return self.dataset if self.dataset_in_use != self.dataset else None

    @property
    def num_classes(self) -> int:
        """Number of classes in the data."""
        return len(find_dataset(self.dataset, self.reading).class_names)

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
        begin = time.monotonic()
        try:
            find_dataset(self.dataset, self.reading).obtain(self.data_dir, splits)
        except DatasetAbsentError as error:
            if self.stand_in is None:
                raise
            find_dataset(self.stand_in, self.reading).obtain(self.data_dir, splits)
            print(self.stand_in_notice(), f"Why: {error}", sep="\n", file=sys.stderr)
        if not self._has_remarked and is_first_process():
            self._has_remarked = True
            for text in self.source.remarks():
                remark(printable(text))
        self.seconds_spent += time.monotonic() - begin

    def setup(self, stage: str) -> None:
        """Read and split the images that the stage needs; it never touches the network.

        Raises:
            DatasetAbsentError: if files are missing and `prepare_data` was not called.
        """
        if self._dataset_in_use is None:
            in_use = self.dataset_in_use
            # All processes must take the same one, also if the files appear just now.
            self._dataset_in_use = self.trainer.strategy.broadcast(in_use) if self.trainer else in_use
        begin = time.monotonic()
        if stage in ("fit", "validate") and "train" not in self._images:
            training, validation = self.division.of(self.source, self.dataset_in_use, self._read)
            self._images["train"], self._images["val"] = training, validation
            self._statistics = None
        if stage in ("test", "predict") and "test" not in self._images:
            self._images["test"] = self._read("test")
            if self.source.holds_out_test and "train" not in self.fingerprints:
                self._read("train")  # which tells whether the ones held out are those of before
        self.seconds_spent += time.monotonic() - begin

    def train_dataloader(self) -> TrainingBatches:
        """Shuffled, augmented batches of the training images, in this process's share.

        With the Trainer's `overfit_batches` they are the same images in every epoch.
        """
        images, labels = self._on_device("train")
        rank, world_size = self._rank_and_world_size()
        overfits = bool(self.trainer and self.trainer.overfit_batches)  # type: ignore[attr-defined]
        return TrainingBatches(
            images,
            labels,
            self.batch_size,
            self.seed,
            self.augmentation,
            rank,
            world_size,
            reshuffles=not overfits,
            num_classes=self.num_classes,
            balances=self.balance,
        )

    def val_dataloader(self) -> EvaluationBatches:
        """Batches of the validation images, unchanged, in this process's share."""
        return EvaluationBatches(*self._on_device("val"), self.eval_batch_size, *self._rank_and_world_size())

    def test_dataloader(self) -> EvaluationBatches:
        """Batches of the test images, unchanged, in this process's share."""
        return EvaluationBatches(*self._on_device("test"), self.eval_batch_size, *self._rank_and_world_size())

    def predict_dataloader(self) -> EvaluationBatches:
        """What `test_dataloader` gives: the labels are of no use to `predict_step`, and it leaves them out."""
        return self.test_dataloader()

    def training_batches_per_epoch(self) -> int:
        """Number of training batches of each process in an epoch."""
        share = len(self._images["train"][0]) // self._rank_and_world_size()[1]
        return -(-share // self.batch_size)

    def sizes(self) -> dict[str, int]:
        """Number of images of each part that was read: "train", "val", "test"."""
        return {part: len(images) for part, (images, _) in self._images.items()}

    def class_counts(self) -> list[int]:
        """Number of training images of each class."""
        return torch.bincount(self._images["train"][1], minlength=self.num_classes).tolist()

    def pixel_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of the training images' pixels, from 0 to 1, of each channel."""
        if self._statistics is not None:
            return self._statistics
        self._statistics = pixel_statistics(self._images["train"][0])
        return self._statistics

    def stand_in_notice(self) -> str | None:
        """A warning for people if the images are a stand-in, else None."""
        if self.stand_in_for is None:
            return None
        wanted, used = find_dataset(self.stand_in_for).title, self.source.title
        return (
            f"*** STAND-IN DATA: this run uses {used}, not {wanted}. ***\n"
            f"*** Its figures say nothing about {wanted}. ***"
        )

    def _splits_needed(self) -> Sequence[Split]:
        if self.trainer is None or self.trainer.state.fn is None:
            return ("train", "test")
        return ("test",) if self.trainer.state.fn in ("test", "predict") else ("train",)

    def _rank_and_world_size(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _on_device(self, part: str) -> tuple[Images, Tensor]:
        if part not in self._images:
            raise UserError(f"the {part} images are not read yet: call prepare_data() and setup() first")
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        images, labels = self._images[part]
        return images if isinstance(images, ImagesOnDisk) else images.to(device), labels.to(device)

    def _read(self, split: Split, limit: int | None = None) -> tuple[Images, Tensor]:
        """Read a split, and take its fingerprint."""
        images, labels = self.source.read(self.data_dir, split, limit)
        self.fingerprints[split] = self.source.fingerprint(split, images, labels)
        return images, labels
