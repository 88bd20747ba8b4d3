"""Tables of names of pictures with their labels: `path,label`, as competitions and companies list their files.

The pictures lie below the table's own folder, and nothing outside of it is read, whatever a row says.
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.heads import Head
from mnist_cnn.data.own.layouts import (
    FILE_NAMES,
    label_candidates,
    label_column,
    plain_name,
    split_column,
)
from mnist_cnn.data.own.lines import as_text, blocks_of_lines
from mnist_cnn.data.own.pictures import Content, Picture, PictureSource, has_picture_name
from mnist_cnn.data.own.source import Skipped
from mnist_cnn.data.own.words import SPLIT_WORDS
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError, shortened

OUTSIDE = "it leads out of the table's folder, where nothing is read"


def row_name(table: Path, number: int) -> str:
    """What to call a row of a table."""
    return f"{printable(table.name)}, row {number}"


def holds_file_names(head: Head) -> bool:
    """Whether a table names pictures."""
    return head.count > 1 and _file_column(head) is not None


class _Columns(NamedTuple):
    """Numbers of the columns; None for those that there are not."""

    file: int
    label: int | None
    split: int | None


class _Row(NamedTuple):
    """A row that names a picture."""

    picture: Picture
    path: Path


class NamedPictures(PictureSource):
    """Pictures that tables name, in the tables' order.

    Args:
        path: A table, or a folder of tables.
        heads: The tables by the split of their rows, where these do not say it themselves.
        reading: Names the column of labels, if need be.
        notes: What is to be said of them besides.

    Raises:
        UserError: if it is not clear which column holds the labels.
    """

    kind = "a table of names of pictures"
    keeps_order = True

    def __init__(
        self, path: Path, heads: Mapping[Split, Sequence[Head]], reading: Reading, notes: Sequence[str] = ()
    ) -> None:
        super().__init__(path)
        self._tables = [
            (head, split, _columns_of(head, split, reading)) for split, some in heads.items() for head in some
        ]
        self._notes = notes

    @cached_property
    def files(self) -> Sequence[Path]:  # type: ignore[override]
        """The tables and all pictures that they name."""
        return [*(head.path for head, _, _ in self._tables), *(row.path for row in self._found[0])]

    def listed(self) -> Iterable[tuple[Picture, Content]]:
        """The pictures of all rows; see `PictureSource.listed`."""
        return ((row.picture, row.path) for row in self._found[0])

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """Their paths; see `PictureSource.contents`."""
        return ((position, picture.place) for position, picture in enumerate(pictures))

    def remarks(self) -> tuple[Sequence[Skipped], Sequence[str], Sequence[str]]:
        """Rows without a picture; see `PictureSource.remarks`."""
        without = [
            f"{printable(head.path.name)} has no labels: its pictures are not used for "
            f"{'validation' if split == 'val' else 'testing'}"
            for head, split, columns in self._tables
            if columns.label is None and split != "train"
        ]
        return self._found[1], [*self._notes, *without], ()

    @cached_property
    def _found(self) -> tuple[list[_Row], list[Skipped]]:
        """What the rows name, and those that name nothing."""
        rows: list[_Row] = []
        skipped: list[Skipped] = []
        finders: dict[Path, _Finder] = {}
        for head, split, columns in self._tables:
            finder = finders.setdefault(head.path.parent, _Finder(head.path.parent))
            for number, cells in _rows(head):
                try:
                    rows.append(_row(head, number, cells, columns, split, finder))
                except ValueError as error:
                    skipped.append(Skipped(row_name(head.path, number), str(error)))
        if not rows:
            example = f": {skipped[0].name}: {skipped[0].reason}" if skipped else ""
            raise UserError(f"{printable(self.path)} names no picture that is there{example}")
        return rows, skipped


def _file_column(head: Head) -> int | None:
    """The column of names of pictures: by its cells, or else by its name."""
    for number in range(head.count):
        cells = head.filled(number)
        if cells and sum(map(has_picture_name, cells)) * 2 > len(cells):
            return number
    plain = [plain_name(name) for name in head.names or ()]
    return next((plain.index(name) for name in FILE_NAMES if name in plain), None)


def _columns_of(head: Head, split: Split, reading: Reading) -> _Columns:
    file, of_split = _file_column(head), split_column(head)
    if file is None:
        raise UserError(
            f"{printable(head.path)} has no column of names of pictures, as other tables beside it have: call it path"
        )
    label = label_column(head, reading) if split == "train" or _has_label(head, reading) else None
    if label is None and (split == "train" or reading.label_column is None):
        others = [number for number in range(head.count) if number not in (file, of_split) and head.filled(number)]
        candidates = label_candidates(head, others)
        if len(candidates) > 1 and split == "train":
            listed = ", ".join(map(head.name_of, candidates[:6])) + (", ..." if len(candidates) > 6 else "")
            raise UserError(
                f"{printable(head.path)}: which column holds the labels ({listed})? Name it with --data.label_column"
            )
        label = candidates[0] if len(candidates) == 1 else None
    if label == file:
        raise UserError(f"label_column={reading.label_column}: {printable(head.path)} has names of pictures there")
    return _Columns(file, label, of_split)


def _has_label(head: Head, reading: Reading) -> bool:
    try:
        return label_column(head, reading) is not None
    except UserError:
        return False


def _rows(head: Head) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table by the numbers of their (last) lines, from 1."""
    lines = (
        (number, as_text(line))
        for block in blocks_of_lines(head.path)
        for number, line in enumerate(block.text.split(b"\n")[:-1], block.first)
    )
    reader = csv.reader((line + "\n" for _, line in lines), delimiter=head.separator, skipinitialspace=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{row_name(head.path, reader.line_num)}: it cannot be read ({error})") from error
        if cells is None:
            return
        if reader.line_num >= head.first and any(cell.strip() for cell in cells):
            yield reader.line_num, [cell.strip() for cell in cells]


def _row(head: Head, number: int, cells: list[str], columns: _Columns, split: Split, finder: "_Finder") -> _Row:
    """What a row names; ValueError says why it names nothing."""
    if len(cells) < head.count or any(cells[head.count :]):
        raise ValueError(f"it has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, not {head.count}")
    name, label = cells[columns.file], None if columns.label is None else cells[columns.label]
    if label == "":
        raise ValueError("it has no label")
    if columns.split is not None:
        found = SPLIT_WORDS.get(plain_name(cells[columns.split]))
        if found is None:
            raise ValueError(f"{printable(cells[columns.split][:40])!r} is none of train, val and test")
        split = found
    path = finder.find(name)
    return _Row(Picture(split, label, f"{row_name(head.path, number)} ({printable(name)})", path, True), path)


class _Finder:
    """Finds pictures below a folder by what tables call them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._root = folder, folder.resolve()

    def find(self, name: str) -> Path:
        """The picture's path; ValueError says why there is none."""
        if not name:
            raise ValueError("it names no file")
        shown, parts = printable(shortened(name)), re.split(r"[\\/]", name)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
            raise ValueError(f"{shown}: an address is not fetched; download the pictures")
        if ".." in parts or parts[0] in ("", "~") or re.match(r"[A-Za-z]:", name):
            raise ValueError(f"{shown}: {OUTSIDE}")
        direct = self.folder.joinpath(*parts)
        try:
            if os.path.lexists(direct):
                if not direct.resolve().is_relative_to(self._root):
                    raise ValueError(f"{shown}: {OUTSIDE}")
                if direct.is_file():
                    return direct
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{shown}: {getattr(error, 'strerror', None) or 'links in a circle'}") from error
        places = self._by_name.get(parts[-1]) or self._by_stem.get(parts[-1]) or []
        if len(places) > 1:
            raise ValueError(f"{shown}: there are {len(places)} files of that name; name its folder too")
        if not places:
            raise ValueError(f"{shown}: there is no such file")
        return places[0]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """All pictures below the folder; links, which may lead anywhere, are passed over."""
        found: dict[str, list[Path]] = {}
        for place, folders, files in os.walk(self.folder):
            folders[:] = [folder for folder in sorted(folders) if not folder.startswith(".")]
            for file in sorted(files):
                path = Path(place, file)
                if has_picture_name(file) and not path.is_symlink() and path.is_file():
                    found.setdefault(file, []).append(path)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for name, places in self._by_name.items():
            found.setdefault(Path(name).stem, []).extend(places)
        return found
