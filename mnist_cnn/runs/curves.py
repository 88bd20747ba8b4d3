"""A run's metrics.csv: reading it, whatever has happened to it.

A row is written at once, but a power cut or a full disk may leave a part of the last one; and people edit files. What
cannot be read ends nothing: the rows before it count, and whoever reads is told.
"""

import csv
import io
import math
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
        """Epochs and values of loss and accuracy: the end of the first epoch is at 1, half of the second at 1.5."""
        places = self._places()
        found: Curves = {}
        for name in CURVES:
            points = [
                (place, float(row[name]))
                for place, row in zip(places, self.rows, strict=True)
                if row.get(name) and place is not None
            ]
            if points:
                found[name] = ([place for place, _ in points], [value for _, value in points])
        return found

    def _places(self) -> list[float | None]:
        """Where each row lies, in epochs: what was validated within one lies before its end. None without an epoch."""
        ends: dict[float, float] = {}
        finished: set[float] = set()
        for row in self.rows:
            epoch, step = _count(row, "epoch"), _count(row, "step")
            if epoch is not None and step is not None:
                ends[epoch] = max(step, ends.get(epoch, 0.0))
                if row.get("train/loss"):
                    finished.add(epoch)
        epochs = sorted(ends)
        begins = dict(zip(epochs[1:], (ends[epoch] for epoch in epochs), strict=False))
        if epochs:  # a run that goes on from another one's checkpoint does not begin at 0
            begins[epochs[0]] = ends[epochs[0]] * epochs[0] / (epochs[0] + 1)
        if finished and epochs[-1] not in finished and len(epochs) > 1:  # it is as long as the one before
            before, last = epochs[-2:]
            ends[last] = max(ends[last], begins[last] + ends[before] - begins[before])
        return [_place(row, begins, ends) for row in self.rows]


def _place(row: dict[str, str], begins: dict[float, float], ends: dict[float, float]) -> float | None:
    """Where a row lies, in epochs, by the steps at which each begins and ends."""
    epoch, step = _count(row, "epoch"), _count(row, "step")
    if epoch is None:
        return None
    if step is None or ends[epoch] <= begins[epoch]:
        return epoch + 1
    return epoch + (step - begins[epoch]) / (ends[epoch] - begins[epoch])


def _count(row: dict[str, str], name: str) -> float | None:
    """A row's number of epochs or steps; None where there is none, or one that cannot be."""
    value = float(row.get(name) or "nan")
    return value if 0 <= value < math.inf else None


def _is_number(value: str) -> bool:
    try:
        return value == "" or float(value) is not None
    except ValueError:
        return False
