"""Training as a function: settings in, a Result out, and no trace left in the process."""

import json
import logging
import os
import random
import signal
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.folders import list_runs
from mnist_cnn.training import run
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.training.directory import run_directory
from mnist_cnn.training.run import Result, fit
from tests.support.checkpoints import assert_equal, contents_of
from tests.support.commands import Cli

DATA: dict[str, Any] = {"dataset": "synthetic", "train_size": 600, "val_size": 100, "batch_size": 100, "rotation": 10}
SETTINGS: dict[str, Any] = {
    "seed_everything": 3,
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
    "model": {"network": {"class_path": "CNN", "init_args": {"channels": [4, 8, 8]}}, "lr": 0.01},
    "data": DATA,
}


class Counted(Callback):
    """Counts steps, and how often it was made."""

    made = 0

    def __init__(self) -> None:
        self.steps = 0
        Counted.made += 1

    def on_train_batch_end(self, *args: Any) -> None:
        self.steps += 1


def test_a_config_as_keywords_trains_as_the_command_does(cli: Cli) -> None:
    result = fit(**SETTINGS)
    assert result.directory == Path("lightning_logs/version_0")
    assert result.best_checkpoint is not None
    assert result.metrics == contents_of(result.best_checkpoint)["metrics"]
    Path("same.yaml").write_text(yaml.safe_dump(SETTINGS))
    assert cli("fit", "--config", "same.yaml")[0] == 0
    one, other = (contents_of(run / "checkpoints" / "last.ckpt") for run in list_runs(Path()))
    assert_equal(one["state_dict"], other["state_dict"])
    assert one["hyper_parameters"] == other["hyper_parameters"]


def test_its_run_is_tested_and_gone_on_with_by_function_and_by_command(cli: Cli) -> None:
    best = fit(**SETTINGS).best_checkpoint
    assert best is not None
    tested = run.test(trainer={"accelerator": "cpu", "enable_progress_bar": False}, ckpt_path=best)
    assert json.loads(Path("lightning_logs/version_0/test.json").read_text())["metrics"] == tested.metrics
    assert tested.metrics["test/accuracy"] > 0.15
    again = run.validate(trainer={"accelerator": "cpu", "enable_progress_bar": False})
    assert again.metrics["val/loss"] == pytest.approx(contents_of(best)["metrics"]["val/loss"])
    longer = {**SETTINGS, "trainer": {**SETTINGS["trainer"], "max_epochs": 3}}
    assert fit(**longer, ckpt_path="last").directory == Path("lightning_logs/version_0")
    assert contents_of(Path("lightning_logs/version_0/checkpoints/last.ckpt"))["epoch"] == 2
    status, out, err = cli(
        "fit", "--config", "lightning_logs/version_0/config.yaml", "--ckpt_path", "last", "--epochs", "4"
    )
    assert status == 0, err
    assert "Resumed  in epoch 4" in out


def test_objects_may_be_given_instead_of_settings() -> None:
    torch.manual_seed(0)
    classifier = ImageClassifier(CNN(channels=(4, 8, 8)))
    result = fit(classifier, MNISTDataModule(**DATA), SETTINGS["trainer"])
    assert result.best_checkpoint is not None
    assert contents_of(result.best_checkpoint)["hyper_parameters"]["network"]["init_args"]["channels"] == [4, 8, 8]


def test_it_leaves_no_trace_in_the_process() -> None:
    def state() -> list[Any]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        levels = [logging.getLogger(name).level for name in sorted(logging.root.manager.loggerDict)]
        seeds = {name: value for name, value in os.environ.items() if name.startswith("PL_")}
        numbers = (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
        return [handlers, levels, seeds, numbers, list(warnings.filters), warnings.showwarning, list(sys.argv)]

    fit(**SETTINGS)  # imports what it needs
    before = state()
    for _ in range(2):
        fit(**SETTINGS)
        run.test(trainer={"accelerator": "cpu", "enable_progress_bar": False})
    assert state() == before
    assert len(list_runs(Path())) == 3


def test_a_resume_reads_its_checkpoint_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(**SETTINGS)
    original, read = torch.load, []

    def recording(path: Any, *args: Any, **kwargs: Any) -> Any:
        read.append(Path(path).name)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(torch, "load", recording)
    assert cli("fit", "--ckpt_path", "last", "--epochs", "3")[0] == 0
    assert read.count("last.ckpt") == 1


def run_in(folder: str) -> Result:
    os.chdir(folder)
    return fit(**SETTINGS)


@pytest.mark.slow
def test_several_may_run_at_once_in_processes_of_their_own(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run_in, [str(tmp_path)] * 2))
    assert {result.directory for result in results} == {Path(f"lightning_logs/version_{number}") for number in (0, 1)}
    one, other = (contents_of(tmp_path / str(r.directory) / "checkpoints" / "last.ckpt") for r in results)
    assert_equal(one["state_dict"], other["state_dict"])


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(UserError, match=r"'Foo' is no known subclass .* choose one of CNN"):
        fit(**{**SETTINGS, "model": {"network": "Foo"}})


def test_the_trainer_may_be_given_objects_and_classes_by_name() -> None:
    counted = Counted()
    by_name = {"class_path": "tests.training.test_run.Counted"}
    trainer = {**SETTINGS["trainer"], "callbacks": [counted, by_name], "logger": [CSVLogger("csv")]}
    assert fit(**{**SETTINGS, "trainer": trainer}).best_checkpoint is not None
    assert counted.steps == 12
    assert Counted.made == 2


def test_settings_that_are_given_are_laid_over_those_of_the_checkpoint() -> None:
    best = fit(**SETTINGS).best_checkpoint
    assert best is not None
    trainer = {"accelerator": "cpu", "enable_progress_bar": False}
    found = run.validate(data={"data_dir": "elsewhere"}, trainer=trainer, ckpt_path=best).metrics
    assert found["val/loss"] == pytest.approx(contents_of(best)["metrics"]["val/loss"])
    fit(trainer={"max_epochs": 3, "enable_progress_bar": False}, ckpt_path="last")
    last = contents_of(Path("lightning_logs/version_0/checkpoints/last.ckpt"))
    assert last["datamodule_hyper_parameters"]["dataset"] == "synthetic"
    assert (last["epoch"], last["datamodule_hyper_parameters"]["seed"]) == (2, 3)


def test_a_checkpoint_that_was_read_can_be_gone_on_with_again_and_again() -> None:
    fit(**SETTINGS)
    start = Checkpoint.read(Path("lightning_logs/version_0/checkpoints/best.ckpt"))
    longer = {"max_epochs": 3, "enable_progress_bar": False}
    first, second = (fit(trainer=longer, ckpt_path=start).metrics for _ in range(2))
    assert first == second


@pytest.mark.parametrize("setting", [{"accelerator": "foo"}, {"strategy": "foo"}, {"max_epochs": -5}, {"nonsense": 1}])
def test_settings_that_the_trainer_does_not_take_are_errors_of_the_user(setting: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        fit(**{**SETTINGS, "trainer": {**SETTINGS["trainer"], **setting}})
    assert not Path("lightning_logs").exists()


def test_a_seed_is_a_whole_number() -> None:
    with pytest.raises(UserError, match="seed_everything=True"):
        fit(**{**SETTINGS, "seed_everything": True})


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "RANK", "SLURM_PROCID"])
def test_the_other_processes_of_a_run_make_no_directory(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    with run_directory(Path(), None) as find:
        assert find() == Path("lightning_logs/version_0")
    assert not Path("lightning_logs").exists()
