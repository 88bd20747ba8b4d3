"""Tables, told by their endings and their columns: those of pixels, and those of pictures' names; folders of them."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.heads import Head, head_of
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.data.own.layouts import Layout, layout_of
from mnist_cnn.data.own.named import NamedPictures, holds_file_names
from mnist_cnn.data.own.pixel_tables import SPLITS, PixelTable, PixelTables
from mnist_cnn.data.own.source import Source
from mnist_cnn.data.own.words import GENERAL_WORDS, SPLIT_WORDS
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def recognise(path: Path, reading: Reading) -> Source | None:
    """A table, or a folder of tables, as a source."""
    if path.is_file():
        return _source(path, {"train": [path]}, (), reading) if is_table(path) else None
    tables, others = _tables_in(path) if path.is_dir() else ({}, [])
    if not tables:
        return None
    notes = [f"{printable(file.name)} was left out: its name says no split" for file in others]
    folders = [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    try:
        source = _source(path, tables, notes, reading)
    except UserError:
        if folders:  # of pictures, beside which a table may hold whatever it likes
            return None
        raise
    return None if isinstance(source, NamedPictures) and _are_of_classes(folders) else source


def is_table(path: Path) -> bool:
    """Whether a file is a table by its name."""
    return path.name.lower().endswith(ENDINGS)


def _tables_in(folder: Path) -> tuple[dict[Split, list[Path]], list[Path]]:
    """The tables of a folder by the split that their names say, and other ones; one alone is that of training."""
    tables: dict[Split, list[Path]] = {}
    others = []
    files = [file for file in folder.iterdir() if not file.name.startswith(".") and is_table(file) and file.is_file()]
    for file in sorted(files, key=lambda file: natural_key(file.name)):
        words = _words(file.name)
        splits = {SPLIT_WORDS[word] for word in words & SPLIT_WORDS.keys()}
        if len(splits) == 1 and "submission" not in words:
            tables.setdefault(splits.pop(), []).append(file)
        else:
            others.append(file)
    if "train" not in tables and len(others) == 1:
        return {"train": others, **tables}, []
    return (tables, others) if "train" in tables else ({}, others)


def _are_of_classes(folders: Sequence[Path]) -> bool:
    """Whether some folders hold pictures by class, which says more than a table beside them."""
    with suppress(OSError):
        if any(entry.is_dir() for folder in folders for entry in folder.iterdir()):
            return True
    are_general = all(_words(folder.name) <= {*SPLIT_WORDS, *GENERAL_WORDS} for folder in folders)
    return len(folders) > 1 and not are_general


def _words(name: str) -> set[str]:
    """The words of a file's or folder's name, in small letters."""
    return {*re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())}


def _source(path: Path, files: Mapping[Split, Sequence[Path]], notes: Sequence[str], reading: Reading) -> Source:
    heads = {split: [head_of(file) for file in some] for split, some in files.items()}
    layouts = {split: [_layout(head, split, reading) for head in some] for split, some in heads.items()}
    if all(layout is not None for some in layouts.values() for layout in some):
        tables = [
            PixelTable(head.path, split, layout)
            for split in SPLITS
            for head, layout in zip(heads.get(split, ()), layouts.get(split, ()), strict=True)
            if layout is not None
        ]
        return PixelTables(path, tables, notes)
    if holds_file_names(heads["train"][0]):
        return NamedPictures(path, heads, reading, notes)
    raise _without_pixels(
        next(
            head
            for split in SPLITS
            for head, layout in zip(heads.get(split, ()), layouts.get(split, ()), strict=True)
            if layout is None
        ),
        reading,
    )


def _layout(head: Head, split: Split, reading: Reading) -> Layout | None:
    """How a table is read. One of test images may have no labels, whatever column holds them in others."""
    if split == "train" or reading.label_column is None:
        return layout_of(head, reading)
    with suppress(UserError):
        if found := layout_of(head, reading):
            return found
    return layout_of(head, replace(reading, label_column=None))


def _without_pixels(head: Head, reading: Reading) -> UserError:
    where, count = f"{printable(head.path)}, row {head.first}", sum(map(head.holds_numbers, range(head.count)))
    if head.count == 1:
        return UserError(
            f"{where} has one column alone: a row needs all pixels of an image, separated by commas, tabs or "
            f"semicolons, or the name of a picture's file and its label"
        )
    way_out = (
        f"{' x '.join(map(str, reading.size))} does not make it either"
        if reading.size
        else "--data.image_size [H, W] tells the shape of others"
    )
    return UserError(
        f"{where}: {count} of {head.count} columns hold numbers; pixels of square images are needed (as 784 = 28x28, "
        f"or 3072 = 32x32x3 in colour), with a column of labels or none; {way_out}"
    )
