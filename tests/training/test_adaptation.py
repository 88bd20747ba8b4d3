"""Callbacks that were written for other projects."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import (
    BatchSizeFinder,
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateFinder,
    ModelCheckpoint,
    ModelPruning,
    StochasticWeightAveraging,
)

from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.adaptation import adapt, explained, metric_name
from mnist_cnn.training.run import Result, fit
from tests.training.test_run import SETTINGS

RUN = Path("lightning_logs/version_0")


def train(*callbacks: Callback, ckpt_path: str | None = None, **trainer: Any) -> Result:
    settings = {**SETTINGS["trainer"], "limit_train_batches": 3, "callbacks": list(callbacks), **trainer}
    return fit(**{**SETTINGS, "trainer": settings}, ckpt_path=ckpt_path)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("val_loss", "val/loss"),
        ("valid_acc", "val/accuracy"),
        ("validation_accuracy", "val/accuracy"),
        ("val_f1", "val/f1_macro"),
        ("val/acc", "val/accuracy"),
        ("train_loss_epoch", "train/loss"),
        ("train_acc", "train/accuracy"),
        ("val_class/7", "val_class/7"),
        ("train_f1", "train_f1"),
        ("my_loss", "my_loss"),
        ("loss", "loss"),
    ],
)
def test_the_names_that_everyone_uses_are_understood(given: str, ours: str) -> None:
    assert metric_name(given) == ours


def test_a_run_stops_early_and_keeps_a_checkpoint_by_the_usual_names() -> None:
    stopping = EarlyStopping("val_loss", stopping_threshold=100.0)
    keeping = ModelCheckpoint(monitor="val_acc", mode="max", filename="{epoch}-{val_acc:.2f}")
    result = train(stopping, keeping)
    assert (stopping.monitor, stopping.stopped_epoch) == ("val/loss", 0)
    assert result.best_checkpoint is not None
    accuracy = Checkpoint.read(result.best_checkpoint).metrics["val/accuracy"]
    assert (RUN / "checkpoints" / f"epoch=0-val_acc={accuracy:.2f}.ckpt").is_file()


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"EarlyStopping watches 'foo', .* choose one of val/loss, val/accuracy"):
        train(EarlyStopping("foo"))
    assert not RUN.parent.exists()


class Logging(Callback):
    """Logs a metric of its own."""

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("mine", 1.0)


@pytest.mark.parametrize("watching", [EarlyStopping("foo"), ModelCheckpoint(monitor="foo")])
def test_where_others_log_too_it_is_said_when_the_metrics_are_there(watching: Callback) -> None:
    with pytest.raises(UserError, match=r"watches 'foo', .* mine"):
        train(Logging(), watching)


def test_what_others_log_can_be_watched() -> None:
    assert train(Logging(), EarlyStopping("mine"), max_epochs=1).directory == RUN


def test_a_metric_that_is_best_where_it_is_lowest_is_asked_about() -> None:
    with pytest.warns(UserWarning, match=r"takes the lowest val/accuracy for the best: set mode to max"):
        adapt([EarlyStopping("val_acc")], CNN(), is_closed=True)


def test_the_learning_rate_that_is_found_is_trained_with_and_kept() -> None:
    finder = LearningRateFinder(num_training_steps=20, min_lr=1e-4, early_stop_threshold=None)
    settings = {**SETTINGS["trainer"], "max_epochs": 1, "callbacks": [finder]}
    fit(**{**SETTINGS, "trainer": settings, "data": {**SETTINGS["data"], "batch_size": 30}})
    last = Checkpoint.read(RUN / "checkpoints" / "last.ckpt")
    lr = last.hyperparameters["lr"]
    assert lr != 0.01
    assert last.contents["optimizer_states"][0]["param_groups"][0]["initial_lr"] == lr
    assert yaml.safe_load((RUN / "config.yaml").read_text())["model"]["lr"] == lr


@pytest.mark.slow
def test_the_batch_size_that_is_found_is_trained_with_kept_and_gone_on_with(capfd: pytest.CaptureFixture[str]) -> None:
    finder = BatchSizeFinder(max_trials=3, steps_per_trial=1, init_val=20)
    train(finder, limit_train_batches=None, max_epochs=1)
    last = Checkpoint.read(RUN / "checkpoints" / "last.ckpt")
    assert last.settings()["data"]["batch_size"] == finder.optimal_batch_size == 80
    assert yaml.safe_load((RUN / "config.yaml").read_text())["data"]["batch_size"] == 80
    assert last.global_step == -(-600 // 80)
    # The schedule ends with the run, however many steps that has now.
    assert last.contents["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(0.01 / 25 / 10_000)
    settings = {**SETTINGS["trainer"], "max_epochs": 2, "callbacks": [finder]}
    fit(trainer=settings, ckpt_path="last")
    assert "BatchSizeFinder is left out" in capfd.readouterr().err
    assert Checkpoint.read(RUN / "checkpoints" / "last.ckpt").global_step == 2 * -(-600 // 80)


def test_pruned_weights_are_zero_and_stay_it_in_a_resume() -> None:
    for epochs, which in ((2, None), (3, "last")):
        train(ModelPruning("l1_unstructured", amount=0.5), max_epochs=epochs, ckpt_path=which)
        weights = Checkpoint.read(RUN / "checkpoints" / "last.ckpt").weights
        numbers = torch.cat([value.flatten() for name, value in weights.items() if name.startswith("network.")])
        assert float((numbers == 0).float().mean()) >= 0.5
        assert not [name for name in weights if name.endswith(("_orig", "_mask"))]


@pytest.mark.parametrize(
    "averaging",
    [
        lambda: StochasticWeightAveraging(swa_lrs=1e-2, swa_epoch_start=1),
        lambda: EMAWeightAveraging(decay=0.9),
    ],
)
def test_averaging_of_lightnings_own_is_gone_on_with(averaging: Any) -> None:
    train(averaging())
    before = Checkpoint.read(RUN / "checkpoints" / "last.ckpt")
    train(averaging(), max_epochs=3, ckpt_path="last")
    after = Checkpoint.read(RUN / "checkpoints" / "last.ckpt")
    assert (before.epoch, after.epoch) == (1, 2)
    assert ("current_model_state" in before.contents) == ("current_model_state" in after.contents)


def test_a_run_that_cannot_be_handed_to_new_processes_is_a_line() -> None:
    trainer: Any = None
    with pytest.raises(UserError, match="choose ddp"), explained(trainer):
        raise TypeError("cannot pickle '_thread.RLock' object")
    with pytest.raises(TypeError, match="else"), explained(trainer):
        raise TypeError("something else")
