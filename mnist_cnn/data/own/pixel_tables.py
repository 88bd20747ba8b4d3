"""Tables of pixels: a row for each image, in one file or in several of each split.

A table is read twice, block by block: for labels and damaged rows first, for pixels afterwards. Nothing of it is kept
but its labels and the numbers of its rows.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.cells import Rows, rows_of
from mnist_cnn.data.own.forming import formed_array
from mnist_cnn.data.own.layouts import Layout, plain_name
from mnist_cnn.data.own.lines import blocks_of_lines
from mnist_cnn.data.own.named import row_name
from mnist_cnn.data.own.source import BLOCK_IMAGES, Block, Form, Part, Skipped, Source, Survey
from mnist_cnn.data.own.words import SPLIT_WORDS
from mnist_cnn.errors import UserError
from mnist_cnn.pixels import WHITE

SPLITS: tuple[Split, ...] = ("train", "val", "test")
DARK = 64  # pixels of which the brightest is below this are not what others' tables hold
MOST_DAMAGED = 10_000  # rows that are listed, if they are more than those that can be used


@dataclass
class PixelTable:
    """One file.

    Attributes:
        path: Its path.
        split: The split of its rows, where they do not say it themselves.
        layout: What its columns are.
    """

    path: Path
    split: Split
    layout: Layout

    def rows(self) -> Iterator[Rows]:
        """All its rows; see `blocks_of_lines` for errors."""
        for lines in blocks_of_lines(self.path):
            yield rows_of(lines, self.layout.columns)

    def splits_of(self, rows: Rows) -> list[Split]:
        """The split of each row; what a row says and is no such word is damage."""
        if rows.splits is None:
            return [self.split] * len(rows.numbers)
        splits = [SPLIT_WORDS.get(plain_name(word)) for word in rows.splits]
        for at, split in enumerate(splits):
            if split is None:
                rows.damaged.setdefault(at, f"{printable(rows.splits[at][:40])!r} is none of train, val and test")
        return [split or self.split for split in splits]

    def images_among(self, rows: Rows, keeps_damaged: bool) -> list[int]:
        """Places of the rows that are images, and of damaged ones if these keep theirs."""
        return [at for at in range(len(rows.numbers)) if keeps_damaged or at not in rows.damaged]

    def name_of(self, rows: Rows, at: int) -> str:
        """What to call a row."""
        return row_name(self.path, int(rows.numbers[at]))

    def images(self, rows: Rows, factor: float) -> NDArray[np.uint8]:
        """The images of rows (n, H, W, C)."""
        height, width, channels = self.layout.shape
        pixels = rows.pixels
        if factor != 1 or pixels.dtype != np.uint8:
            pixels = np.rint(pixels * factor).clip(0, WHITE).astype(np.uint8)
        if self.layout.is_planar:
            return pixels.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return pixels.reshape(-1, height, width, channels)


class _Found:
    """What a survey finds of one split."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.labels, self.numbers, self.tables = array("q"), array("q"), array("q")
        self.has_labels = True

    def add(self, table: int, number: int, label: str | None) -> None:
        """Add an image."""
        self.has_labels &= label is not None
        self.labels.append(self.names.setdefault(label or "", len(self.names)))
        self.numbers.append(number)
        self.tables.append(table)

    def part(self, tables: Sequence[PixelTable]) -> Part:
        """It as a part of a survey."""
        shapes = np.array([table.layout.shape for table in tables])[np.frombuffer(self.tables, np.int64)]
        labels = np.array([*self.names])[np.frombuffer(self.labels, np.int64)] if self.has_labels else None
        return Part(
            labels=labels,
            sizes=shapes[:, :2],
            is_grey=bool((shapes[:, 2] == 1).all()),
            name_of=lambda at: row_name(tables[self.tables[at]].path, self.numbers[at]),
        )


