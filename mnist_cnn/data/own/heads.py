"""The beginning of a table: what separates its columns, whether they have names, and some of its rows."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mnist_cnn.console import printable
from mnist_cnn.data.own.cells import is_number, split_line
from mnist_cnn.data.own.lines import as_text, blocks_of_lines
from mnist_cnn.data.own.pictures import has_picture_name
from mnist_cnn.errors import UserError

# In the order in which they are tried: a comma may be in numbers and texts, the others are in neither.
SEPARATORS = ("\t", ";", ",")
SEPARATOR_WORDS = "commas, tabs or semicolons"
MOST_COLUMNS = 3_300_000  # an image of 1024x1024 in colour, and some more
SAMPLE_LINES, SAMPLE_BYTES = 100, 1 << 20


@dataclass(frozen=True)
class Head:
    """The beginning of a table.

    Attributes:
        path: Its file.
        separator: What stands between the columns.
        names: Names of the columns, empty where they have none; None without a row of names.
        count: Number of the columns.
        rows: Some rows of `count` cells each, without that of names.
        first: Number of the first row after that of names, from 1.
    """

    path: Path
    separator: str
    names: tuple[str, ...] | None
    count: int
    rows: tuple[tuple[str, ...], ...]
    first: int

    def column(self, number: int) -> list[str]:
        """The cells of a column."""
        return [row[number].strip() for row in self.rows]

    def filled(self, number: int) -> list[str]:
        """Those of them that hold something."""
        return [cell for cell in self.column(number) if cell]

    def holds_numbers(self, number: int) -> bool:
        """Whether a column is one of numbers, but for a few damaged cells."""
        cells = self.filled(number)
        return sum(is_number(cell, self.separator) for cell in cells) * 2 > len(cells)

    def name_of(self, number: int) -> str:
        """What to call a column in messages."""
        return printable(self.names[number]) if self.names and self.names[number] else f"number {number}"


def head_of(path: Path) -> Head:
    """Look at the beginning of a table.

    Raises:
        UserError: if it is none, or holds no rows.
    """
    lines = _first_lines(path)
    if not lines:
        raise UserError(f"{printable(path)} is empty: it has no rows")
    separator = _separator_of([line for _, line in lines])
    if lines[0][1].count(separator) > MOST_COLUMNS:
        raise UserError(f"{printable(path)}, row {lines[0][0]} has more columns than an image can have pixels")
    rows = [(number, cells) for number, line in lines if (cells := _cells(line, separator))]
    if not rows:
        raise UserError(f"{printable(path)}, row {lines[0][0]}: it is no row of a table")
    names, others = rows[0][1], [cells for _, cells in rows[1:]]
    if not is_header(names, others, separator):
        width = _usual_width([names, *others])
        return Head(path, separator, None, width, _of_width([names, *others], width), rows[0][0])
    if not others:
        raise UserError(f"{printable(path)} holds a row of names of columns alone, and no image")
    width = _usual_width(others)
    whole = _of_width(others, width)
    if width == len(names) + 1:  # a separator at the end of each row, or else names of rows, as R writes them
        names = [*names, ""] if not any(cells[-1].strip() for cells in whole) else ["", *names]
    if len(names) != width:
        raise UserError(
            f"{printable(path)}, row {rows[0][0]} names {len(names)} columns, and the rows below have {width}"
        )
    named = tuple(name.strip().lstrip("#").strip() for name in names)
    return Head(path, separator, named, width, whole, rows[0][0] + 1)


def is_header(names: list[str], rows: list[list[str]], separator: str) -> bool:
    """Whether a first row names the columns of the others."""
    filled = [name for name in names if name.strip()]
    if any(has_picture_name(name.strip()) for name in filled):
        return False
    if sum(not is_number(name, separator) for name in filled) * 2 > len(filled):
        return True
    return _are_counted(filled) or (bool(rows) and _are_told_apart(filled, rows[0]))


def _usual_width(rows: list[list[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0]


def _of_width(rows: list[list[str]], width: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cells) for cells in rows if len(cells) == width)


def _are_counted(names: list[str]) -> bool:
    """Whether names are those that pandas gives by itself: 0, 1, 2, ..., with some others at the ends."""
    numbers = [int(name) for name in names if name.strip().isdecimal()]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) > 2 and steps == {1} and numbers[0] in (0, 1) and len(names) - len(numbers) <= 3


def _are_told_apart(names: list[str], row: list[str]) -> bool:
    """Whether pandas took a row of whole numbers for names, and told equal ones apart: 0, 0.1, 0.2."""
    is_whole = all(cell.strip().isdecimal() for cell in row if cell.strip())
    return is_whole and len(set(names)) == len(names) and any(name.endswith(".1") for name in names)


def _first_lines(path: Path) -> list[tuple[int, str]]:
    """The first lines with something in them, by number: enough of them, or three if they are long."""
    found: list[tuple[int, str]] = []
    size = 0
    for lines in blocks_of_lines(path, SAMPLE_BYTES):
        for number, line in enumerate(lines.text.split(b"\n"), lines.first):
            if line.strip():
                found.append((number, as_text(line)))
                size += len(line)
            if len(found) >= SAMPLE_LINES or (size > SAMPLE_BYTES and len(found) > 2):
                return found
    return found


def _separator_of(lines: list[str]) -> str:
    """The first separator that all lines have, or else the one that most of the first line's columns have."""
    for separator in SEPARATORS:
        if all(separator in line for line in lines):
            return separator
    return max(SEPARATORS[::-1], key=lines[0].count)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return split_line(line, separator)
    except ValueError:
        return []
