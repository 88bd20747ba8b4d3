"""What every network must hold; what is particular to one stands in its own file."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.networks import (
    CNN,
    MLP,
    VGG16,
    GlobalPoolCNN,
    MediumCNN,
    MiniVGG,
    Network,
    ResNet,
    SmallCNN,
    TwoLayerCNN,
)
from mnist_cnn.training.classifier import ImageClassifier

# Parameters worked out by hand: kernel area x inputs x outputs + biases, layer by layer.
VGG16_CONVOLUTIONS = sum(
    9 * inputs * outputs + outputs
    for inputs, outputs in [
        *[(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)],
        *[(256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512)],
    ]
)
NETWORKS: dict[str, tuple[type[Network], dict[str, Any], int]] = {
    "CNN": (CNN, {}, (9 * 16 + 16) + (9 * 16 * 32 + 32) + (9 * 32 * 64 + 64) + (576 * 32 + 32) + (32 * 10 + 10)),
    "CNN with batch norm": (
        CNN,
        {"channels": [8, 16], "batch_norm": True, "inplace": True},
        (9 * 8 + 8 + 2 * 8) + (9 * 8 * 16 + 16 + 2 * 16) + (7 * 7 * 16 * 32 + 32) + (32 * 10 + 10),
    ),
    "softmax regression": (MLP, {"hidden_units": []}, 784 * 10 + 10),
    "MLP": (MLP, {}, (784 * 256 + 256) + (256 * 10 + 10)),
    "deep MLP": (
        MLP,
        {"hidden_units": [512, 256, 128]},
        (784 * 512 + 512) + (512 * 256 + 256) + (256 * 128 + 128) + (128 * 10 + 10),
    ),
    "SmallCNN": (SmallCNN, {}, (9 * 10 + 10) + (14 * 14 * 10 * 128 + 128) + (128 * 10 + 10)),
    "MediumCNN": (
        MediumCNN,
        {},
        (9 * 10 + 10) + (9 * 10 * 20 + 20) + (9 * 20 * 40 + 40) + (3 * 3 * 40 * 64 + 64) + (64 * 10 + 10),
    ),
    "TwoLayerCNN": (TwoLayerCNN, {}, (9 * 32 + 32) + (9 * 32 * 32 + 32) + (12 * 12 * 32 * 10 + 10)),
    "GlobalPoolCNN": (GlobalPoolCNN, {}, (9 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 64 + 64) + (64 * 10 + 10)),
    "GlobalPoolCNN with pooling": (
        GlobalPoolCNN,
        {"max_pool": True, "batch_norm": True, "padding": 1},
        (9 * 32 + 32 + 64) + (9 * 32 * 64 + 64 + 128) + (9 * 64 * 64 + 64 + 128) + (64 * 10 + 10),
    ),
    "MiniVGG": (
        MiniVGG,
        {},
        (9 * 32 + 32)
        + (9 * 32 * 32 + 32)
        + (9 * 32 * 64 + 64)
        + (9 * 64 * 64 + 64)
        + (7 * 7 * 64 * 256 + 256)
        + (256 * 10 + 10),
    ),
    "ResNet": (
        ResNet,
        {},
        9 * (16 + 2 * 16 * 16 + 16 * 32 + 2 * 32 * 32 + 32 * 64 + 2 * 64 * 64)
        + 3 * 2 * (16 + 32 + 64)
        + (64 * 10 + 10),
    ),
    "VGG16": (
        VGG16,
        {"weights": "none", "image_size": 32},
        VGG16_CONVOLUTIONS + (512 * 256 + 256) + (256 * 10 + 10),
    ),
}
SLOW = ("VGG16", "GlobalPoolCNN")  # which take minutes to learn anything
every_network = pytest.mark.parametrize("name", list(NETWORKS))


def build(name: str, **arguments: Any) -> Network:
    torch.manual_seed(0)
    network_class, own, _ = NETWORKS[name]
    return network_class(**{**own, **arguments})


@every_network
def test_parameter_count_worked_out_by_hand(name: str) -> None:
    assert sum(parameter.numel() for parameter in build(name).parameters()) == NETWORKS[name][2]


@every_network
def test_gives_a_logit_for_each_class(name: str) -> None:
    network = build(name, num_classes=7)
    assert network(torch.randn(3, 1, 28, 28)).shape == (3, 7)
    assert network.num_classes == 7


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NETWORKS]
)
def test_overfits_64_images(name: str) -> None:
    dropout = {"dropout": 0.0} if "dropout" in build(name).init_args else {}
    images, labels = synthetic_digits(range(64))
    inputs = (images.float() / 255 - 0.13) / 0.31
    network = build(name, **dropout)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4 if name == "VGG16" else 5e-3)
    for _ in range(300):
        optimizer.zero_grad()
        logits = network(inputs)
        F.cross_entropy(logits, labels).backward()
        optimizer.step()
        if (logits.argmax(1) == labels).all() and (network.eval()(inputs).argmax(1) == labels).all():
            break
        network.train()
    assert (network.eval()(inputs).argmax(1) == labels).all()


@every_network
def test_comes_back_from_a_checkpoint(name: str, tmp_path: Any) -> None:
    from pytorch_lightning import Trainer

    classifier = ImageClassifier(build(name)).eval()
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(classifier)
    trainer.save_checkpoint(tmp_path / "network.ckpt", weights_only=True)
    again = ImageClassifier.load_from_checkpoint(tmp_path / "network.ckpt", weights_only=True).eval()
    images = torch.randint(256, (2, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(again.predict_proba(images), classifier.predict_proba(images))
    assert again.hparams["network"] == classifier.hparams["network"]


@pytest.mark.parametrize(
    ("network_class", "argument", "value"),
    [
        (MLP, "hidden_units", [10, 0]),
        (MLP, "dropout", 1.0),
        (TwoLayerCNN, "channels", 0),
        (GlobalPoolCNN, "channels", []),
        (GlobalPoolCNN, "padding", 2),
        (MiniVGG, "channels", [4, 4, 4, 4, 4]),
        (MiniVGG, "hidden_units", 0),
        (ResNet, "channels", []),
        (ResNet, "channels", [8, 0]),
        (ResNet, "depth", -1),
        (ResNet, "depth", [1, 1]),
        (ResNet, "in_channels", 0),
        (VGG16, "image_size", 28),
        (VGG16, "weights", "cifar"),
        *(
            (network_class, "num_classes", 1)
            for network_class in (MLP, TwoLayerCNN, GlobalPoolCNN, MiniVGG, ResNet, VGG16)
        ),
    ],
)
def test_arguments_out_of_range_are_named(network_class: Any, argument: str, value: object) -> None:
    with pytest.raises(UserError, match=argument):
        network_class(**{argument: value})


@pytest.mark.parametrize("network_class", [MLP, TwoLayerCNN, MiniVGG])
def test_networks_for_one_size_refuse_others(network_class: Any) -> None:
    with pytest.raises(UserError, match=r"32x30 pixels: .* 28x28 only"):
        network_class()(torch.zeros(1, 1, 32, 30))


@pytest.mark.parametrize(("options", "smallest"), [({}, 7), ({"padding": 1}, 1), ({"max_pool": True}, 18)])
def test_global_pooling_takes_any_size_that_leaves_a_map(options: dict[str, Any], smallest: int) -> None:
    network = GlobalPoolCNN(**options)
    assert network(torch.zeros(1, 1, smallest, 40)).shape == (1, 10)
    if smallest > 1:
        with pytest.raises(UserError, match=f"{smallest}x{smallest} is needed"):
            network(torch.zeros(1, 1, 40, smallest - 1))
