"""Each flag of the Trainer: values that cannot be, which are refused in a line, and one that can."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from mnist_cnn.cli.arguments import Request
from mnist_cnn.cli.messages import explain_trainer
from mnist_cnn.cli.training import TrainingSettings
from mnist_cnn.errors import UserError
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.limits import FEWEST_PROCESSES, check_trainer
from mnist_cnn.training.run import _make_trainer
from mnist_cnn.training.trainer import Trainer
from tests.support.commands import TINY_RUN, Cli

WHOLE, SWITCH = ["1.5", "abc", "[1]"], ["2", "abc", "[]"]
SHARE = ["-1", "1.5", "abc", "nan"]
OF_CLASS = ["Foo", "no.such.Class", "torch.nn.Linear"]
# Values that are refused, and one that is taken.
FLAGS: dict[str, tuple[list[str], str]] = {
    "precision": (["8", "abc", "[16]"], "32-true"),
    "accelerator": (["abc", "null", "tpux"], "cpu"),
    "strategy": (["dpp", "null", "abc"], "auto"),
    "devices": (["0", "-1", "[0]", "0,1", "100000", "abc", "null", "1.5", "-7", "[]"], str(FEWEST_PROCESSES)),
    "num_nodes": (["0", "-1", "1.5", "2", "null"], "1"),
    "logger": (["CSVLoger", *OF_CLASS], "false"),
    "callbacks": (["EarlyStoping", "[EarlyStoping]", *OF_CLASS], "[]"),
    "fast_dev_run": (["-1", "abc", "1.5"], "false"),
    "max_epochs": (["-2", "1e3", "99999999999999999999", *WHOLE], "-1"),
    "min_epochs": (["-1", *WHOLE], "2"),
    "max_steps": (["-2", "null", *WHOLE], "100"),
    "min_steps": (["-1", *WHOLE], "2"),
    "max_time": (
        ["abc", "00:00:00:00", "1:2", "{days: 1, foo: 2}", "{days: 99999999999}", "{days: -1}"],
        "00:01:00:00",
    ),
    "limit_train_batches": (SHARE, "0.5"),
    "limit_val_batches": (SHARE, "5"),
    "limit_test_batches": (SHARE, "1.0"),
    "limit_predict_batches": (SHARE, "1"),
    "overfit_batches": (SHARE, "0.0"),
    "val_check_interval": (["0", "0.0", "-1", "2.5", "abc", "00:00:00:00"], "{minutes: 5}"),
    "check_val_every_n_epoch": (["0", "-1", "1.5"], "2"),
    "num_sanity_val_steps": (["-2", *WHOLE], "-1"),
    "log_every_n_steps": (["-1", *WHOLE], "0"),
    "enable_checkpointing": (["false", *SWITCH], "true"),
    "enable_progress_bar": (SWITCH, "false"),
    "enable_model_summary": (SWITCH, "true"),
    "accumulate_grad_batches": (["0", "-2", "null", *WHOLE], "2"),
    "gradient_clip_val": (["-1", ".nan", ".inf", "abc"], "0.5"),
    "gradient_clip_algorithm": (["abc", "1", "[norm]"], "norm"),
    "deterministic": (["abc", "2", "[]"], "warn"),
    "benchmark": (SWITCH, "false"),
    "inference_mode": (["null", *SWITCH], "false"),
    "use_distributed_sampler": (["null", *SWITCH], "false"),
    "profiler": (["abc", "3", "torch.nn.Linear"], "simple"),
    "detect_anomaly": (["null", *SWITCH], "true"),
    "barebones": (["true", *SWITCH], "false"),
    "plugins": (["3", *OF_CLASS], "[]"),
    "sync_batchnorm": (["null", *SWITCH], "true"),
    "reload_dataloaders_every_n_epochs": (["-1", *WHOLE], "1"),
    "default_root_dir": ([], "here"),
    "enable_autolog_hparams": (["null", *SWITCH], "false"),
    "model_registry": ([], "name"),
}


@pytest.fixture(scope="module")
def settings() -> TrainingSettings:
    """Settings whose parser reads what the tests give it."""
    return TrainingSettings(Request("fit", flags=("--data.dataset", "synthetic")))


def make(settings: TrainingSettings, name: str, value: str) -> Any:
    """The Trainer that a flag asks for."""
    settings.parse_arguments(settings.parser, ["--trainer.accelerator", "cpu", f"--trainer.{name}", value])
    built = settings.parser.instantiate(settings.config)
    return _make_trainer({**built.trainer.as_dict(), "logger": built.trainer.logger or False}, [], None)


def test_the_table_has_every_flag() -> None:
    names = set(inspect.signature(Trainer.__init__).parameters) | set(inspect.signature(Trainer.__mro__[1]).parameters)
    assert names - {"self", "args", "kwargs"} == set(FLAGS)
    texts = {"default_root_dir", "model_registry"}  # which may be anything
    assert {name for name, (refused, _) in FLAGS.items() if len(refused) < 3} == texts


@pytest.mark.parametrize("name", list(FLAGS))
def test_values_that_cannot_be_are_refused_in_a_line_that_names_them(settings: TrainingSettings, name: str) -> None:
    for value in FLAGS[name][0]:
        with pytest.raises(UserError) as raised:
            make(settings, name, value)
        message = explain_trainer(str(raised.value))
        assert message.startswith(f"--trainer.{name}"), message
        assert "\n" not in message
        assert not {"Subtypes", "class '", "typing."} & set(message.split()), message


@pytest.mark.parametrize("name", list(FLAGS))
def test_values_that_can_be_are_taken(settings: TrainingSettings, name: str) -> None:
    assert isinstance(make(settings, name, FLAGS[name][1]), Trainer)


def test_what_only_accelerators_have_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    for devices in (-1, 100_000, [0, 1], "0,1", "auto"):
        check_trainer({"devices": devices}, on_processor=False)
    for devices in ([], [0, 0], [-1], 0, -2):
        with pytest.raises(UserError, match=r"--trainer\.devices"):
            check_trainer({"devices": devices}, on_processor=False)
    monkeypatch.setenv("MASTER_ADDR", "somewhere")
    check_trainer({"num_nodes": 2}, on_processor=True)


def test_more_batches_between_validations_than_an_epoch_has_are_explained(cli: Cli) -> None:
    status, _, err = cli("fit", *TINY_RUN, "--trainer.val_check_interval", "100")
    assert status == 1
    assert "--trainer.val_check_interval 100: an epoch has 6 batches, so at most that" in err


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FLAGS if name != "devices"])  # which tests of processes have
def test_a_run_with_each_is_trained_and_gone_on_with(cli: Cli, name: str) -> None:
    data = [
        "--data.dataset",
        "synthetic",
        "--data.train_size",
        "200",
        "--data.val_size",
        "50",
        "--data.batch_size",
        "50",
    ]
    network = ["--model.network.channels", "[4,8,8]", "--pictures.enabled", "false"]
    limit = "max_steps" if name == "max_epochs" else "max_epochs"
    flags = ["--trainer.accelerator", "cpu", *data, *network, f"--trainer.{name}={FLAGS[name][1]}"]
    steps = []
    for start, end in (([], "2"), (["--ckpt_path", "last"], "4")):
        status, out, err = cli("fit", *flags, *start, f"--trainer.{limit}", end)
        assert status == 0, err
        root = Path("here" if name == "default_root_dir" else ".")
        steps.append(Checkpoint.read(root / "lightning_logs/version_0/checkpoints/last.ckpt").global_step)
    assert "Resumed" in out
    assert steps[1] > steps[0] > 0
