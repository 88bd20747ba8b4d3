"""The program's words on a console: its name, paths ready for a shell, tables, colours and remarks."""

import os
import re
import shlex
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

PROGRAM = "mnist-cnn"
PASTED = re.compile(rf"(?<!\w)'[^'\n]*'(?!\w)|{PROGRAM} [a-z]+(?: --?[\w.-]+(?: [^\s;:,()-][^\s;:,()]*)?)*")
UNBROKEN = 100_000  # columns
ELLIPSIS = "..."  # where a part of a name is left out
COLOURS = {"red": 31, "green": 32, "yellow": 33}  # codes of ECMA-48


def short_path(path: object) -> Path:
    """The path as seen from the working directory, if it lies below it."""
    try:
        absolute, here = Path(str(path)).resolve(), Path.cwd()
    except OSError:  # the working folder was deleted
        return Path(str(path))
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


def quoted(path: object) -> str:
    """The path as seen from the working directory, ready to be pasted into a shell."""
    return shlex.quote(str(short_path(path)))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print whole lines at once; above a progress bar where one is drawn.

    Args:
        text: The lines.
        stream: Where to; by default the standard output.
    """
    stream = stream or sys.stdout
    bars: Any = sys.modules.get("tqdm")  # who has not loaded it draws no bar
    if bars:
        bars.tqdm.write(text, file=stream)
    else:
        print(text, file=stream)
    stream.flush()


def printable(text: object) -> str:
    """A text that a terminal shows as it is, on one line.

    Names of files may hold line breaks, control characters, which terminals obey, and bytes that are no UTF-8: all of
    them are spelled out, as in `\\n`, `\\x1b` and `\\xff`.
    """
    shown = str(text)
    return shown if shown.isprintable() else "".join(map(_spelled_out, shown))


def _spelled_out(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":  # spaces of any width
        return character
    if "\udc80" <= character <= "\udcff":  # how Python keeps a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def remark(text: str) -> None:
    """Print a line of the program itself to the standard error."""
    say(wrapped(f"{PROGRAM}: {text}", sys.stderr), sys.stderr)


def warn(text: str) -> None:
    """Print a warning to the standard error."""
    remark(f"{coloured('warning:', 'yellow', sys.stderr)} {text}")


def is_first_process() -> bool:
    """Whether this process speaks for all that train together; launchers number them in variables."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "RANK", "NODE_RANK", "SLURM_PROCID"))


def can_redraw(stream: Any) -> bool:
    """Whether what stands on a stream's last line can be drawn over: on a terminal and in a notebook."""
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return is_terminal or type(stream).__module__.startswith("ipykernel.")


def coloured(text: str, colour: Literal["red", "green", "yellow"], stream: Any = None) -> str:
    """The text in a colour, if a stream shows any.

    The environment's NO_COLOR and FORCE_COLOR decide where they are set, as they do for many programs.

    Args:
        text: The text.
        colour: Its colour.
        stream: Where it goes to; by default the standard output.
    """
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if _shows_colour(stream or sys.stdout) else text


def _shows_colour(stream: Any) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if force := os.environ.get("FORCE_COLOR"):
        return force != "0"
    if sys.platform == "win32" and "WT_SESSION" not in os.environ:  # its older consoles show the codes
        return False
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def duration(seconds: float) -> str:
    """A time span in words: "4.1 s", "3 min 2 s" or "1 h 5 min"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def clock(seconds: float) -> str:
    """A time span as a clock shows it: "0:09", "3:02" or "1:05:00"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def wrapped(text: str, stream: TextIO | None = None) -> str:
    """The text, with its lines broken at spaces where a terminal is narrower; elsewhere as it is.

    What is to be pasted into a shell stays in one line: lines that are indented, this program's commands with their
    flags, and whatever stands between single quotes. Paths have no spaces, or stand between quotes.

    Args:
        text: The text.
        stream: Where it goes to; by default the standard output.
    """
    stream = stream or sys.stdout
    if not stream.isatty():
        return text
    width = max(shutil.get_terminal_size((80, 24)).columns, 20)
    return "\n".join(line if line[:1] == " " else _broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    codes = sum(map(len, re.findall(r"\033\[\d+m", line)))  # of colours: they take no room
    if len(line) - codes <= width:
        return line
    whole = PASTED.sub(lambda match: match[0].replace(" ", "\0") if len(match[0]) < width else match[0], line)
    lines = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(lines).replace("\0", " ")


def _width() -> int:
    """Columns of the terminal, or of what the variable COLUMNS says; where there is neither, lines are not broken."""
    return shutil.get_terminal_size((UNBROKEN, 24)).columns


def labelled(label: str, text: str) -> str:
    """A label and a text behind it, wrapped at the terminal's width; lines that follow stand below the text."""
    return textwrap.fill(
        re.sub(r"(?<=\d) (?=(s|min|h|%)\b)", "\0", text),  # a number stays with its unit
        max(_width(), 40),
        initial_indent=f"{label:9}",
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")


def indented(text: str) -> str:
    """A text wrapped at the terminal's width, two places further in than what it belongs to."""
    width = max(_width(), 40)
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def table(rows: Sequence[Sequence[str]], right_aligned: Sequence[int] = ()) -> str:
    """Lay rows out in columns, the last of which is wrapped at the terminal's width.

    Args:
        rows: Cells of each row, the headings first.
        right_aligned: Numbers of the columns that hold figures.
    """
    widths = [max(columns_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(_width() - indent, 20)
    lines = []
    for *cells, last in rows:
        aligned = [
            _aligned(cell, width, is_right=position in right_aligned)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ]
        first, *more = textwrap.wrap(last, room, break_on_hyphens=False) or [""]
        lines += ["  ".join([*aligned, first]).rstrip(), *(" " * indent + line for line in more)]
    return "\n".join(lines)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: letters of some alphabets take two, marks on letters none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def shortened(name: str, most: int) -> str:
    """A name of at most so many columns, letters of some alphabets taking two; what is left out is in its middle."""
    if columns_of(name) <= most:
        return name
    room = max(most - len(ELLIPSIS), 2)
    head, tail = _first(name, room - room // 2), _first(name[::-1], room // 2)[::-1]
    return f"{head.rstrip()}{ELLIPSIS}{tail.lstrip()}"


def _first(name: str, most: int) -> str:
    """The first characters of a name that take at most so many columns."""
    end = next((i for i in range(len(name)) if columns_of(name[: i + 1]) > most), len(name))
    return name[:end]


def _aligned(cell: str, width: int, is_right: bool) -> str:
    spaces = " " * (width - columns_of(cell))
    return spaces + cell if is_right else cell + spaces