class PixelTables(Source):
    """Tables with a row for each image, one or several for a split."""

    kind = "a table of pixels"

    def __init__(self, path: Path, tables: Sequence[PixelTable], notes: Sequence[str] = ()) -> None:
        self.path, self.tables, self.files = path, tables, [table.path for table in tables]
        self._notes = notes
        self._factor = 1.0
        self._counts: dict[Split, int] = {}

    def survey(self) -> Survey:
        """Read all rows; see `Source.survey`. Rows without labels keep their place, also if they are damaged."""
        found: dict[Split, _Found] = {}
        skipped: list[Skipped] = []
        damaged: list[Skipped] = []
        brightest, count = [0.0] * len(self.tables), 0
        for number, table in enumerate(self.tables):
            for rows in table.rows():
                splits, keeps_damaged = self._splits_of(table, rows), self._keeps_damaged(rows)
                reasons = {at: Skipped(table.name_of(rows, at), why) for at, why in sorted(rows.damaged.items())}
                damaged += reasons.values()
                count += len(rows.numbers)
                _check_damaged(damaged, count, MOST_DAMAGED)
                skipped += () if keeps_damaged else reasons.values()
                for at in table.images_among(rows, keeps_damaged):
                    label = None if rows.labels is None else as_label(rows.labels[at])
                    found.setdefault(splits[at], _Found()).add(number, int(rows.numbers[at]), label)
                brightest[number] = max(brightest[number], float(rows.pixels.max(initial=0)))
        _check_damaged(damaged, count)
        parts = {split: found[split].part(self.tables) for split in SPLITS if split in found}
        self._counts = {split: len(part) for split, part in parts.items()}
        self._factor = self._factor_of(brightest)
        return Survey(parts, skipped, [*self._notes, *self._remarks(parts, max(brightest))])

    def _factor_of(self, brightest: Sequence[float]) -> float:
        """What makes bytes of pixels, by the brightest one of each table.

        Raises:
            UserError: if some tables have pixels from 0 to 1 and others from 0 to 255.
        """
        by_range = {0 < most <= 1: table.path for most, table in zip(brightest, self.tables, strict=True) if most}
        if len(by_range) == 2:
            fractions, others = (printable(by_range[is_fraction]) for is_fraction in (True, False))
            raise UserError(f"{fractions} has pixels from 0 to 1, and {others} others: bring both to the same range")
        return float(WHITE) if True in by_range else 1.0

    def _splits_of(self, table: PixelTable, rows: Rows) -> list[Split]:
        """The split of each row; for answers rows keep their order, whatever they are of."""
        return [table.split] * len(rows.numbers) if self.is_for_answers else table.splits_of(rows)

    def _keeps_damaged(self, rows: Rows) -> bool:
        """Whether damaged rows keep their places: where the number of a row is what an answer is known by."""
        return self.is_for_answers or rows.labels is None

    def _remarks(self, parts: Mapping[Split, Part], brightest: float) -> Iterator[str]:
        for table in self.tables:
            name = printable(table.path.name)
            if table.layout.guess:
                yield f"{name}: {table.layout.guess}"
            if table.layout.shape.channels == 3:
                order = (
                    "first all of red, then green and blue" if table.layout.is_planar else "red, green, blue of each"
                )
                yield f"{name}: its pixels are taken as colour, {order}"
        for split, use in (("val", "validation"), ("test", "testing")):
            if split in parts and parts[split].labels is None:  # type: ignore[index]
                yield f"the {len(parts[split]):,} images for {use} have no labels and are not used for it"  # type: ignore[index]
        if 1 < brightest < DARK:
            yield f"the brightest pixel is {brightest:g} of {WHITE}: the images are dark"

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """The rows of a split; see `Source.blocks`."""
        start = 0
        for table in self.tables:
            if table.layout.columns.split is None and table.split != split:
                continue
            for rows in table.rows():
                splits = self._splits_of(table, rows)
                places = [at for at in table.images_among(rows, self._keeps_damaged(rows)) if splits[at] == split]
                images = table.images(rows, self._factor)
                for begin in range(0, len(places), BLOCK_IMAGES):
                    some = places[begin : begin + BLOCK_IMAGES]
                    damaged = {
                        start + at: rows.damaged[place] for at, place in enumerate(some) if place in rows.damaged
                    }
                    whole = [at for at in range(len(some)) if start + at not in damaged]
                    block = _formed(images[[some[at] for at in whole]], form)
                    yield Block(np.array(whole, np.int64) + start, block, damaged)
                    start += len(some)
        if start != self._counts[split]:
            raise UserError(f"{printable(self.path)} was changed while it was read; begin again")


def _check_damaged(damaged: Sequence[Skipped], count: int, at_least: int = 0) -> None:
    """Give up on tables of which more rows are damaged than not; there are `count` rows in all."""
    if len(damaged) > max(at_least, count // 2) and damaged:
        more = f" (and {len(damaged) - 1:,} more of {count:,} rows)" if len(damaged) > 1 else ""
        raise UserError(f"{damaged[0].name}: {damaged[0].reason}{more}")


def as_label(text: str) -> str:
    """A label as it is named: whole numbers are that however they are written, as 7, 7.0 and 7.000e+00."""
    with suppress(ValueError, OverflowError):
        if re.fullmatch(r"[+-]?\d*\.?\d+([eE][+-]?\d+)?|\d+\.", text) and (number := float(text)) == int(number):
            return str(int(number)) if "." in text or "e" in text.lower() else text
    return text


def _formed(images: NDArray[np.uint8], form: Form) -> NDArray[np.uint8]:
    """Images (n, H, W, C) in a form: (n, C, H, W)."""
    if images.shape[1:] == (form.height, form.width, form.channels):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    formed = np.empty((len(images), *form), np.uint8)
    for image, pixels in zip(formed, images, strict=True):
        image[:] = formed_array(pixels, form, white=WHITE)
    return formed
