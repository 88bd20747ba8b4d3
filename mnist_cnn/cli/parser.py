"""The parser of the commands that are not LightningCLI's."""

import argparse
import difflib
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from mnist_cnn.cli.commands import COMMANDS
from mnist_cnn.console import PROGRAM
from mnist_cnn.errors import UsageError
from mnist_cnn.files import expanded

DESCRIBE: list[str] = []  # what a command is called with to get its parser


class _DescribedError(Exception):
    """Carries a command's parser."""


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of a command, which is made by nothing but a call of it."""
    function = getattr(import_module(f"mnist_cnn.cli.{COMMANDS[command].module}"), COMMANDS[command].function)
    try:
        function(DESCRIBE)
    except _DescribedError as described:
        parser: argparse.ArgumentParser = described.args[0]
        return parser
    raise AssertionError(f"{command} does not parse its arguments first")


class CommandParser(argparse.ArgumentParser):
    """argparse that raises `UsageError` instead of ending the process.

    Args:
        command: Name of the command.
    """

    def __init__(self, command: str) -> None:
        super().__init__(f"{PROGRAM} {command}", description=COMMANDS[command].summary, allow_abbrev=False)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does; for `DESCRIBE` the parser itself is handed out."""
        if args is DESCRIBE:
            raise _DescribedError(self)
        options = super().parse_args(args, namespace)
        for name, value in vars(options).items():
            if isinstance(value, Path):
                setattr(options, name, expanded(value))
        return options

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with argparse's message, and with the flag that a mistyped one may stand for."""
        unknown = re.match(r"unrecognized arguments: (--[\w.-]+)", message)
        known = [option for action in self._actions for option in action.option_strings]
        near = difflib.get_close_matches(unknown[1].replace("-", "_"), known, n=1, cutoff=0.6) if unknown else []
        raise UsageError(f"{message}; did you mean {near[0]}?" if near else message)

    def add_checkpoint(self, takes: str = "a checkpoint, an exported .onnx file") -> None:
        """Add the flags that name the network to use.

        Args:
            takes: The kinds of files that the command can use.
        """
        self.add_argument(
            "--ckpt_path",
            metavar="FILE",
            help=f"{takes}, a run's folder or name, 'best' or 'last' of the newest run, or 'reference', the network "
            f"that comes with the package; by default the newest run's best, and 'reference' where there is none",
        )
        self.add_argument(
            "--network", metavar="CLASS", help="import path of the network's class, if it is yours: my_networks.MyCNN"
        )

    def add_data_dir(self) -> None:
        """Add the flag that names the folder of the data sets."""
        self.add_argument("--data.data_dir", dest="data_dir", metavar="DIR", help="folder that holds the data sets")

    def folder(self, flag: str, path: Path | None) -> None:
        """See that a folder can be written before the work is done whose results go there.

        Raises:
            UsageError: if there is a file in its place or above it.
            OSError: if the system does not allow it.
        """
        if path and path.exists() and not path.is_dir():
            self.error(f"{flag} {path}: that is a file; a folder is needed")
        self._check_above(flag, path)

    def file(self, flag: str, path: Path | None, formats: Sequence[str]) -> None:
        """See that a file can be written before the work is done whose results go there.

        Raises:
            UsageError: if its name does not end in one of `formats`, or if there is a folder in its place, or a file
                above it.
            OSError: if the system does not allow it.
        """
        if path and path.suffix.lower() not in formats:
            self.error(f"{flag} {path}: the name must end in {' or '.join(formats)}")
        if path and path.is_dir():
            self.error(f"{flag} {path}: that is a folder; a file is needed")
        self._check_above(flag, path)

    def _check_above(self, flag: str, path: Path | None) -> None:
        if path is None:
            return
        above = next((folder for folder in path.absolute().parents if folder.exists()), Path("/"))
        if not above.is_dir():
            self.error(f"{flag} {path}: {above} is a file, where a folder is needed")
