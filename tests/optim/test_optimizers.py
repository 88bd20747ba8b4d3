from typing import Any

import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.optim.optimizers import OptimizerSettings, build_optimizer, hidden_matrices
from mnist_cnn.training.classifier import ImageClassifier
from tests.support.networks import Convolutional, Odd


def settings(**given: Any) -> OptimizerSettings:
    return OptimizerSettings(**{"lr": 0.01, "weight_decay": 0.0, **given})


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam)])
def test_adam_family_takes_its_settings(name: str, kind: type) -> None:
    optimizer = build_optimizer(CNN(), settings(optimizer=name, weight_decay=0.02, momentum=0.8))
    assert type(optimizer) is kind
    assert {key: optimizer.param_groups[0][key] for key in ("lr", "weight_decay", "betas")} == {
        "lr": 0.01,
        "weight_decay": 0.02,
        "betas": (0.8, 0.999),
    }


def test_sgd_takes_momentum_and_nesterov() -> None:
    group = build_optimizer(CNN(), settings(optimizer="sgd", lr=0.1, momentum=0.7)).param_groups[0]
    assert (group["momentum"], group["nesterov"]) == (0.7, True)
    plain = build_optimizer(CNN(), settings(optimizer="sgd", momentum=0.0)).param_groups[0]
    assert plain["nesterov"] is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("lr", -1), ("weight_decay", -0.1), ("momentum", 1), ("warmup", 2), ("label_smoothing", -1)],
        *[
            ("ema_decay", 1.1),
            ("step_epochs", 0),
            ("optimizer", "sdg"),
            ("schedule", "line"),
            ("adamw_lr", -1),
            ("compile_mode", "fast"),
        ],
    ],
)
def test_settings_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UserError, match=name):
        ImageClassifier(CNN(), **{name: value})  # type: ignore[arg-type]


def test_muon_asks_for_the_output_layer_of_a_network_that_declares_none() -> None:
    with pytest.raises(UserError, match="give Odd a method get_output_layer"):
        build_optimizer(Odd(), settings(optimizer="muon"))


def test_the_output_layer_is_the_declared_one_wherever_it_stands() -> None:
    network = Convolutional()
    assert [id(matrix) for matrix in hidden_matrices(network)] == [id(network.body[0].weight)]
