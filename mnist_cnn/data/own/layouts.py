"""What the columns of a table are: pixels, labels, a split, or of no use here."""

import math
import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from mnist_cnn.console import printable
from mnist_cnn.data.own.cells import Columns
from mnist_cnn.data.own.heads import Head
from mnist_cnn.data.own.pictures import has_picture_name
from mnist_cnn.data.own.words import SPLIT_WORDS
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "target", "targets", "y", "category", "digit", "letter", "character"),
    *("classname", "labelname", "classid", "labelid", "classlabel", "breed", "species", "emotion", "diagnosis", "dx"),
)
INDEX_NAMES = ("", "id", "index", "idx", "imageid", "imgid", "row", "rowid", "rowindex", "no", "nr")
FILE_NAMES = (
    *(
        "path",
        "file",
        "filename",
        "filepath",
        "image",
        "images",
        "imagepath",
        "imagename",
        "imagefile",
        "imagefilename",
    ),
    *("img", "imgpath", "imgname", "picture", "photo", "name", "imageid", "imgid", "id"),
)
SPLIT_NAMES = ("split", "set", "usage", "subset", "partition", "fold", "dataset", "datasplit", "phase")
SMALLEST_SIDE = 2


class Shape(NamedTuple):
    """The images in a table's rows."""

    height: int
    width: int
    channels: int


class Layout(NamedTuple):
    """How a table of pixels is to be read.

    Attributes:
        columns: What its columns are.
        shape: The images that pixels make.
        is_planar: Whether all pixels of red come first, then those of green and of blue.
        guess: A sentence on what nothing in the table says; empty where all is said.
    """

    columns: Columns
    shape: Shape
    is_planar: bool
    guess: str


def plain_name(name: str) -> str:
    """A column's name in small letters, without signs, as that of several spellings."""
    return re.sub(r"[^\w]|_", "", name.lower())


