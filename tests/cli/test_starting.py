import os
from pathlib import Path

import pytest

from mnist_cnn.cli import starting
from mnist_cnn.cli.arguments import read_request
from mnist_cnn.runs.lock import RunLock
from tests.support.commands import TINY_DATA, Cli, run_program

# What begins a training command in a process that has not loaded torch, which stops where torch would be loaded.
BEGIN = (
    "import sys; from mnist_cnn.cli import starting\n"
    "def stop(name): print(name, 'torch' in sys.modules); sys.exit(0)\n"
    "starting.import_module = stop\n"
    "from mnist_cnn.cli.main import main; main(sys.argv[1:])"
)


def test_something_is_on_the_screen_before_torch_is_loaded() -> None:
    done = run_program(BEGIN, "fit", "--config", "base", "--data.dataset=kmnist")
    assert done.stdout == "mnist_cnn.cli.training False\n"
    assert done.stderr == "mnist-cnn: fit of CNN on kmnist; loading PyTorch and Lightning ...\n"


@pytest.mark.parametrize("flag", ["--help", "--print_config", "--print_config=skip_unset", "--model.network.help"])
def test_what_is_printed_has_nothing_else_beside_it(flag: str) -> None:
    assert run_program(BEGIN, "fit", flag).stderr == ""


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("fit", "", "fit of CNN on mnist"),
        ("fit", "--network my.Own --data.dataset a", "fit of Own on a"),
        ("fit", "--ckpt_path last", "fit, going on from last"),
        ("test", "", "test of best"),
        ("validate", "--ckpt_path a.ckpt", "validate of a.ckpt"),
    ],
)
def test_the_first_line_says_what_is_going_to_be_done(command: str, arguments: str, expected: str) -> None:
    assert starting._intention(read_request(command, arguments.split())) == expected


def test_settings_in_the_environment_are_named_as_not_read(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_FIT__TRAINER__MAX_EPOCHS", "3")
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")
    _, _, err = cli("fit", *TINY_DATA, "--lr", "-1")
    assert err.startswith("mnist-cnn: PL_FIT__TRAINER__MAX_EPOCHS: not read, as settings come from flags")
    assert cli("fit", "--print_config")[2] == ""


def test_train_is_fit_and_what_may_be_one_of_two_is_asked_back(cli: Cli) -> None:
    assert "unknown flag --model.lrr" in cli("train", "--model.lrr", "1")[2]
    for command in ("eval", "evaluate"):
        status, _, err = cli(command)
        assert status == 2
        assert f"there is no command '{command}'; did you mean 'test' or 'validate'?" in err


def test_flags_of_other_commands_are_suggested_too(cli: Cli) -> None:
    assert "unrecognized arguments: --top-k 3; did you mean --top_k?" in cli("predict", "a.png", "--top-k", "3")[2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("fit --ckpt_path last", "there is no run in lightning_logs yet, so no last.ckpt"),
        ("test", "take the network that comes with the package: --ckpt_path reference"),
        ("fit --weights nowhere", "--weights nowhere: no such file"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_said_before_torch_is_loaded(arguments: str, expected: str) -> None:
    done = run_program(BEGIN, *arguments.split())
    assert expected in done.stderr
    assert (done.stdout, "loading" in done.stderr) == ("", False)


def test_a_run_that_another_process_trains_is_said_before_torch_is_loaded() -> None:
    run_dir = Path("lightning_logs/version_0")
    (run_dir / "checkpoints").mkdir(parents=True)
    (run_dir / "checkpoints" / "last.ckpt").touch()
    (run_dir / "config.yaml").touch()
    with RunLock(run_dir):
        done = run_program(BEGIN, "fit", "--ckpt_path", "last")
    assert f"lightning_logs/version_0 is being trained by process {os.getpid()}" in done.stderr
    assert done.stdout == ""
    assert run_program(BEGIN, "fit", "--ckpt_path", "last").stdout == "mnist_cnn.cli.training False\n"
