"""Rows of a table of pixels: from the bytes of many lines to numbers, all at once where they are plain ones.

Numbers of one to three digits are read for a whole block together, as arrays of digits. What is written in any other
way (fractions, quotes, spaces) is read row by row.
"""

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.own.lines import Lines, as_text
from mnist_cnn.errors import shortened
from mnist_cnn.pixels import WHITE

NEWLINE, ZERO = ord("\n"), ord("0")
LONGEST_LABEL = 200  # characters
MISSING = ("", "nan")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table of pixels are.

    Attributes:
        separator: What stands between them.
        count: How many there are.
        pixels: Numbers of those of pixels (P,), in their order.
        label: Number of that of labels; None if there is none.
        split: Number of that which says training, validation or test; None if there is none.
        names: What to call them in messages, by number.
        first: Number of the first row that is one of an image, from 1.
    """

    separator: str
    count: int
    pixels: NDArray[np.int64]
    label: int | None
    split: int | None
    names: tuple[str, ...]
    first: int


@dataclass(frozen=True)
class Rows:
    """Some rows of images.

    Attributes:
        numbers: Where they stand in the file, from 1 (n,).
        pixels: Values from 0 to 255 (n, P): bytes, or floats if one of them is no whole number; 0 in damaged rows.
        labels: Their labels (n,) as text; None where the table has none.
        splits: The same of what they say of their split.
        damaged: Why they cannot be used, by their place among these.
    """

    numbers: NDArray[np.int64]
    pixels: NDArray[Any]
    labels: list[str] | None
    splits: list[str] | None
    damaged: dict[int, str]


def rows_of(lines: Lines, columns: Columns) -> Rows:
    """Read lines; empty ones, and those before the first row of an image, are left out."""
    block = _Block(lines, columns)
    chosen = np.flatnonzero(block.is_filled & (block.numbers >= columns.first))
    pixels, is_read = block.whole_numbers()
    cells: dict[int, list[str]] = {}
    damaged: dict[int, str] = {}
    for index in chosen[~is_read[chosen]].tolist():
        try:
            cells[index] = _cells(block.line(index), columns)
            row = _numbers(cells[index], columns)
            if pixels.dtype == np.uint8 and (row != np.rint(row)).any():
                pixels = pixels.astype(np.float32)
            pixels[index] = row
        except ValueError as error:
            damaged[index], pixels[index] = str(error), 0

    def texts(column: int | None) -> list[str] | None:
        if column is None:
            return None
        found = (
            "" if index in damaged else cells[index][column] if index in cells else block.field(index, column)
            for index in chosen.tolist()
        )
        return [text.strip() for text in found]

    labels = texts(columns.label)
    reasons = {place: damaged[index] for place, index in enumerate(chosen.tolist()) if index in damaged}
    for place, label in enumerate(labels or ()):
        if len(label) > LONGEST_LABEL or label.lower() in MISSING:
            reasons.setdefault(place, "it has no label" if len(label) <= LONGEST_LABEL else "its label is too long")
    return Rows(block.numbers[chosen], pixels[chosen], labels, texts(columns.split), reasons)


class _Block:
    """Lines with the places of all their fields.

    Attributes:
        numbers: Those of the lines in the file, from 1 (n,).
        is_filled: Which of them hold something (n,).
    """

    def __init__(self, lines: Lines, columns: Columns) -> None:
        self.columns = columns
        self._text = b"\n\n\n" + lines.text  # so that three bytes stand before the first number's end
        self._data = np.frombuffer(self._text, np.uint8)
        is_newline = self._data == NEWLINE
        self._ends = np.flatnonzero(is_newline | (self._data == ord(columns.separator)))[2:]  # field i ends at i + 1
        self._last = np.flatnonzero(is_newline[self._ends])  # line i ends with field last[i + 1] - 1
        self._counts = np.diff(self._last)
        self.numbers = lines.first + np.arange(len(self._counts))
        self.is_filled = np.diff(self._ends[self._last]) > 1

    def line(self, index: int) -> str:
        """A line as text."""
        return as_text(self._text[self._ends[self._last[index]] + 1 : self._ends[self._last[index + 1]]])

    def field(self, index: int, column: int) -> str:
        """A field of a line that has all columns, without quotes."""
        field = self._last[index] + column
        text = as_text(self._text[self._ends[field] + 1 : self._ends[field + 1]]).strip()
        return text[1:-1].replace('""', '"') if text[:1] == text[-1:] == '"' and len(text) > 1 else text

    def whole_numbers(self) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The pixels (n, P) of lines that hold whole numbers up to 255 and nothing else there, and which these are."""
        ends, lengths = self._ends[1:], np.diff(self._ends) - 1
        values, is_plain = np.zeros(len(ends), np.uint16), (lengths > 0) & (lengths <= 3)
        for place, power in enumerate((1, 10, 100)):
            digits = self._data[ends - place - 1] - np.uint8(ZERO)  # what is below "0" becomes large
            is_there = lengths > place
            is_plain &= (digits <= 9) | ~is_there
            values += digits * is_there * np.uint16(power)
        is_plain &= values <= WHITE
        pixels: NDArray[Any] = np.zeros((len(self._counts), len(self.columns.pixels)), np.uint8)
        is_read = self._counts == self.columns.count
        of_those = np.repeat(is_read, self._counts)
        pixels[is_read] = self._grid(values[of_those])
        is_read[is_read] = self._grid(is_plain[of_those]).all(axis=1)
        return pixels, is_read

    def _grid(self, fields: NDArray[Any]) -> NDArray[Any]:
        """Of all fields of some lines, those of pixels (n, P)."""
        return fields.reshape(-1, self.columns.count)[:, self.columns.pixels]


