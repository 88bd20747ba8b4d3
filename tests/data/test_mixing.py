from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_cnn.data.augmentation import Augmentation, random_mix
from mnist_cnn.data.batches import TrainingBatches
from mnist_cnn.seeding import generator

BATCH = 400


def plain_colours() -> tuple[Tensor, Tensor]:
    """Images (BATCH, 3, 12, 20) of one value each, which tells the class; classes (BATCH,) from 0 to 3."""
    labels = torch.arange(BATCH) % 4
    return (50.0 * labels).view(-1, 1, 1, 1).expand(-1, 3, 12, 20).contiguous(), labels


def mixed(mixup: float, cutmix: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    images, labels = plain_colours()
    return *Augmentation(mixup=mixup, cutmix=cutmix).mix(images, labels, 4, generator(seed)), labels


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0), (1.0, 1.0), (0.01, 0.0), (0.0, 0.01)])
def test_targets_are_the_shares_of_the_classes_that_the_pixels_show(mixup: float, cutmix: float) -> None:
    images, targets, labels = mixed(mixup, cutmix)
    assert torch.allclose(targets.sum(dim=1), torch.ones(BATCH))
    assert ((targets > 0).sum(dim=1) <= 2).all()
    shown = images.mean(dim=(1, 2, 3))
    assert torch.allclose(shown, (targets * 50 * torch.arange(4)).sum(dim=1), atol=1e-3)
    assert (targets.gather(1, labels[:, None]) < 1).any()


def test_mixup_draws_a_share_for_each_sample_from_the_beta_distribution() -> None:
    alpha = 0.4
    images = torch.zeros(20000, 1, 1, 1)
    images[:10000] = 1
    targets = torch.nn.functional.one_hot(torch.arange(20000) // 10000, 2).float()
    found, _ = random_mix(images, targets, alpha, 0.0, generator(0))
    shares = found[:10000].flatten()
    shares = shares[shares < 1]  # the partner is of the other half
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_cutmix_puts_one_box_of_another_image_in() -> None:
    images, targets, labels = mixed(0.0, 1.0)
    own = (50.0 * labels).view(-1, 1, 1)
    foreign = images[:, 0] != own
    is_box = foreign.sum((1, 2)) == foreign.any(2).sum(1) * foreign.any(1).sum(1)
    assert is_box.all()
    assert torch.equal(images[:, 0], images[:, 2])
    assert set(images.unique().tolist()) <= {0.0, 50.0, 100.0, 150.0}, "nothing is blended"
    kept = targets.gather(1, labels[:, None])[:, 0]
    assert len(kept.unique()) > 50, "each sample has a box of its own"


def test_with_both_each_sample_is_mixed_in_one_of_the_two_ways() -> None:
    images, _, _ = mixed(10.0, 1.0)
    is_blended = (images.flatten(1) == images.flatten(1)[:, :1]).all(1) & (images[:, 0, 0, 0] % 50 != 0)
    is_cut = (images.flatten(1) != images.flatten(1)[:, :1]).any(1)
    assert 0.2 < is_blended.float().mean() < 0.6
    assert 0.2 < is_cut.float().mean() < 0.6
    assert not (is_blended & is_cut).any()


def test_mixing_is_a_function_of_the_generator() -> None:
    first, again, other = (mixed(0.5, 0.5, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def one_way(name: str) -> Augmentation:
    amounts: dict[str, Any] = {name: 1.0}
    return Augmentation(**amounts)


@pytest.mark.parametrize("amount", ["mixup", "cutmix"])
def test_a_batch_of_one_is_mixed_with_itself(amount: str) -> None:
    images = torch.full((1, 3, 4, 4), 7.0)
    found, targets = one_way(amount).mix(images, torch.tensor([2]), 3, generator(0))
    assert torch.allclose(found, images)
    assert torch.allclose(targets, torch.tensor([[0.0, 0.0, 1.0]]))


def test_batches_bring_probabilities_that_go_on_from_any_step_and_leave_other_changes_as_they_were() -> None:
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator(0))
    labels = torch.arange(50) % 3

    def make(**amounts: Any) -> TrainingBatches:
        return TrainingBatches(images, labels, 20, 1, Augmentation(crop=2, **amounts), num_classes=5)

    whole = list(make(mixup=0.5, cutmix=0.5))
    assert [tuple(targets.shape) for _, targets in whole] == [(20, 5), (20, 5), (10, 5)]
    resumed = make(mixup=0.5, cutmix=0.5)
    resumed.load_state_dict({"epoch": 0, "position": 1})
    for (found, targets), (expected, expected_targets) in zip(resumed, whole[1:], strict=True):
        assert torch.equal(found, expected)
        assert torch.equal(targets, expected_targets)
    # What is mixed with shares of all is what is not mixed.
    for (found, targets), (expected, expected_labels) in zip(make(cutmix=1e-6), make(), strict=True):
        assert torch.equal(found, expected)
        assert torch.equal(targets.argmax(dim=1), expected_labels)
