"""Runs that diverge end with a sentence, and what was good is kept."""

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mnist_cnn.errors import DivergedError, UserError
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.training.divergence import DivergenceGuard, are_finite, check_loss
from tests.support.checkpoints import contents_of, write_checkpoint
from tests.support.commands import TINY_RUN, Cli
from tests.support.pictures import seven

RUN = Path("lightning_logs/version_0/checkpoints")
DIVERGING = ["--lr", "1e30", "--model.optimizer", "sgd", "--model.schedule", "constant"]


def has_finite_weights(path: Path) -> bool:
    return all(bool(value.isfinite().all()) for value in contents_of(path)["state_dict"].values())


@pytest.mark.parametrize(
    "arguments",
    [
        DIVERGING,
        ["--lr", "1e10"],
        [*DIVERGING, "--checkpoint.every_n_train_steps", "1"],
        ["--model.optimizer", "muon", "--lr", "1e30", "--trainer.limit_val_batches", "0"],
        ["--trainer.precision", "16-true"],
        ["--trainer.detect_anomaly", "true", *DIVERGING],
    ],
)
def test_a_run_that_diverges_ends_with_a_sentence_and_keeps_no_checkpoint_without_numbers(
    cli: Cli, arguments: list[str]
) -> None:
    status, _, err = cli("fit", *TINY_RUN, "--trainer.log_every_n_steps", "1", *arguments)
    assert status == 1
    assert "Traceback (most recent call last)" not in err
    assert "error: training diverged" in err
    assert "--trainer.gradient_clip_val 1" in err
    assert all(has_finite_weights(path) for path in RUN.glob("*.ckpt"))
    assert not (RUN / "best.ckpt").exists()


def test_the_last_good_checkpoints_stay_and_the_command_that_is_printed_goes_on_from_there(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN, "--epochs", "1")[0] == 0
    before = {path.name: path.read_bytes() for path in RUN.iterdir()}
    status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "2", *DIVERGING)
    assert status == 1
    assert {path.name: path.read_bytes() for path in RUN.iterdir()} == before
    command = next(line for line in err.splitlines() if line.startswith("  mnist-cnn fit"))
    assert command.endswith("--lr 0.01")
    assert cli(*shlex.split(command)[1:], "--epochs", "2")[0] == 0
    assert contents_of(RUN / "last.ckpt")["epoch"] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_and_statistics_are_looked_at(value: float) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    assert are_finite(network)
    for name in ("0.weight", "1.running_mean"):
        state = network.state_dict()
        state[name].view(-1)[1] = value
        assert not are_finite(network), "a state shares its memory with the network"
        state[name].zero_()
        assert are_finite(network)


def trainer_at(step: int, fn: str = "fit", worst: bool = False) -> Any:
    strategy = SimpleNamespace(reduce_boolean_decision=lambda decision, all: decision or worst)
    return SimpleNamespace(
        **{"global_step": step, "current_epoch": 0, "log_every_n_steps": 5, "world_size": 1 + worst, "ckpt_path": "x"},
        **{"precision": "32-true", "run_dir": None, "lightning_module": None, "strategy": strategy},
        callbacks=[DivergenceGuard()],
        state=SimpleNamespace(fn=fn),
    )


def test_a_loss_alone_ends_no_run_and_is_looked_at_only_where_it_is_written_down() -> None:
    guard, module = DivergenceGuard(), nn.Linear(1, 1)
    module.last_loss = torch.tensor(float("nan"))
    for step in (4, 5, 6):  # a step that overflowed in float16 and was left out
        guard.on_train_batch_end(trainer_at(step), module, None, None, 0)  # type: ignore[arg-type]
    nn.init.constant_(module.weight, float("nan"))
    guard.on_train_batch_end(trainer_at(9), module, None, None, 0)  # type: ignore[arg-type]
    with pytest.raises(DivergedError, match="after 10 steps: weights of the network are no finite numbers"):
        guard.on_train_batch_end(trainer_at(10), module, None, None, 0)  # type: ignore[arg-type]
    module.last_loss = torch.tensor(1.0)
    with pytest.raises(DivergedError):  # another process saw it
        guard.on_train_batch_end(trainer_at(15, worst=True), module, None, None, 0)  # type: ignore[arg-type]


def test_an_evaluation_without_numbers_is_refused() -> None:
    check_loss(trainer_at(0, "test"), {"test/loss": 0.5}, "test/loss")
    with pytest.raises(UserError, match=r"x answers with values that are no finite numbers .*test/loss is inf"):
        check_loss(trainer_at(0, "test"), {"test/loss": float("inf")}, "test/loss")
    with pytest.raises(DivergedError, match="val/loss is nan"):
        check_loss(trainer_at(0), {"val/loss": torch.tensor(float("nan"))}, "val/loss")


def test_a_network_that_answers_nothing_is_refused(tmp_path: Path) -> None:
    classifier = CheckpointClassifier(write_checkpoint(tmp_path / "some.ckpt"))
    nn.init.constant_(next(classifier.network.parameters()), float("nan"))
    with pytest.raises(UserError, match=r"some.ckpt answers with values that are no numbers: its training diverged"):
        classifier.predict([seven()])
    with pytest.raises(UserError, match=r"answers with values that are no numbers"):  # as export and figures ask it
        classifier.predict_proba(np.zeros((2, 1, 28, 28), np.uint8))
