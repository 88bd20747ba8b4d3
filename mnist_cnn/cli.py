"""The command line.

    mnist-cnn fit --config configs/base.yaml
    mnist-cnn test --ckpt_path best
    mnist-cnn fit --config configs/base.yaml --ckpt_path last
    mnist-cnn predict photo.jpg

This module answers --help, --version and mistyped commands by itself, without importing torch or Lightning, which takes
seconds. The commands' own modules are imported when they run.
"""

import difflib
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from mnist_cnn import __version__
from mnist_cnn.errors import RunInterrupted, UsageError, UserError

PROGRAM = "mnist-cnn"

TRAINING_COMMANDS = {
    "fit": "train a network, or go on with --ckpt_path",
    "validate": "evaluate a checkpoint on the validation images",
    "test": "evaluate a checkpoint on the test images and write test.json",
}
COMMANDS = {
    **TRAINING_COMMANDS,
    "predict": "say which digit, or what else, is on pictures",
    "figures": "draw a trained network and its results: curves, kernels, feature maps, mistakes",
    "export": "write a trained network as a self-contained ONNX file",
    "networks": "list the networks with their parameters and multiply-adds",
    "datasets": "list the data sets with their sizes, and whether their files are there",
}
# Module and function of the commands that are not LightningCLI's.
OWN_COMMANDS = {
    "predict": ("mnist_cnn.predict", "predict"),
    "figures": ("mnist_cnn.report", "draw_figures"),
    "export": ("mnist_cnn.export", "export"),
    "networks": ("mnist_cnn.listings", "list_networks"),
    "datasets": ("mnist_cnn.listings", "list_datasets"),
}

# Familiar names for the most used settings. They are spelled out before the parser sees them, so that each behaves
# exactly as the full flag does.
SHORT_FLAGS = {
    "--epochs": "--trainer.max_epochs",
    "--batch-size": "--data.batch_size",
    "--lr": "--model.lr",
    "--l2": "--model.weight_decay",
    "--dropout": "--model.network.dropout",
    "--num-classes": "--model.network.num_classes",
    "--network": "--model.network",
    "--device": "--trainer.accelerator",
}
DEVICES = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "mps": "mps", "auto": "auto"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        0 on success, 1 if the run failed, 2 for a mistake in the arguments, 128 + N if signal N ended the run.
    """
    if argv is None:
        with suppress(FileNotFoundError):  # a working folder that was deleted
            # So that --network my_networks.MyCNN finds a file there, as with `python -m`. Not "": while a config is
            # read, that is the config's folder.
            sys.path.append(str(Path.cwd()))
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(top_level_help())
        return 0
    if arguments[0] in ("--version", "-V"):
        print(f"{PROGRAM} {__version__}")
        return 0
    command = arguments[0]
    if command.startswith("-"):
        return _fail(f"{command} stands before the command: put one of {', '.join(COMMANDS)} first", "", status=2)
    if command not in COMMANDS:
        return _fail(f"there is no command {command!r}{_did_you_mean(command, COMMANDS)}", "", status=2)
    try:
        return _run(command, arguments[1:])
    except UserError as error:
        return _fail(str(error), command, status=2 if isinstance(error, UsageError) else 1)
    except RunInterrupted as interruption:
        name = signal.Signals(interruption.signal_number).name
        print(f"\n{PROGRAM}: stopped by {name}; the run is saved. Go on with:", file=sys.stderr)
        print(f"  {resume_command(interruption.checkpoint)}", file=sys.stderr)
        return 128 + interruption.signal_number
    except PermissionError as error:
        return _fail(f"{error.filename} cannot be used: {error.strerror}", command, status=1)
    except KeyboardInterrupt:
        print(f"\n{PROGRAM}: stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output has gone, as in `mnist-cnn fit --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def top_level_help() -> str:
    """What `mnist-cnn --help` prints."""
    lines = [f"usage: {PROGRAM} COMMAND [--config FILE] [--flag VALUE ...]", "", "commands:"]
    lines += [f"  {name:12} {text}" for name, text in COMMANDS.items()]
    lines += ["", f"'{PROGRAM} COMMAND --help' lists every flag of a command. The short ones:", ""]
    lines += [short_flags_help(), "", "Begin with:", f"  {PROGRAM} fit --config configs/base.yaml"]
    return "\n".join(lines)


def short_flags_help() -> str:
    """The table of short flags, for people."""
    rows = [f"  {short:14} {full}" for short, full in SHORT_FLAGS.items()]
    rows[-1] += f" ({', '.join(DEVICES)})"
    return "\n".join(rows)


def spell_out(arguments: Sequence[str]) -> list[str]:
    """Replace short flags by full ones, as `--flag value` and as `--flag=value`.

    Raises:
        UsageError: for an unknown device.
    """
    spelled: list[str] = []
    device_comes = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name == "--device" and equals:
            value = _device(value)
        elif device_comes:
            name, equals, value = _device(argument), "", ""
        device_comes = argument == "--device"
        spelled.append(SHORT_FLAGS.get(name, name) + equals + value)
    return spelled


def resume_command(checkpoint: object) -> str:
    """The command that goes on from a run's checkpoint, with the run's own config."""
    from mnist_cnn.runs import run_dir_of

    path = Path(str(checkpoint))
    return f"{PROGRAM} fit --config {quoted(run_dir_of(path) / 'config.yaml')} --ckpt_path {quoted(path)}"


def quoted(path: object) -> str:
    """The path as seen from the working directory, ready to be pasted into a shell."""
    return shlex.quote(str(short_path(path)))


def short_path(path: object) -> Path:
    """The path as seen from the working directory, if it lies below it."""
    absolute = Path(str(path)).resolve()
    here = Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


def _run(command: str, arguments: list[str]) -> int:
    if command in OWN_COMMANDS:
        module, function = OWN_COMMANDS[command]
        return getattr(import_module(module), function)(arguments)
    from mnist_cnn.lightning_cli import run_training_command

    return run_training_command(command, spell_out(arguments))


def _device(name: str) -> str:
    if name not in DEVICES:
        raise UsageError(f"--device {name}: choose one of {', '.join(DEVICES)}")
    return DEVICES[name]


def _did_you_mean(word: str, known: Sequence[str] | dict[str, str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; choose one of {', '.join(known)}"


def _fail(message: str, command: str, status: int) -> int:
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    if status == 2:
        print(f"See: {' '.join([PROGRAM, command, '--help']).replace('  ', ' ')}", file=sys.stderr)
    return status
