import time
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_cnn.training.timing import RunClock, Stopwatch


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the clock shows, to be set by a test."""
    shown = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: shown.now)
    return shown


def test_a_part_within_another_is_not_counted_in_it(at: SimpleNamespace) -> None:
    stopwatch = Stopwatch()
    at.now += 1
    stopwatch.begin("training")
    at.now += 2
    with stopwatch.measured("validation"):
        at.now += 4
        with stopwatch.measured("checkpoints"):
            at.now += 8
    at.now += 16
    stopwatch.end()
    at.now += 32
    assert stopwatch.total() == 63
    assert stopwatch.seconds == {"other": 33, "training": 18, "validation": 4, "checkpoints": 8}


@pytest.mark.parametrize(
    ("limits", "epochs", "left"),
    [({"max_epochs": 4}, 4, 35.0), ({"max_epochs": 4, "max_steps": 9}, 2, 7.5), ({"max_epochs": -1}, None, None)],
)
def test_what_is_left_counts_the_steps_of_the_whole_run(
    at: SimpleNamespace, limits: dict[str, int], epochs: int | None, left: float | None
) -> None:
    settings = {"max_epochs": -1, "max_steps": -1, "limit_train_batches": 1.0, "accumulate_grad_batches": 1, **limits}
    data = SimpleNamespace(training_batches_per_epoch=lambda: 5)
    trainer: Any = SimpleNamespace(**settings, global_step=3, callbacks=[], datamodule=data, ckpt_path=None)
    clock = RunClock(Stopwatch())
    clock.on_train_start(trainer, None)  # type: ignore[arg-type]
    assert clock.planned_epochs() == epochs
    trainer.global_step, at.now = 6, at.now + 7.5  # 2.5 seconds a step
    assert clock.seconds_left(trainer) == left