def shape_of(count: int, reading: Reading) -> Shape | None:
    """The shape of images of so many values: that of the settings, a square, or one in colour."""
    if given := _given_shape(count, reading):
        return given
    for channels in (1, 3):
        side = math.isqrt(max(count, 0) // channels)
        if side >= SMALLEST_SIDE and side * side * channels == count:
            return Shape(side, side, channels)
    return None


def _given_shape(count: int, reading: Reading) -> Shape | None:
    """That of the settings, if so many values make it."""
    for channels in (1, 3):
        if reading.size and math.prod(reading.size) * channels == count:
            return Shape(*reading.size, channels)
    return None


def layout_of(head: Head, reading: Reading) -> Layout | None:
    """Find out what the columns of a table are.

    Returns:
        None if it is no table of pixels.

    Raises:
        UserError: if the settings name a column that is not there, or columns cannot be told apart.
    """
    label = label_column(head, reading)
    split = split_column(head)
    others = [number for number in range(head.count) if number not in (label, split) and head.filled(number)]
    numbers = [number for number in others if head.holds_numbers(number)]
    pixels, guess = _pixels_among(numbers, head, reading, may_hold_label=label is None)
    if pixels is None and shape_of(len(family := _family(others, head)), reading):
        pixels = family  # with text among them, which is found where it stands
    if pixels is None:
        return None
    if label is None:
        label, guess = _label_beside(pixels, others, head, guess)
    pixels = _in_order(pixels, head)
    shape = shape_of(len(pixels), reading)
    assert shape is not None
    names = tuple(map(head.name_of, range(head.count)))
    columns = Columns(head.separator, head.count, np.array(pixels, np.int64), label, split, names, head.first)
    return Layout(columns, shape, shape.channels == 3 and _is_planar(head, pixels, shape), guess)


def label_column(head: Head, reading: Reading) -> int | None:
    """The column of labels that the settings or its name say; None if neither does.

    Raises:
        UserError: if the table has no column of the name or number in the settings.
    """
    asked = reading.label_column
    names = [*(head.names or ())]
    if asked is None:
        plain = [*map(plain_name, names)]
        return next((plain.index(name) for name in LABEL_NAMES if plain.count(name) == 1), None)
    for known in (names, [name.casefold() for name in names]):
        if (name := asked if known is names else asked.casefold()) in known:
            return known.index(name)
    if asked.isdecimal() and int(asked) < head.count:
        return int(asked)
    listed = ", ".join(map(printable, names[:6])) + (", ..." if len(names) > 6 else "")
    has = f"its columns are {listed}" if names else "its columns have no names"
    raise UserError(
        f"label_column={printable(asked)}: {printable(head.path)} has no such column; {has}, or a number from 0 to "
        f"{head.count - 1}"
    )


def split_column(head: Head) -> int | None:
    """The column that says training, validation or test, by its name and its words."""
    for number, name in enumerate(head.names or ()):
        words = [*map(plain_name, head.filled(number))]
        if plain_name(name) in SPLIT_NAMES and sum(word in SPLIT_WORDS for word in words) * 2 > len(words):
            return number
    return None


def _pixels_among(
    numbers: list[int], head: Head, reading: Reading, may_hold_label: bool
) -> tuple[list[int] | None, str]:
    """Those of some columns of numbers that are pixels, and a sentence on what was guessed."""
    without_index = [number for number in numbers if not _is_index(number, head)]
    choices = numbers, without_index, _family(numbers, head)
    # Where a shape is given, it comes before squares that a label makes: 25 columns may be 4x2 in colour, and a label.
    for shape in (_given_shape, shape_of):
        for columns in choices:
            if shape(len(columns), reading):
                return columns, ""
        for columns in choices if may_hold_label else ():
            if shape(len(columns) - 1, reading):
                return _without_label(columns, head)
    return None, ""


def _without_label(columns: list[int], head: Head) -> tuple[list[int], str]:
    """Columns but for the first, or for the last where the first never changes, as the corner of images of digits."""
    is_last = len(set(head.column(columns[0]))) == 1 < len(set(head.column(columns[-1])))
    label, pixels = (columns[-1], columns[:-1]) if is_last else (columns[0], columns[1:])
    where = "last" if is_last else "first"
    return pixels, f"the {where} column ({head.name_of(label)}) is taken for the labels (see --data.label_column)"


def _label_beside(pixels: list[int], others: list[int], head: Head, guess: str) -> tuple[int | None, str]:
    """The column of labels beside those of pixels: the only one that is neither an index nor a file's name."""
    candidates = label_candidates(head, [number for number in others if number not in set(pixels)])
    if not candidates:
        return None, guess
    if len(candidates) == 1:
        return candidates[0], guess or f"the column {head.name_of(candidates[0])} is taken for the labels"
    listed = ", ".join(map(head.name_of, candidates[:6])) + (", ..." if len(candidates) > 6 else "")
    return None, f"none of the columns {listed} is known as that of labels (--data.label_column names it)"


def label_candidates(head: Head, columns: list[int]) -> list[int]:
    """Those of some columns that may be one of labels."""
    return [number for number in columns if not (_is_index(number, head) or is_of_files(number, head))]


def is_of_files(number: int, head: Head) -> bool:
    """Whether a column is one of names of pictures."""
    cells = head.filled(number)
    if cells and sum(map(has_picture_name, cells)) * 2 > len(cells):
        return True
    name = plain_name(head.names[number]) if head.names else None
    return name in FILE_NAMES and not head.holds_numbers(number)


def _is_index(number: int, head: Head) -> bool:
    """Whether a column numbers the rows, by its name or by its numbers."""
    if head.names:
        name = plain_name(head.names[number])
        return name in INDEX_NAMES or name.startswith("unnamed")
    cells = head.column(number)
    are_numbers = len(cells) > 2 and all(cell.isdecimal() and cell.isascii() for cell in cells)
    return are_numbers and [int(cell[:18]) - int(cells[0][:18]) for cell in cells] == [*range(len(cells))]


def _family(numbers: list[int], head: Head) -> list[int]:
    """Those columns whose names differ in their numbers alone, as pixel0, pixel1 or 1x1, 1x2: most of them."""
    if not head.names:
        return []
    stems = {number: re.sub(r"\d+", "#", head.names[number]) for number in numbers}
    counted = Counter(stem for stem in stems.values() if "#" in stem)
    return [number for number in numbers if counted and stems[number] == counted.most_common(1)[0][0]]


def _in_order(pixels: list[int], head: Head) -> list[int]:
    """Columns of pixels by the numbers in their names, where these say it: programs sort columns as text."""
    if not head.names:
        return pixels
    names = [head.names[number] for number in pixels]
    places = [tuple(map(int, re.findall(r"\d{1,9}", name))) for name in names]
    are_numbered = len({re.sub(r"\d+", "#", name) for name in names}) == 1 and len(set(places)) == len(places)
    return [number for _, number in sorted(zip(places, pixels, strict=True))] if are_numbered else pixels


def _is_planar(head: Head, pixels: list[int], shape: Shape) -> bool:
    """Whether images in colour are much smoother if their values are taken as three planes, one after the other."""
    values = np.array([[_number(row[number]) for number in pixels] for row in head.rows])
    size = shape.height, shape.width
    interleaved, planar = values.reshape(-1, *size, 3), values.reshape(-1, 3, *size).transpose(0, 2, 3, 1)
    roughness = [
        float(np.abs(np.diff(images, axis=axis)).mean()) if images.shape[axis] > 1 else 0.0
        for images in (interleaved, planar)
        for axis in (1, 2)
    ]
    return sum(roughness[2:]) < 0.7 * sum(roughness[:2])


def _number(cell: str) -> float:
    try:
        return min(max(float(cell.replace(",", ".")), 0.0), 255.0)
    except ValueError:
        return 0.0
