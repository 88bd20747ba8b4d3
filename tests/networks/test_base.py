import numpy as np
import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN, Network, build_network
from tests.support.networks import Keywords


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
        "inplace": False,
        "border": 0,
        "in_channels": 1,
    }
    again = build_network(spec)
    again.load_state_dict(network.state_dict())
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(again.eval()(images), network.eval()(images))


@pytest.mark.parametrize("class_path", ["torch.nn.Linear", "os.system", "mnist_cnn.networks.NoSuch", "nowhere.X", "X"])
def test_a_spec_can_name_nothing_but_networks(class_path: str) -> None:
    with pytest.raises(UserError, match=class_path):
        build_network({"class_path": class_path, "init_args": {}})


def test_building_from_a_spec_imports_nothing() -> None:
    with pytest.raises(UserError, match="import its module first"):
        build_network({"class_path": "tests.support.not_imported.Evil", "init_args": {}})


def test_keyword_arguments_are_recorded_one_by_one_and_as_plain_types() -> None:
    network = Keywords(options_a=np.int64(3), b=(1, 2))  # type: ignore[arg-type]
    assert network.init_args == {"num_classes": 10, "options_a": 3, "b": [1, 2]}
    assert type(network.init_args["options_a"]) is int
    again = build_network(network.spec())
    assert again.init_args == network.init_args


def test_the_base_class_itself_is_no_network() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Network()  # type: ignore[abstract]
