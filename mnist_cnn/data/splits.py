"""Choosing images at random, each class in proportion."""

import torch
from torch import Tensor

from mnist_cnn.seeding import generator


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
