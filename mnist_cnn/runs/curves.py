"""A run's metrics.csv: reading it, whatever has happened to it.

A row is written at once, but a power cut or a full disk may leave a part of the last one; and people edit files. What
cannot be read ends nothing: the rows before it count, and whoever reads is told.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

CURVES = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
UNREADABLE = "\N{REPLACEMENT CHARACTER}"

Curves = dict[str, tuple[list[float], list[float]]]


@dataclass(frozen=True)
class Rows:
    """What a run's metrics.csv holds.

    Attributes:
        columns: Names of the columns; none in a file that is absent or no such table.
        rows: As texts, as they stand there; empty where a metric has no value.
        problem: What is wrong with the file, with its name; empty if nothing is.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[dict[str, str], ...] = ()
    problem: str = ""

    @classmethod
    def read(cls, path: Path) -> "Rows":
        """Read the rows up to the first one that is damaged; half a row at the end is left out without a word."""
        if not path.is_file():
            return cls()
        try:
            content = path.read_bytes()
        except OSError as error:
            return cls(problem=f"{path} cannot be read: {error.strerror}")
        text = content.decode("utf-8", errors="replace").replace("\0", UNREADABLE)
        lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
        columns: tuple[str, ...] = ()
        rows: list[dict[str, str]] = []
        try:
            columns = tuple(next(lines, ()))
            if "epoch" not in columns or len(set(columns)) < len(columns) or UNREADABLE in "".join(columns):
                return cls(problem=f"{path} is damaged: it does not begin with the names of a run's metrics")
            for line in lines:
                if len(line) != len(columns) or not all(map(_is_number, line)):
                    raise csv.Error
                rows.append(dict(zip(columns, line, strict=True)))
        except csv.Error:
            return cls(columns, tuple(rows), f"{path} is damaged from line {lines.line_num} on")
        return cls(columns, tuple(rows))

    def curves(self) -> Curves:
        """Epochs, counted from 1, and values of loss and accuracy."""
        found: Curves = {}
        for name in CURVES:
            points = [
                (float(row["epoch"]) + 1, float(row[name])) for row in self.rows if row.get(name) and row["epoch"]
            ]
            if points:
                found[name] = ([epoch for epoch, _ in points], [value for _, value in points])
        return found


def _is_number(value: str) -> bool:
    try:
        return value == "" or float(value) is not None
    except ValueError:
        return False
