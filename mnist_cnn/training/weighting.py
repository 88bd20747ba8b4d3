"""Weights of the classes in the loss, for data with many images of some and few of others."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics.aggregation import MeanMetric

from mnist_cnn.errors import UserError

ClassWeights = Literal["balanced"]


def balanced_weights(counts: Sequence[int]) -> Tensor:
    """Weights (classes,) by which each class that has images counts as much as any other, and an image 1 on average.

    Args:
        counts: Number of training images of each class. One of n images has the weight N / (classes * n), with the
            number of all images N and of all classes; one of none has the weight 0.
    """
    images = torch.tensor(counts, dtype=torch.float64)
    weights = images.sum() / (len(images) * images)
    return torch.where(images > 0, weights, 0).float()


def weights_for(data: Any, how: ClassWeights) -> Tensor:
    """Weights (classes,) for the training images of a data module.

    Args:
        data: An `MNISTDataModule` that has read its images; None for loaders of another kind.
        how: How classes are weighted.

    Raises:
        UserError: for loaders of another kind.
    """
    if data is None:
        raise UserError(
            f"class_weights={how}: the classes of training images are counted in an MNISTDataModule; leave "
            f"class_weights out for loaders of another kind"
        )
    if data.balance:
        rank_zero_warn("class_weights and balance both make up for rare classes, which count double so")
    return balanced_weights(data.class_counts())


def add_weighted(metric: MeanMetric, losses: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The mean of the losses of a batch as `torch.nn.functional.cross_entropy` takes it, which a metric takes up too.

    Args:
        metric: The mean over an epoch.
        losses: Weighted losses (B,).
        labels: Labels (B,), whose weights are what the mean is over; or probabilities (B, classes), which count 1 each.
        weights: Weights of the classes.
    """
    shares = torch.ones_like(losses) if labels.is_floating_point() else weights[labels]
    metric.update(losses.detach() / shares, shares)
    return losses.sum() / shares.sum()
