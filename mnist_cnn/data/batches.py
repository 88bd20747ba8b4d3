"""Batches cut from tensors that are wholly in memory: the loaders that Lightning iterates over.

A `DataLoader` with transforms for each image costs several times the training itself at this size. Here a batch is one
indexing operation on the device that trains, and its order and augmentation are pure functions of seed, epoch and
step, so that a run can be resumed at any step. Images that are larger than memory come from the disk instead, in an
order that suits it: see `on_disk`.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler, TensorDataset

from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.on_disk import Images, ImagesOnDisk, chosen
from mnist_cnn.data.splits import balanced_draw
from mnist_cnn.seeding import generator

Batch = tuple[Tensor, Tensor]


class TrainingBatches:
    """Shuffled, augmented batches; iterating once is one epoch.

    With several processes each takes its own share of the same permutation. The shares are of equal length, as
    processes that train together must take the same number of steps: up to `world_size - 1` images are left out of an
    epoch, others in each.

    Args:
        images: uint8 images (N, C, H, W), on the disk or on the device that trains.
        labels: int64 labels (N,), on the device that trains.
        batch_size: Images in a batch of this process; the last one of an epoch holds the rest.
        seed: Seed of order and augmentation.
        augmentation: The random changes.
        rank: Number of this process.
        world_size: How many processes train together.
        reshuffles: Whether each epoch has an order of its own. If not, all have that of the first, so that the first
            batches of an epoch are always the same images.
        num_classes: Number of classes, where samples are mixed; None counts to the largest label.
        balances: Whether each class is as frequent as any other in expectation: an epoch then has as many images as
            else, drawn with replacement.
    """

    def __init__(
        self,
        images: Images,
        labels: Tensor,
        batch_size: int,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        rank: int = 0,
        world_size: int = 1,
        reshuffles: bool = True,
        num_classes: int | None = None,
        balances: bool = False,
    ) -> None:
        self.images, self.labels = images, labels
        self.reshuffles, self.balances = reshuffles, balances
        self.batch_size, self.seed, self.augmentation = batch_size, seed, augmentation or Augmentation()
        self.rank, self.world_size = rank, world_size
        self._num_classes = num_classes
        self.epoch = 0
        self._position = 0  # batches of the epoch that were handed out
        self._resume_at = 0  # where the next iteration begins

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        share = len(self.images) // self.world_size
        return -(-share // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the epoch that are still to come: images (B, C, H, W) and labels (B,).

        Where samples are mixed, probabilities of the classes (B, classes) take the labels' place.
        """
        device = self.labels.device
        count, order = len(self.images), self._order()
        share = order[: count - count % self.world_size][self.rank :: self.world_size].to(device)
        first, self._resume_at = self._resume_at, 0
        for step, images in enumerate(self._cut(share, first), first):
            labels = self.labels.index_select(0, share[step * self.batch_size : (step + 1) * self.batch_size])
            if not self.augmentation.is_identity:
                images, labels = self._augmented(images, labels, step)
            # Before the yield: a checkpoint is written while the consumer holds the batch.
            self._position = step + 1
            yield images, labels

    def _order(self) -> Tensor:
        """Indices (N,) of an epoch's images, of all processes together."""
        epoch, count = self.epoch if self.reshuffles else 0, len(self.images)
        # On the CPU, as generators of other devices draw other numbers, and the order should not depend on the device.
        if self.balances:
            random = generator(self.seed, epoch, "balance")
            drawn = balanced_draw(self.labels, count, random)
            return self.images.arranged(drawn, random) if isinstance(self.images, ImagesOnDisk) else drawn
        return self._shuffled(generator(self.seed, epoch, "order"))

    def _augmented(self, images: Tensor, labels: Tensor, step: int) -> Batch:
        """The batch of a step with its random changes, which are of this step and process alone."""
        random = generator(self.seed, self.epoch, step, self.rank, "augmentation", device=images.device)
        images = self.augmentation(images, random)
        if not self.augmentation.mixes:
            return images, labels
        classes = self._num_classes or int(self.labels.max()) + 1
        mixing = generator(self.seed, self.epoch, step, self.rank, "mixing")
        return self.augmentation.mix(images, labels, classes, mixing)

    def _shuffled(self, random: torch.Generator) -> Tensor:
        """All indices (N,), in a random order."""
        if isinstance(self.images, ImagesOnDisk):
            return self.images.shuffled(random)
        return torch.randperm(len(self.images), generator=random)

    def _cut(self, share: Tensor, first: int) -> Iterator[Tensor]:
        """The images of each batch from the given one on, as this process's share of the order (n,) has them."""
        if isinstance(self.images, ImagesOnDisk):
            for images in self.images.batches(share.cpu(), self.batch_size, first, self.world_size):
                yield copied(images, self.labels.device)
        else:
            for indices in share[first * self.batch_size :].split(self.batch_size):
                # Not self.images[indices]: that copies value by value, which takes six times as long.
                yield self.images.index_select(0, indices)

    @property
    def batch_sampler(self) -> "TrainingBatches":
        """This object: Lightning announces each epoch as `loader.batch_sampler.sampler.set_epoch(epoch)`."""
        return self

    @property
    def sampler(self) -> Any:
        """This object; see `batch_sampler`. Without reshuffling it is of the kind that Lightning looks for then."""
        return self if self.reshuffles else SequentialSampler(self.dataset)

    @property
    def dataset(self) -> TensorDataset:
        """All images and labels, in their own order."""
        return as_dataset(self.images, self.labels)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order and augmentation the next iteration draws."""
        if epoch != self.epoch:
            self._resume_at = 0
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """The position within the epoch, which Lightning keeps in its checkpoints."""
        return {"epoch": self.epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a position that `state_dict` gave."""
        self.epoch = state["epoch"]
        self._position = self._resume_at = state["position"] % len(self)


class EvaluationBatches:
    """All images once, in order and unchanged.

    With several processes each image is seen by exactly one of them: no padding, so that metrics are exact. The shares
    differ by at most one image, and every process gets the same number of batches, as each batch may synchronise.

    Args: as for `TrainingBatches`.
    """

    def __init__(self, images: Images, labels: Tensor, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.images = chosen(images, slice(rank, None, world_size))
        self.labels = labels[rank::world_size]
        smallest_share = len(images) // world_size
        self._count = max(-(-smallest_share // batch_size), 1)

    def __len__(self) -> int:
        """The number of batches."""
        return self._count

    @property
    def dataset(self) -> TensorDataset:
        """The images and labels of this process."""
        return as_dataset(self.images, self.labels)

    def __iter__(self) -> Iterator[Batch]:
        """Yield images (B, C, H, W) and labels (B,)."""
        batches = zip(self.images.tensor_split(self._count), self.labels.tensor_split(self._count), strict=True)
        for images, labels in batches:
            yield copied(images, labels.device), labels


def copied(images: Tensor, device: torch.device) -> Tensor:
    """Images on the device that trains; those that are there already are not copied."""
    if device.type == "cuda" and images.device.type == "cpu":  # the copy goes on while the device computes
        return images.pin_memory().to(device, non_blocking=True)
    return images.to(device)


def as_dataset(images: Images, labels: Tensor) -> TensorDataset:
    """Images and labels as torch's kind of data set, which reads from the disk what is left there."""
    return TensorDataset(images, labels)  # type: ignore[arg-type]
