from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.batches import EvaluationBatches, TrainingBatches

COUNT = 103


def numbered() -> tuple[Tensor, Tensor]:
    """Images whose labels are their numbers."""
    labels = torch.arange(COUNT)
    images = labels.to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    return images, labels


def epoch(batches: TrainingBatches, number: int) -> list[tuple[Tensor, Tensor]]:
    batches.set_epoch(number)
    return list(batches)


def test_an_epoch_holds_every_image_once_in_an_order_of_its_own() -> None:
    batches = TrainingBatches(*numbered(), batch_size=10)
    orders = [torch.cat([labels for _, labels in epoch(batches, number)]) for number in (0, 1)]
    assert len(batches) == 11
    for order in orders:
        assert order.sort().values.tolist() == list(range(COUNT))
    assert not torch.equal(*orders)
    assert torch.equal(orders[0], torch.cat([labels for _, labels in epoch(batches, 0)]))


def test_every_epoch_is_whole_if_the_consumer_stops_at_the_last_batch() -> None:
    """Lightning takes as many batches as there are and never asks for one more."""
    batches = TrainingBatches(*numbered(), batch_size=10)
    for number in range(3):
        batches.set_epoch(number)
        iterator = iter(batches)
        assert sum(len(next(iterator)[1]) for _ in range(len(batches))) == COUNT
    iterator = iter(batches)
    next(iterator)
    batches.set_epoch(3)
    assert len(list(batches)) == len(batches), "an epoch that was left early must not shorten the next one"


def test_images_and_labels_stay_together() -> None:
    for images, labels in TrainingBatches(*numbered(), batch_size=10):
        assert torch.equal(images[:, 0, 0, 0].long(), labels)


@pytest.mark.parametrize("stop", [1, 5, 10])
def test_going_on_from_a_saved_position_gives_the_remaining_batches(stop: int) -> None:
    def make() -> TrainingBatches:
        return TrainingBatches(*numbered(), batch_size=10, seed=3, augmentation=Augmentation(rotation=20))

    whole = epoch(make(), 2)
    interrupted = make()
    interrupted.set_epoch(2)
    iterator = iter(interrupted)
    for _ in range(stop):
        next(iterator)
    resumed = make()
    resumed.load_state_dict(interrupted.state_dict())
    rest = epoch(resumed, 2)
    assert len(rest) == len(whole) - stop
    for (images, labels), (expected_images, expected_labels) in zip(rest, whole[stop:], strict=True):
        assert torch.equal(images, expected_images)
        assert torch.equal(labels, expected_labels)
    assert len(epoch(resumed, 3)) == len(whole)


def test_processes_share_an_epoch_in_equal_parts() -> None:
    shares = [
        torch.cat([labels for _, labels in TrainingBatches(*numbered(), batch_size=10, rank=rank, world_size=4)])
        for rank in range(4)
    ]
    assert [len(share) for share in shares] == [25] * 4
    assert len(torch.cat(shares).unique()) == 100


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 7, 26, 1000])
def test_evaluation_sees_every_image_exactly_once_in_equally_many_batches(world_size: int, batch_size: int) -> None:
    loaders = [EvaluationBatches(*numbered(), batch_size, rank, world_size) for rank in range(world_size)]
    assert len({len(loader) for loader in loaders}) == 1
    batches = [labels for loader in loaders for _, labels in loader]
    assert len(batches) == sum(len(loader) for loader in loaders)
    assert torch.cat(batches).sort().values.tolist() == list(range(COUNT))
    assert max(len(labels) for labels in batches) <= batch_size + 1


def test_without_reshuffling_each_epoch_begins_with_the_same_images_in_an_order_of_no_class() -> None:
    images, labels = torch.zeros(60, 1, 2, 2, dtype=torch.uint8), torch.arange(60) // 6
    batches = TrainingBatches(images, labels, 10, reshuffles=False)
    seen = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        seen.append(next(iter(batches))[1].tolist())
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[0])) > 3
    assert len(batches.dataset) == 60


def rare() -> tuple[Tensor, Tensor]:
    """Images of their own numbers, ten of which are of the second class."""
    return numbered()[0], (torch.arange(COUNT) < 10).long()


def test_a_balanced_epoch_is_as_long_as_any_and_shows_both_classes_equally_often() -> None:
    batches = TrainingBatches(*rare(), batch_size=10, balances=True)
    seen = [torch.cat([labels for _, labels in epoch(batches, number)]) for number in range(40)]
    assert {len(labels) for labels in seen} == {COUNT}
    assert float(torch.cat(seen).double().mean()) == pytest.approx(0.5, abs=0.03)
    assert not torch.equal(seen[0], seen[1])
    for images, labels in batches:
        assert torch.equal(images[:, 0, 0, 0] < 10, labels.bool())


@pytest.mark.parametrize("stop", [1, 7, 10])
def test_a_balanced_epoch_goes_on_from_a_saved_position(stop: int) -> None:
    whole = epoch(TrainingBatches(*rare(), batch_size=10, seed=3, balances=True), 2)
    resumed = TrainingBatches(*rare(), batch_size=10, seed=3, balances=True)
    resumed.load_state_dict({"epoch": 2, "position": stop})
    for (images, labels), (expected_images, expected_labels) in zip(resumed, whole[stop:], strict=True):
        assert torch.equal(images, expected_images)
        assert torch.equal(labels, expected_labels)


def test_processes_share_a_balanced_epoch_and_overfitting_shows_the_same_images() -> None:
    def images_of(**settings: Any) -> list[int]:
        batches = TrainingBatches(*rare(), batch_size=10, balances=True, **settings)
        return torch.cat([images[:, 0, 0, 0] for images, _ in epoch(batches, 1)]).tolist()

    alone = images_of()
    shares = [images_of(rank=rank, world_size=4) for rank in range(4)]
    assert [image for group in zip(*shares, strict=True) for image in group] == alone[:100]
    fixed = TrainingBatches(*rare(), batch_size=10, balances=True, reshuffles=False)
    first, second = (epoch(fixed, number) for number in (0, 1))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(first, second, strict=True))
