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
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path

from mnist_cnn import __version__
from mnist_cnn.cli.commands import ALSO_COMMANDS, AMBIGUOUS, COMMANDS, COMPLETION, SHELLS, short_flags_help
from mnist_cnn.console import PROGRAM, coloured, is_first_process, table, wrapped
from mnist_cnn.errors import DivergedError, LostProcessError, RunInterrupted, UsageError, UserError, of_system
from mnist_cnn.signals import answered_by, first_signal, leave, listening, name_of, owns_process


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        0 on success, 1 if the run failed, 2 for a mistake in the arguments, 128 + N if signal N ended the run.
    """
    if argv is None:
        with suppress(FileNotFoundError):  # a working folder that was deleted
            # So that --network my_networks.MyCNN finds a file there, as with `python -m`.
            sys.path.append(str(Path.cwd()))
        with suppress(AttributeError, ValueError):  # what a terminal's encoding lacks is spelled out
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    arguments = list(sys.argv[1:] if argv is None else argv)
    with listening(owns_process=argv is None):
        try:
            return _with_errors_of_the_system(lambda: _answer(arguments))
        except KeyboardInterrupt:
            number = first_signal() or signal.SIGINT
            print(f"\n{PROGRAM}: stopped by {name_of(number)}", file=sys.stderr)
            return 128 + number


def _answer(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(top_level_help())
        return 0
    if arguments[0] in ("--version", "-V"):
        print(f"{PROGRAM} {__version__}")
        return 0
    if arguments[0].partition("=")[0] == "--print_completion":
        shell = arguments[0].partition("=")[2] or "".join(arguments[1:2])
        return _run("", [shell])
    command = ALSO_COMMANDS.get(arguments[0], arguments[0])
    if command.startswith("-"):
        return _fail(f"{command} stands before the command: put one of {', '.join(COMMANDS)} first", "", status=2)
    if command not in COMMANDS:
        return _fail(f"there is no command {command!r}{_did_you_mean(command)}", "", status=2)
    return _run(command, arguments[1:])


def top_level_help() -> str:
    """What `mnist-cnn --help` prints."""
    lines = [f"usage: {PROGRAM} COMMAND [--config FILE] [--flag VALUE ...]", "", "commands:"]
    lines += [table([(f"  {name:10}", command.summary) for name, command in COMMANDS.items()])]
    lines += ["", f"'{PROGRAM} COMMAND --help' lists every flag of a command. The short ones:", ""]
    lines += [short_flags_help(), "", "Begin with:", f"  {PROGRAM} fit --config base"]
    lines += ["", "A script that completes all of this in a shell:"]
    lines += [f"  {PROGRAM} --print_completion {'|'.join(SHELLS)}"]
    return "\n".join(lines)


def _run(command: str, arguments: list[str]) -> int:
    """Run a command, and turn what ends it into a sentence and a status."""
    from mnist_cnn.collector import spared_collector
    from mnist_cnn.imports import defer_heavy_imports

    found = COMMANDS.get(command, COMPLETION)
    try:
        Path.cwd()
    except OSError:
        return _fail("the working folder was deleted: change to one that is there (cd)", command, status=1)
    defer_heavy_imports()
    try:
        # An exception from within an import could end up anywhere, and there is nothing to save yet.
        with spared_collector(), answered_by(leave) if owns_process() else nullcontext():
            function = getattr(import_module(f"mnist_cnn.cli.{found.module}"), found.function)
        return function(arguments)
    except DivergedError as error:  # which all processes of a run find at once
        return _fail(str(error), command, status=1) if is_first_process() else 1
    except LostProcessError as error:
        status = _fail(str(error), command, status=1)
        if owns_process():  # its connections to the other processes would be waited for
            sys.stdout.flush()
            os._exit(status)
        return status
    except UserError as error:
        return _fail(str(error), command, status=2 if isinstance(error, UsageError) else 1)
    except RunInterrupted as interruption:
        from mnist_cnn.runs.settings import resume_command

        if is_first_process():
            name = name_of(interruption.signal_number)
            print(f"\n{PROGRAM}: stopped by {name}; the run is saved. Go on with:", file=sys.stderr)
            print(f"  {resume_command(interruption.checkpoint)}", file=sys.stderr)
        return 128 + interruption.signal_number


def _with_errors_of_the_system(run: Callable[[], int]) -> int:
    """Turn what the system refuses into a sentence, this program's own output included."""
    try:
        status = run()
    except BrokenPipeError:
        _drop_output()
        return 1
    except (OSError, ValueError, RuntimeError) as error:
        if (sentence := of_system(error)) is None:
            raise
        status = _fail(sentence, "", status=1)
    try:
        sys.stdout.flush()  # so that a full disk is noticed while something can be said of it
    except BrokenPipeError:  # the reader of our output has gone, as in `mnist-cnn fit --help | head`
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        return _fail(f"the output cannot be written: {of_system(error)}", "", status=1)
    return status


def _drop_output() -> None:
    """Have nothing written any more to an output that cannot be written; the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _did_you_mean(word: str) -> str:
    if word in AMBIGUOUS:
        return f"; did you mean {' or '.join(map(repr, AMBIGUOUS[word]))}?"
    near = difflib.get_close_matches(word, list(COMMANDS), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; choose one of {', '.join(COMMANDS)}"


def _fail(message: str, command: str, status: int) -> int:
    print(wrapped(f"{PROGRAM}: {coloured('error:', 'red', sys.stderr)} {message}", sys.stderr), file=sys.stderr)
    if status == 2:
        print(f"See: {' '.join([PROGRAM, command, '--help']).replace('  ', ' ')}", file=sys.stderr)
    return status
