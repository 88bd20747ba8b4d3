"""A terminal of 80 columns for tests: what is written to it, and how it looks then."""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import pytest


class Terminal(io.StringIO):
    """Output that says it goes to a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1  # asked for by who wants to know the size

    def lines(self) -> list[str]:
        """What stands there in the end, without colours."""
        shown = []
        for written in re.sub(r"\033\[\d+m", "", self.getvalue()).split("\n"):
            line = ""
            for part in written.split("\r"):
                line = part + line[len(part) :]
            shown.append(line.rstrip())
        return shown

    def bars(self) -> list[str]:
        """What the progress bar looked like each time that it was drawn."""
        return [part for part in re.split(r"[\r\n]", self.getvalue()) if "%|" in part]


@contextmanager
def terminal(**environment: str) -> Iterator[Terminal]:
    """Put a terminal in the place of the standard output."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm", "COLUMNS": "80", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((80, 24)))
        with redirect_stdout(Terminal()) as screen:
            yield screen
