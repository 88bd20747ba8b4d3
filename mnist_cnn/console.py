"""The program's words on a console: its name, paths ready for a shell, tables and remarks."""

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "mnist-cnn"


def short_path(path: object) -> Path:
    """The path as seen from the working directory, if it lies below it."""
    absolute = Path(str(path)).resolve()
    here = Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


def quoted(path: object) -> str:
    """The path as seen from the working directory, ready to be pasted into a shell."""
    return shlex.quote(str(short_path(path)))


def remark(text: str) -> None:
    """Print a line of the program itself to the standard error."""
    print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[str]], right_aligned: Sequence[int] = ()) -> str:
    """Lay rows out in columns, the last of which is wrapped at the terminal's width.

    Args:
        rows: Cells of each row, the headings first.
        right_aligned: Numbers of the columns that hold figures.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - indent, 20)
    lines = []
    for *cells, last in rows:
        aligned = [
            cell.rjust(width) if position in right_aligned else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ]
        first, *more = textwrap.wrap(last, room, break_on_hyphens=False) or [""]
        lines += ["  ".join([*aligned, first]).rstrip(), *(" " * indent + line for line in more)]
    return "\n".join(lines)
