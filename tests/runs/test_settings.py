"""A run's files say how it was trained, and never which code is run."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mnist_cnn.cli.arguments import read_request
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.settings import settings_of_run, without_classes
from mnist_cnn.training.settings import behind
from tests.support.checkpoints import write_checkpoint
from tests.support.commands import Cli

EVIL = "tests.support.not_imported.Evil"
TRAINER: dict[str, Any] = {
    "max_epochs": 1,
    "precision": "64-true",
    "devices": [0],
    "strategy": "auto",
    "logger": None,
    "default_root_dir": "/elsewhere",
    "callbacks": [{"class_path": "pytorch_lightning.callbacks.LambdaCallback", "init_args": {"setup": EVIL}}, EVIL],
    "profiler": EVIL,
    "plugins": [{"class_path": EVIL}, "async"],
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The last checkpoint of a run from elsewhere."""
    path = write_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt", dataset="synthetic")
    data = {"dataset": "synthetic", "train_size": 20, "val_size": 20, "batch_size": 20}
    content = {"trainer": TRAINER, "data": data, "checkpoint": {"class_path": EVIL}, "config": "other.yaml"}
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(content))
    return path


def test_settings_are_taken_over_and_classes_left_out(checkpoint: Path) -> None:
    found, left_out = settings_of_run(checkpoint)
    kept = {"max_epochs": 1, "precision": "64-true", "devices": [0], "strategy": "auto", "logger": None}
    assert found.pop("trainer") == kept
    assert found.keys() == {"data"}
    assert left_out == {
        "trainer.callbacks": f"pytorch_lightning.callbacks.LambdaCallback, {EVIL}",
        "trainer.profiler": EVIL,
        "trainer.plugins": EVIL,
        "checkpoint": EVIL,
    }


def test_the_network_is_named_by_its_class_and_takes_no_other_classes() -> None:
    network = {"class_path": "CNN", "init_args": {"dropout": {"class_path": EVIL}, "channels": [4, 8, 8]}}
    found, left_out = without_classes({"model": {"network": network, "lr": {"class_path": EVIL}}})
    assert found == {"model": {"network": {"class_path": "CNN", "init_args": {"channels": [4, 8, 8]}}}}
    assert list(left_out) == ["model.network.init_args.dropout", "model.lr"]


def test_a_resume_runs_no_code_that_a_run_folder_names_and_says_what_to_give(cli: Cli, checkpoint: Path) -> None:
    status, out, err = cli("fit", "--ckpt_path", str(checkpoint), "--print_config")
    assert status == 0
    assert "tests.support.not_imported" not in sys.modules
    assert (yaml.safe_load(out)["trainer"]["callbacks"], yaml.safe_load(out)["trainer"]["precision"]) == (
        None,
        "64-true",
    )
    assert f"--trainer.callbacks pytorch_lightning.callbacks.LambdaCallback, {EVIL}" in err
    assert f"--trainer.profiler {EVIL}" in err
    assert "--config run/config.yaml" in err
    config = str(checkpoint.parent.parent / "config.yaml")
    Path(config).write_text(yaml.safe_dump({"trainer": TRAINER}))
    request = read_request("fit", ["--ckpt_path", str(checkpoint), "--config", config])
    named = request.behind(Checkpoint.read(checkpoint)).config["trainer"]
    assert named["callbacks"] == TRAINER["callbacks"], "who names the file trusts it"


def test_training_as_a_function_takes_no_such_code_over_either(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = Checkpoint.read(checkpoint)
    trainer = behind(start, None, None, {"max_epochs": 3})[2]
    assert (trainer["max_epochs"], trainer["devices"]) == (3, [0])
    assert not {"callbacks", "profiler", "plugins"} & trainer.keys()
    assert f"--trainer.profiler {EVIL}" in capsys.readouterr().err
    assert behind(start, None, None, None, resumes=False)[2] == {}


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_a_class_that_is_named_again_is_left_to_the_user(
    checkpoint: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    flags = ["--trainer.callbacks=A", "--trainer.profiler", "simple", "--trainer.plugins+=B", "--checkpoint.a=1"]
    request = read_request(command, ["--ckpt_path", str(checkpoint), *flags])
    behind = request.behind(Checkpoint.read(checkpoint))
    assert capsys.readouterr().err == ""
    assert ("trainer" in behind.config) == (command == "fit"), "evaluating takes nothing over from the Trainer"
