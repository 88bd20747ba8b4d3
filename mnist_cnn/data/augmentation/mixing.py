"""Two samples in one: mixup and cutmix, which change labels as well as images."""

import torch
from torch import Generator, Tensor

from mnist_cnn.data.augmentation.blanking import box


def random_mix(
    images: Tensor, targets: Tensor, mixup: float, cutmix: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Mix each sample with another one of the batch, in a share of its own.

    With both amounts each sample is mixed in one of the two ways, chosen evenly.

    Args:
        images: Floats (B, C, H, W).
        targets: Probabilities of the classes (B, classes).
        mixup: Both parameters of the Beta distribution of the share in mixup (Zhang et al., 2018); 0 switches it off.
        cutmix: The same for the part of the area that cutmix leaves (Yun et al., 2019); 0 switches it off.
        generator: Draws everything; of the CPU, so that all devices mix alike.

    Returns:
        Images and targets in the same shapes.
    """
    batch = len(images)
    partner = torch.randperm(batch, generator=generator)
    is_cut = torch.rand(batch, generator=generator) < 0.5 if mixup and cutmix else torch.full((batch,), bool(cutmix))
    shares = torch.where(is_cut, _beta(cutmix, batch, generator), _beta(mixup, batch, generator))
    places = torch.rand(2, batch, generator=generator)
    partner, is_cut, shares, places = (t.to(images.device) for t in (partner, is_cut, shares, places))
    others, is_cut = images[partner], is_cut.view(-1, 1, 1, 1)
    if mixup:
        mixed = torch.lerp(others, images, shares.view(-1, 1, 1, 1))
    if cutmix:
        inside = _random_boxes(images, shares, places)
        cut = torch.where(inside, others, images)
        left = 1 - inside.float().mean(dim=(1, 2, 3))  # boxes reach beyond the border, so that less is cut
        shares = torch.where(is_cut.view(-1), left, shares)
        mixed = torch.where(is_cut, cut, mixed) if mixup else cut
    return mixed, torch.lerp(targets[partner], targets, shares[:, None])


def _random_boxes(images: Tensor, shares: Tensor, places: Tensor) -> Tensor:
    """Boxes (B, 1, H, W) of all but the given shares (B,) of the images' area, about centres (2, B) in parts."""
    height, width = images.shape[-2:]
    side = (1 - shares).sqrt()
    ends = []
    for size, place in ((height, places[0]), (width, places[1])):
        centre, half = place * size, side * size / 2
        ends += [(centre - half).round(), (centre + half).round()]
    top, bottom, left, right = (end.view(-1, 1, 1, 1) for end in ends)
    return box(images, top, left, bottom, right)


def _beta(alpha: float, count: int, generator: Generator) -> Tensor:
    """Draw numbers (count,) from the Beta distribution with both parameters `alpha`; for 0 they are all 1."""
    if not alpha:
        return torch.ones(count)
    # torch.distributions, which are made of this, take no generator.
    gammas = torch._standard_gamma(torch.full((2, count), alpha, dtype=torch.float64), generator=generator)
    # Of small amounts both may be the smallest number that there is: that is a share of all, and not of half.
    return torch.where(gammas[0] == gammas[1], 1.0, gammas[0] / gammas.sum(dim=0)).float()
