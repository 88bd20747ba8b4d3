import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN, build_network


def test_spec_is_plain_and_rebuilds_the_same_network() -> None:
    network = CNN(channels=(3, 5, 7), dropout=0.25)
    spec = network.spec()
    assert spec["class_path"] == "mnist_cnn.networks.CNN"
    assert spec["init_args"] == {
        "channels": [3, 5, 7],
        "kernel_size": 3,
        "dropout": 0.25,
        "hidden_units": 32,
        "num_classes": 10,
        "batch_norm": False,
    }
    again = build_network(spec)
    again.load_state_dict(network.state_dict())
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(again.eval()(images), network.eval()(images))


@pytest.mark.parametrize("class_path", ["torch.nn.Linear", "os.system", "mnist_cnn.networks.NoSuch", "nowhere.X", "X"])
def test_a_spec_can_name_nothing_but_networks(class_path: str) -> None:
    with pytest.raises(UserError, match=class_path):
        build_network({"class_path": class_path, "init_args": {}})
