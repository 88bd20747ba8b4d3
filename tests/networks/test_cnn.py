import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(28, 28), (8, 8), (32, 32), (40, 17), (48, 64), (64, 100), (128, 96)])
def test_any_size_of_at_least_8_works(height: int, width: int, channels: int) -> None:
    images = torch.randn(2, channels, height, width)
    assert CNN(num_classes=7, in_channels=channels)(images).shape == (2, 7)


def test_a_border_is_cut_off_and_leaves_the_rest_of_the_network_alone() -> None:
    torch.manual_seed(0)
    whole, cut = CNN().eval(), CNN(border=2).eval()
    cut.load_state_dict(whole.state_dict())
    images = torch.randn(3, 1, 28, 28)
    inner = images[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(cut(images), whole(inner))
    assert cut.input_size == "from 12x12"
    with pytest.raises(UserError, match=r"at least 12x12"):
        cut(images[:, :, :11])
    assert CNN(border=10)(images).shape == (3, 10)
    with pytest.raises(UserError, match=r"border=11: from 0 to 10"):
        CNN(border=11)


def test_smaller_images_are_refused_with_the_sizes() -> None:
    with pytest.raises(UserError, match=r"7x28 .* at least 8x8"):
        CNN()(torch.randn(1, 1, 7, 28))


def test_is_convolution_relu_pooling_dropout_three_times_then_two_dense_layers() -> None:
    """The order in which ReLU and pooling run does not show: a plain network in the textbook's order is the same."""
    network = CNN(dropout=0.5).eval()
    weights = iter(network.parameters())

    def textbook(x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = F.max_pool2d(F.relu(F.conv2d(x, next(weights), next(weights), padding=1)), 2)
        x = F.relu(F.linear(x.flatten(1), next(weights), next(weights)))
        return F.linear(x, next(weights), next(weights))

    images = torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(network(images), textbook(images))
    assert sum(isinstance(m, nn.Dropout) and m.p == 0.5 for m in network.modules()) == 3


def test_dropout_acts_in_training_only() -> None:
    network, images = CNN(dropout=0.5), torch.randn(3, 1, 28, 28)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_relu_in_place_changes_no_result() -> None:
    images = torch.randn(3, 1, 28, 28)
    gradients = []
    for inplace in (False, True):
        torch.manual_seed(0)
        network = CNN(batch_norm=True, inplace=inplace, dropout=0.3)
        torch.manual_seed(1)
        network(images).square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("channels", []),
        ("channels", [4, 0]),
        ("kernel_size", 4),
        ("dropout", 1.0),
        ("hidden_units", 0),
        ("num_classes", 1),
    ],
)
def test_arguments_out_of_range_are_named(argument: str, value: object) -> None:
    with pytest.raises(UserError, match=argument):
        CNN(**{argument: value})  # type: ignore[arg-type]
