import torch

from mnist_cnn.data.splits import stratified_split


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
