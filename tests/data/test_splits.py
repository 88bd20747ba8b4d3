import pytest
import torch

from mnist_cnn.data.splits import balanced_draw, stratified_split
from mnist_cnn.seeding import generator


def test_split_has_the_count_and_the_share_of_each_class() -> None:
    labels = torch.tensor([0] * 500 + [1] * 300 + [2] * 201)
    chosen, others = stratified_split(labels, 100, seed=0)
    assert torch.bincount(labels[chosen]).tolist() == [50, 30, 20]
    assert torch.cat([chosen, others]).sort().values.tolist() == list(range(1001))
    for count in (1, 2, 3, 500, 1000):
        assert len(stratified_split(labels, count, seed=0)[0]) == count


def test_split_depends_on_its_seed_alone() -> None:
    labels = torch.randint(10, (1000,))
    first, again, other = (stratified_split(labels, 100, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("sizes", [[1, 2, 97], [2, 98], [1, 1, 1, 40], [2] * 10 + [80], [0, 3, 0, 97]])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_class_of_one_or_two_images_keeps_one_for_training(sizes: list[int], seed: int) -> None:
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    for count in range(1, len(labels) - len(sizes) + 1):
        chosen, others = stratified_split(labels, count, seed)
        assert len(chosen) == count
        left = torch.bincount(labels[others], minlength=len(sizes))
        assert all(left[label] >= 1 for label, size in enumerate(sizes) if size)


def test_more_images_than_that_leaves_are_chosen_all_the_same() -> None:
    labels = torch.arange(5)
    for count in range(1, 5):
        chosen, others = stratified_split(labels, count, seed=0)
        assert (len(chosen), len(others)) == (count, 5 - count)


def test_training_images_are_chosen_from_rare_classes_too() -> None:
    labels = torch.tensor([0] * 99 + [1])
    assert 1 in labels[stratified_split(labels, 90, seed=0, leaves_one=False)[0]]


def test_a_balanced_draw_takes_each_class_and_each_of_its_images_equally_often() -> None:
    labels = torch.tensor([3] * 2 + [0] * 90 + [2] * 8)[torch.randperm(100, generator=generator(0))]
    drawn = balanced_draw(labels, 30_000, generator(1))
    shares = torch.bincount(labels[drawn]) / 30_000
    assert shares[1] == 0
    assert shares[[0, 2, 3]].tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    of_rare = torch.bincount(drawn, minlength=100)[labels == 2] / 10_000
    assert of_rare.tolist() == pytest.approx([1 / 8] * 8, abs=0.02)
    assert torch.equal(drawn, balanced_draw(labels, 30_000, generator(1)))
