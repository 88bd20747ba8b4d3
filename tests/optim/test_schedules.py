import math

import pytest
import torch
from torch import nn

from mnist_cnn.optim.schedules import ScheduleSettings


def curve(name: str, warmup: float = 0.0, total: int = 100) -> list[float]:
    settings = ScheduleSettings(name, warmup, step_epochs=3)  # type: ignore[arg-type]
    return [settings.factor(step, total, steps_per_epoch=10) for step in range(total)]


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
    """torch counts both parts in steps less one: its curve, read at the same part of the rise and of the fall."""
    total, warmup = 100, 0.3
    rising = round(warmup * total)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    fine = 100  # steps of torch's for each of ours
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=total * fine + 1, pct_start=warmup, cycle_momentum=False
    )
    rates = []
    for _ in range(total * fine + 1):
        rates.append(float(torchs.get_last_lr()[0]))
        optimizer.step()
        if len(rates) <= total * fine:
            torchs.step()
    peak = max(range(len(rates)), key=rates.__getitem__)
    for step, rate in enumerate(curve("one_cycle", warmup, total)):
        if step < rising:
            at = peak * step / rising
        else:
            at = peak + (len(rates) - 1 - peak) * (step - rising) / (total - 1 - rising)
        assert rate == pytest.approx(rates[round(at)], abs=2e-3)


def test_linear_falls_by_equal_parts_and_wastes_no_step() -> None:
    assert curve("linear") == pytest.approx([1 - i / 100 for i in range(100)])
    assert ScheduleSettings("linear", 0.0).factor(150, 100, 10) == 0, (
        "a run that is resumed with fewer steps is past its end"
    )
    assert curve("linear", warmup=0.1)[8:12] == pytest.approx([0.9, 1.0, 1.0, 89 / 90])
