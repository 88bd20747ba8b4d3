import math

import pytest
import torch
from torch import nn

from mnist_cnn.classifier import ImageClassifier
from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.optimization import build_optimizer, lr_factor


def curve(name: str, warmup: float = 0.0, total: int = 100) -> list[float]:
    return [lr_factor(step, name, total, warmup, 0.1, 30) for step in range(total)]  # type: ignore[arg-type]


def test_constant_stays_at_one_after_a_linear_warmup() -> None:
    assert curve("constant") == [1.0] * 100
    assert curve("constant", warmup=0.1) == pytest.approx([(i + 1) / 10 for i in range(10)] + [1.0] * 90)


def test_step_drops_by_its_factor() -> None:
    assert curve("step") == pytest.approx([1.0] * 30 + [0.1] * 30 + [0.01] * 30 + [0.001] * 10)


def test_cosine_falls_from_one_to_zero() -> None:
    assert curve("cosine") == pytest.approx([(1 + math.cos(math.pi * i / 99)) / 2 for i in range(100)])
    warmed = curve("cosine", warmup=0.2)
    assert warmed[:20] == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert warmed[20] == pytest.approx(1.0)
    assert warmed[-1] == pytest.approx(0.0)


def test_one_cycle_is_torchs_one_cycle() -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=101, pct_start=0.3, cycle_momentum=False
    )
    expected = []
    for _ in range(101):
        expected.append(float(reference.get_last_lr()[0]))
        optimizer.step()
        if len(expected) < 101:
            reference.step()
    ours = [lr_factor(step, "one_cycle", 101, 0.3, 0.1, 30) for step in range(101)]
    # torch counts the rise in steps minus one; ours peaks one step later at most.
    assert ours[0] == pytest.approx(expected[0])
    assert max(ours) == pytest.approx(1.0)
    assert ours[-1] == pytest.approx(expected[-1])
    assert max(abs(a - b) for a, b in zip(ours, expected, strict=True)) < 0.06


def test_linear_falls_by_equal_parts_and_wastes_no_step() -> None:
    assert curve("linear") == pytest.approx([1 - i / 100 for i in range(100)])
    assert lr_factor(150, "linear", 100, 0.0, 0.1, 30) == 0, "a run that is resumed with fewer steps is past its end"
    assert curve("linear", warmup=0.1)[8:12] == pytest.approx([0.9, 1.0, 1.0, 89 / 90])


def settings(**given: object) -> dict[str, object]:
    defaults = {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.0, "momentum": 0.9, "nesterov": True}
    return {**defaults, "adamw_lr": 0.01, "backbone_lr_factor": 1.0, **given}


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
