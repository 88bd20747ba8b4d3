"""Choosing images at random, each class in proportion."""

import torch
from torch import Tensor

from mnist_cnn.seeding import generator


def stratified_split(
    labels: Tensor, count: int, seed: int, leaves_one: bool = True, order: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Choose `count` samples at random so that each class has the same share as in the whole, to within one sample.

    Args:
        labels: Labels (N,).
        count: Number of samples to choose, from 1 to N - 1.
        seed: Seed of the choice.
        leaves_one: Whether each class keeps one that is not chosen, as far as `count` allows. Where those that are not
            chosen are trained on, a class of one or two images must not vanish from them.
        order: Indices (N,) in the order in which samples are chosen; None draws it.

    Returns:
        Indices of the chosen samples (count,) and of all others (N - count,), both ascending.
    """
    order = torch.randperm(len(labels), generator=generator(seed, "split")) if order is None else order
    class_sizes = torch.bincount(labels)
    shares = class_sizes.double() * count / len(labels)
    quota = shares.floor().long()
    # Rounding down leaves a few samples over: they go to the classes that lost most (the largest remainders).
    most_lost = torch.argsort(shares - quota, descending=True, stable=True)
    left = count - int(quota.sum())
    for most in (class_sizes - 1, class_sizes) if leaves_one else (class_sizes,):
        while left and len(takers := most_lost[quota[most_lost] < most[most_lost]]):
            quota[takers[:left]] += 1
            left -= len(takers[:left])
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label, size in enumerate(quota.tolist()):
        chosen[order[labels[order] == label][:size]] = True
    return chosen.nonzero()[:, 0], (~chosen).nonzero()[:, 0]


def balanced_draw(labels: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Draw indices (count,) with replacement: each class that has images is as probable as any other.

    Args:
        labels: Labels (N,).
        count: Number of draws.
        random: A generator of the CPU.
    """
    labels = labels.cpu()
    by_class = torch.argsort(labels, stable=True)
    sizes = torch.bincount(labels)
    starts, present = sizes.cumsum(0) - sizes, sizes.nonzero()[:, 0]
    drawn = present[torch.randint(len(present), (count,), generator=random)]
    places = (torch.rand(count, generator=random, dtype=torch.float64) * sizes[drawn]).long()  # within the class
    return by_class[starts[drawn] + places]
