"""Looking into networks."""

import pytest
import torch
from torch import nn

from mnist_cnn.evaluation import introspection
from mnist_cnn.networks import CNN, MLP, GlobalPoolCNN, MiniVGG, ResNet, TwoLayerCNN
from tests.support.networks import Convolutional, Odd


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (CNN(channels=(4, 8, 16)), [(4, 14, 14), (8, 7, 7), (16, 3, 3)]),
        (CNN(channels=(4, 8), inplace=True, batch_norm=True), [(4, 14, 14), (8, 7, 7)]),
        (TwoLayerCNN(8), [(8, 26, 26), (8, 12, 12)]),
        (GlobalPoolCNN((4, 8)), [(4, 26, 26), (8, 24, 24)]),
        (ResNet((4, 8), [0, 1]), [(4, 14, 14), (8, 7, 7), (8, 7, 7), (8, 7, 7)]),
        (MiniVGG((4, 8)), [(4, 28, 28), (4, 14, 14), (8, 14, 14), (8, 7, 7)]),
        (nn.Sequential(nn.Conv2d(1, 3, 5), nn.Flatten(), nn.Linear(3 * 24 * 24, 2)), [(3, 24, 24)]),
        (MLP(), []),
    ],
)
def test_feature_maps_of_any_network(network: nn.Module, shapes: list[tuple[int, ...]]) -> None:
    maps = introspection.feature_maps(network.eval(), torch.randn(2, 1, 28, 28))
    assert [tuple(output.shape[1:]) for _, output in maps] == shapes
    assert all(not module._forward_hooks for module in network.modules())


def test_feature_maps_are_the_blocks_outputs() -> None:
    network, images = CNN(channels=(4, 8), inplace=True).eval(), torch.randn(2, 1, 28, 28)
    maps = introspection.feature_maps(network, images)
    torch.testing.assert_close(maps[0][1], network.blocks[0](images))
    torch.testing.assert_close(maps[1][1], network.blocks(images))


def test_kernels_are_the_first_layers_weights() -> None:
    network = CNN(channels=(5, 6))
    images = torch.randn(2, 1, 28, 28)
    found = introspection.first_weights(network, images)
    assert found is not None
    assert torch.equal(found[1], network.blocks[0][0].weight[:, 0])  # type: ignore[index]
    found = introspection.first_weights(MLP((100,)), images)
    assert found is not None
    assert found[1].shape == (64, 28, 28)
    assert "64 of the 100" in found[0]


def test_templates_of_a_colour_network_have_the_images_size() -> None:
    found = introspection.first_weights(MLP((5,), in_channels=3, input_shape=(8, 6)), torch.randn(2, 3, 8, 6))
    assert found is not None
    assert found[1].shape == (5, 8, 6)


@pytest.mark.parametrize("units", [16, 49])
def test_a_dense_layer_that_does_not_see_the_pixels_has_no_templates(units: int) -> None:
    side = int(units**0.5)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten(), nn.Linear(units, 64))
    assert introspection.first_weights(network, torch.randn(2, 1, 28, 28)) is None


def test_saliency_of_a_linear_network_is_its_weights() -> None:
    network = MLP([])
    images = torch.randn(3, 1, 28, 28)
    answers = network(images).argmax(1)
    weights = next(iter(network.parameters())).detach()[answers].reshape(3, 28, 28)
    torch.testing.assert_close(introspection.saliency(network, images), weights)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_features_are_what_the_output_layer_sees() -> None:
    network, images = MLP((7,)), torch.randn(3, 1, 28, 28)
    features = introspection.features(network.eval(), images)
    assert features is not None
    weights, biases = list(network.parameters())[-2:]
    torch.testing.assert_close(features @ weights.T + biases, network(images))


def test_features_of_a_convolutional_network_are_averaged_maps() -> None:
    network, images = Convolutional().eval(), torch.randn(3, 1, 28, 28)
    features = introspection.features(network, images)
    assert features is not None
    torch.testing.assert_close(features, network.body(images).mean(dim=(2, 3)))


def test_a_network_that_declares_no_output_layer_shows_no_features() -> None:
    assert introspection.features(Odd(), torch.randn(1, 1, 28, 28)) is None