def _cells(line: str, columns: Columns) -> list[str]:
    """The cells of a row; ValueError says why there are none."""
    count = line.count(columns.separator) + 1
    if count > 2 * columns.count and '"' not in line:  # which nobody has to see in full
        raise ValueError(f"it has {count} cells, not {columns.count}")
    cells = split_line(line, columns.separator)
    if len(cells) != columns.count:
        raise ValueError(f"it has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, not {columns.count}")
    return cells


def split_line(line: str, separator: str) -> list[str]:
    """The cells of a line, without quotes.

    Raises:
        ValueError: for one that is no row.
    """
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error as error:
        raise ValueError(f"it cannot be read ({error})") from error


def as_number(cell: str, separator: str) -> float:
    """A cell as a number, with a comma for the point where the comma separates nothing; ValueError for text."""
    if "_" in cell:  # which Python takes in numbers
        raise ValueError(cell)
    return float(cell) if separator == "," else float(cell.replace(",", "."))


def is_number(cell: str, separator: str) -> bool:
    """Whether a cell is a number; see `as_number`."""
    try:
        as_number(cell, separator)
    except ValueError:
        return False
    return True


def _numbers(cells: list[str], columns: Columns) -> NDArray[np.float64]:
    """The pixels (P,) of a row; ValueError names the first that is none."""
    numbers = columns.pixels.tolist()
    texts = [cells[column] for column in numbers]
    is_plain = columns.separator == "," and "_" not in "".join(texts)
    try:
        # The first way is what makes large tables of fractions bearable.
        values = np.array([*map(float, texts)] if is_plain else [as_number(text, columns.separator) for text in texts])
    except ValueError:
        column = next(column for column in numbers if not is_number(cells[column], columns.separator))
        what = f"{shortened(cells[column])!r} is no number" if cells[column].strip() else "it has no value"
        raise ValueError(f"{what} in column {columns.names[column]}") from None
    is_pixel = (values >= 0) & (values <= WHITE)
    if not is_pixel.all():
        column = numbers[int(is_pixel.argmin())]
        raise ValueError(
            f"{shortened(cells[column].strip())} in column {columns.names[column]} is no pixel: 0 to {WHITE} is "
            f"needed, or 0 to 1"
        )
    return values
