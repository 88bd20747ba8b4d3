import pytest
import torch
from torch import Tensor

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.networks.model import Model
from tests.support.networks import Keywords


def test_each_channel_is_normalised_by_its_own_statistics() -> None:
    model = Model(CNN(in_channels=3))
    images = torch.randint(256, (2, 3, 28, 28), dtype=torch.uint8)
    model.set_statistics([0.1, 0.2, 0.3], [0.5, 0.25, 0.0])
    found = model.normalise(images)
    for channel, (mean, std) in enumerate([(0.1, 0.5), (0.2, 0.25), (0.3, 1.0)]):  # a constant channel stays finite
        torch.testing.assert_close(found[:, channel], (images[:, channel].float() / 255 - mean) / std)


def test_its_state_keeps_the_names_and_shapes_of_grey_checkpoints() -> None:
    state = Model(CNN()).state_dict()
    assert list(state)[:2] == ["mean", "std"]
    assert state["mean"].shape == state["std"].shape == ()
    assert all(name.startswith("network.") for name in list(state)[2:])


def test_images_of_other_channels_are_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"set --model.network.in_channels 3"):
        Model(CNN()).set_statistics([0.1] * 3, [1.0] * 3)
    with pytest.raises(UserError, match=r"\(B, 3, H, W\) is needed, 3 channels"):
        Model(CNN(in_channels=3)).predict_proba(torch.zeros(1, 1, 28, 28))


def test_a_network_without_parameters_is_no_obstacle() -> None:
    assert Model(Keywords()).predict_proba(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_a_network_that_does_not_say_its_channels_takes_those_of_its_data() -> None:
    model = Model(Keywords())
    model.set_statistics([0.1, 0.2, 0.3], [1.0] * 3)
    assert model.predict_proba(torch.zeros(2, 3, 8, 8)).shape == (2, 10)
    again = Model(Keywords())
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.mean, model.mean)


@pytest.mark.parametrize("factor", [1.0, 1 / 255])
def test_pixels_as_bytes_as_floats_and_from_0_to_1_are_the_same(factor: float) -> None:
    images = torch.randint(256, (4, 1, 28, 28), dtype=torch.uint8)
    model = Model(CNN())
    torch.testing.assert_close(model.predict_proba(images * factor), model.predict_proba(images))
    torch.testing.assert_close(model.predict_proba(images > 127), model.predict_proba(255 * (images > 127)))


@pytest.mark.parametrize(
    "images",
    [torch.randn(4, 1, 28, 28), torch.full((1, 1, 28, 28), float("nan")), torch.full((1, 1, 28, 28), 256)],
)
def test_what_are_no_pixels_is_refused(images: Tensor) -> None:
    with pytest.raises(UserError, match="pixels"):
        Model(CNN()).predict_proba(images)
