"""The parser of the commands that are not LightningCLI's."""

import argparse
from typing import NoReturn

from mnist_cnn.cli import COMMANDS, PROGRAM
from mnist_cnn.errors import UsageError


class CommandParser(argparse.ArgumentParser):
    """argparse that raises `UsageError` instead of ending the process.

    Args:
        command: Name of the command.
    """

    def __init__(self, command: str) -> None:
        super().__init__(f"{PROGRAM} {command}", description=COMMANDS[command], allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with argparse's message."""
        raise UsageError(message)

    def add_checkpoint(self, takes: str = "a checkpoint, an exported .onnx file") -> None:
        """Add the flag that names the network to use.

        Args:
            takes: The kinds of files that the command can use.
        """
        self.add_argument(
            "--ckpt_path",
            metavar="FILE",
            help=f"{takes}, 'best' or 'last'; by default the newest run's best, or the network that comes with the "
            f"project where there are no runs",
        )
