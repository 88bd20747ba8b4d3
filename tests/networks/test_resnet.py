import pytest
import torch
import torch.nn.functional as F

from mnist_cnn.errors import UserError
from mnist_cnn.networks import ResNet, build_network, multiply_adds


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 32), (8, 8), (1, 1), (40, 17), (1, 100)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_works_in_grey_and_colour(height: int, width: int, channels: int) -> None:
    network = ResNet([4, 8, 8, 8], num_classes=7, in_channels=channels)
    assert network(torch.randn(2, channels, height, width)).shape == (2, 7)


def test_is_convolution_pooling_and_batch_norm_then_blocks_with_a_way_around_each() -> None:
    """A plain computation in the order of the docstring is the same, in training with the batch's own statistics."""
    network = ResNet((4, 6), depth=(0, 2))
    weights = iter(network.parameters())

    def normalised(maps: torch.Tensor) -> torch.Tensor:
        mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), keepdim=True, unbiased=False)
        scale, offset = (next(weights)[:, None, None] for _ in range(2))
        return (maps - mean) / (variance + 1e-5).sqrt() * scale + offset

    def convolved(maps: torch.Tensor) -> torch.Tensor:
        return F.conv2d(maps, next(weights), padding=1)

    images = torch.randn(5, 1, 28, 28)
    maps = images
    for blocks in (0, 2):
        maps = normalised(F.max_pool2d(convolved(maps), 2)).relu()
        for _ in range(blocks):
            maps = (maps + normalised(convolved(normalised(convolved(maps)).relu()))).relu()
    expected = F.linear(maps.mean((2, 3)), next(weights), next(weights))
    torch.testing.assert_close(network(images), expected, atol=1e-4, rtol=1e-4)


def test_depth_is_one_number_for_all_stages_or_one_for_each() -> None:
    counts = [sum(p.numel() for p in ResNet((4, 8), depth).parameters()) for depth in (1, [1, 1], 0, [0, 1])]
    assert counts[0] == counts[1] > counts[3] > counts[2]
    assert build_network(ResNet((4, 8), (0, 1)).spec()).init_args["depth"] == [0, 1]
    with pytest.raises(UserError, match=r"depth=\[1, 1, 1\]: a number of blocks .* each of the 2 stages"):
        ResNet((4, 8), (1, 1, 1))


def test_the_work_is_that_of_its_convolutions() -> None:
    by_hand = 28 * 28 * 9 * 16 + 14 * 14 * 9 * (2 * 16 * 16 + 16 * 32) + 7 * 7 * 9 * (2 * 32 * 32 + 32 * 64)
    assert multiply_adds(ResNet()) == by_hand + 4 * 4 * 9 * 2 * 64 * 64 + 64 * 10


def test_a_last_batch_of_one_small_image_is_trained_on() -> None:
    network = ResNet((4, 8))
    loss = network(torch.randn(1, 1, 3, 2)).square().sum()
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
