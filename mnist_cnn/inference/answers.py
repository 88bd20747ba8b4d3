"""Writing what a classifier answered, and what it saw, to files: as the answers come, so that none are kept."""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO, get_args

from PIL import Image

from mnist_cnn.console import printable, table
from mnist_cnn.files import written_whole
from mnist_cnn.inference.base import Prediction
from mnist_cnn.inference.given import Item

Format = Literal["table", "csv", "json", "kaggle"]
FORMATS: tuple[Format, ...] = get_args(Format)
# The endings of files of each format, the usual one for a file whose format is not said first.
ENDINGS: dict[str, Format] = {".csv": "csv", ".json": "json"}
LARGEST_TABLE = 100  # answers that are printed; of more than these, so many are:
FIRST_ROWS = 20

Write = Callable[[Item, Prediction], None]


class AnswerFile:
    """A file of answers, to be entered; it appears under its name when it is left, whole.

    What cannot be written ends the writing, and not the answering: nothing is raised, and nothing is left.

    Args:
        path: The file; it is replaced when the new one is whole. None is the standard output, whose errors are raised.
        kind: "csv": a row for each picture with its runners-up; "json": an array of objects; "kaggle": `ImageId,Label`
            with numbers from 1, as its competitions take answers.
        places: How many of the likeliest classes a prediction holds.

    Attributes:
        problem: Why it could not be written; None if it could.
        count: Number of answers written.
    """

    def __init__(self, path: Path | None, kind: Format, places: int) -> None:
        self.path, self.kind, self.places = path, kind, places
        self.problem: OSError | None = None
        self.count = 0
        self._stack = ExitStack()
        self._write: Write

    def __enter__(self) -> "AnswerFile":
        try:
            file = self._stack.enter_context(_opened(self.path))
            self._write = self._stack.enter_context(_WRITERS[self.kind](file, self.places))
        except OSError as error:
            self._fail(error)
        return self

    def write(self, item: Item, prediction: Prediction) -> None:
        """Write an answer."""
        if self.problem is not None:
            return
        try:
            self._write(item, prediction)
            self.count += 1
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self.path is None:
            raise error
        self.problem = error
        self._stack.__exit__(type(error), error, error.__traceback__)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stack.__exit__(kind, error, traceback)
        except OSError as refusal:
            if error is not None or self.path is None:
                raise
            self.problem = refusal


class AnswerTable:
    """Answers in columns for a terminal: all of a few, the first ones of many."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: list[tuple[str, str, str, str]] = []

    def write(self, item: Item, prediction: Prediction) -> None:
        """Take an answer in."""
        self.count += 1
        if self.count > LARGEST_TABLE:
            del self._rows[FIRST_ROWS:]
            return
        others = ", ".join(f"{printable(label)} {100 * p:.1f} %" for label, p in prediction.top[1:])
        share = "" if prediction.problem else f"{100 * prediction.probability:.1f} %"
        self._rows.append((printable(item.name), printable(prediction.label), share, prediction.problem or others))

    def __str__(self) -> str:
        """The table, and how many are not in it."""
        text = table([("picture", "answer", "probability", "runners-up"), *self._rows], right_aligned=(2,))
        left_out = self.count - len(self._rows)
        return f"{text}\nand {left_out:,} more: --output answers.csv writes all of them" if left_out else text


class InputFolder:
    """A folder of what the network saw: a PNG file for each picture, named after it and numbered where names are equal.

    Args:
        folder: The folder; made if need be.

    Attributes:
        problem: What ended the writing; None if nothing did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problem: OSError | None = None
        self._used: set[str] = set()

    def write(self, item: Item, prediction: Prediction) -> None:
        """Write what was seen of a picture, if anything was."""
        if prediction.image is None or self.problem is not None:
            return
        name, number = item.stem, 1
        while name in self._used:
            number += 1
            name = f"{item.stem}-{number}"
        self._used.add(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_whole(self.folder / f"{name}.png") as part:
                Image.fromarray(prediction.image).save(part)
        except OSError as error:
            self.problem = error


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    # Names of files may hold bytes that are no UTF-8; Python's escape for these is JSON's too.
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        yield file


@contextmanager
def _csv(file: TextIO, places: int) -> Iterator[Write]:
    """Control characters in names, and bytes that are no UTF-8, are spelled out, as on a terminal."""
    writer = csv.writer(file, lineterminator="\n" if file is sys.stdout else "\r\n")
    numbered = [f"{name}_{place}" for place in range(2, places + 1) for name in ("label", "probability")]
    writer.writerow(["picture", "label", "probability", *numbered, "problem"])

    def write(item: Item, prediction: Prediction) -> None:
        others = [value for label, p in prediction.top[1:] for value in (printable(label), round(p, 6))]
        others += [""] * (len(numbered) - len(others))
        first = (printable(item.name), printable(prediction.label), round(prediction.probability, 6))
        writer.writerow([*first, *others, prediction.problem])

    yield write


@contextmanager
def _kaggle(file: TextIO, places: int) -> Iterator[Write]:
    """`ImageId,Label`: numbers from 1 in the order of the rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["ImageId", "Label"])
    yield lambda item, prediction: writer.writerow([item.number, printable(prediction.label)])


@contextmanager
def _json(file: TextIO, places: int) -> Iterator[Write]:
    """An array of objects; names stand in it as they are."""
    is_ascii = file is sys.stdout and (file.encoding or "").lower().replace("-", "") != "utf8"
    separator = "[\n"

    def write(item: Item, prediction: Prediction) -> None:
        nonlocal separator
        row: dict[str, Any] = {
            "picture": item.name,
            "label": prediction.label,
            "probability": round(prediction.probability, 6),
            "top": [{"label": label, "probability": round(p, 6)} for label, p in prediction.top],
            "problem": prediction.problem,
        }
        text = json.dumps(row, indent=2, ensure_ascii=is_ascii).encode("utf-8", "backslashreplace").decode("utf-8")
        file.write(separator + "  " + text.replace("\n", "\n  "))
        separator = ",\n"

    yield write
    file.write("\n]\n" if separator == ",\n" else "[]\n")


_WRITERS: dict[str, Callable[[TextIO, int], AbstractContextManager[Write]]] = {
    "csv": _csv,
    "json": _json,
    "kaggle": _kaggle,
}
