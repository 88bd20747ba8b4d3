"""The files of a Parquet data set, which are read through pyarrow a few rows at a time."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.columns import Columns, choose_columns, listed
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.data.own.naming import role_of
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

SUFFIXES = (".parquet", ".pq")
DEEPEST = 3  # folders below the one that is named
ROWS, BATCH_BYTES = 1024, 64 << 20  # read at once, at most and about
UNLABELLED = -1  # as a number where classes have names
# Words that tell one shard from another: "train-00000-of-00002-a09b74b3ef9c3b56", Spark's "part-...-c000.snappy".
OF_SHARDS = re.compile(r"of|part|default|shard|snappy|zstd|gzip|c000|(?=.*\d)[0-9a-f]{4,}|[0-9a-f]{12,}")
ORDER: tuple[Split, ...] = ("train", "val", "test")


def find_shards(path: Path) -> list[Path]:
    """The Parquet files that a path means, in natural order of their names."""
    if path.is_file():
        return [path] if path.suffix.lower() in SUFFIXES else []
    found: list[Path] = []
    folders = [path] if path.is_dir() else []
    for depth in range(DEEPEST + 1):
        entries = [entry for folder in folders for entry in folder.iterdir() if not entry.name.startswith((".", "_"))]
        found += [entry for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file()]
        folders = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()] if depth < DEEPEST else []
    return sorted(found, key=lambda file: natural_key(file.relative_to(path).as_posix()))


class Shard(NamedTuple):
    """A file.

    Attributes:
        file: Its path.
        name: What it is called in messages.
        split: The split that it belongs to.
        columns: Its columns.
        rows: Number of its rows.
    """

    file: Path
    name: str
    split: Split
    columns: Columns
    rows: int


def open_shards(path: Path, files: Sequence[Path], reading: Reading) -> tuple[list[Shard], list[str]]:
    """Look at the files' schemas.

    Returns:
        The shards in the order of their splits, and what a person should know of them.

    Raises:
        UserError: if a file is damaged, or several do not belong together.
    """
    notes: list[str] = []
    splits = [_split_of(file, path) for file in files]
    groups = {rest for _, rest in splits}
    if len(groups) > 1 and len({split for split, _ in splits}) < len(files):
        names = listed([" ".join(rest) or "without a name" for rest in sorted(groups)])
        raise UserError(f"{printable(path)} holds several data sets, {names}: name the folder or the file of one")
    found_splits = {split or "train" for split, _ in splits}
    taken = next(split for split in ORDER if split in found_splits)  # for training images, whatever it is called
    if taken != "train":
        notes.append(f"there are no training images, and those of the split {taken} are taken for them")
    shards = []
    for file, (split, _) in zip(files, splits, strict=True):
        name = printable(file if path.is_file() else file.relative_to(path).as_posix())
        with opened(file, name) as content:
            columns = choose_columns(content.schema_arrow, name, reading.label_column)
            rows = int(content.metadata.num_rows)
        shards.append(Shard(file, name, "train" if split in (None, taken) else split, columns, rows))
    if path.is_file() and "-of-" in path.stem and (others := len(find_shards(path.parent)) - 1):
        notes.append(f"it is one of {others + 1} files: name the folder for all of them")
    if len({bool(shard.columns.encoded) for shard in shards}) > 1:
        raise UserError(f"{printable(path)} holds encoded pictures in some files and pixels in others: name one kind")
    if shards[0].columns.label is None:
        notes.append("no column of labels was found; --data.label_column names it")
    shards.sort(key=lambda shard: ORDER.index(shard.split))
    return shards, notes


def _split_of(file: Path, path: Path) -> tuple[Split | None, tuple[str, ...]]:
    """The split of a file by its name or its folders', and the words that tell its data set from others."""
    roles = [role_of(file.stem)]
    if path.is_dir():
        roles += [role_of(part) for part in reversed(file.relative_to(path).parts[:-1])]
    split = next((role.split for role in roles if role.split is not None), None)
    return split, tuple(word for role in roles for word in role.rest if not OF_SHARDS.fullmatch(word))


@contextmanager
def opened(file: Path, name: str) -> Iterator[Any]:
    """Open a file; what pyarrow raises while it is read becomes one line.

    Raises:
        UserError: if it is damaged.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        # Nothing is read ahead, and pages come one by one: a group of rows may be larger than the memory.
        with ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as content:
            yield content
    except (pyarrow.ArrowException, OSError, MemoryError, KeyError) as error:
        words = printable(" ".join(str(error).split()))[:100] or type(error).__name__
        raise UserError(f"{name} cannot be read: it is truncated or damaged ({words})") from error


def batches(content: Any, columns: Sequence[str], rows_at_once: int | None = None) -> Iterator[tuple[int, Any]]:
    """Some columns of an open file: number of the first row, and a batch of rows, as many as are about 64 MB."""
    metadata = content.metadata
    first = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        at_once = rows_at_once or _rows_at_once(metadata.row_group(group), columns[0])
        start = first
        for batch in content.iter_batches(at_once, row_groups=[group], columns=[*columns]):
            yield start, batch
            start += batch.num_rows
        first += count


def _rows_at_once(group: Any, column: str) -> int:
    """How many rows are surely no more than can be held: each may stand for the whole dictionary of its column."""
    found = [group.column(i) for i in range(group.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in found if chunk.path_in_schema == column)
    if not any(chunk.has_dictionary_page for chunk in found if chunk.path_in_schema == column):
        size //= max(group.num_rows, 1)
    return int(min(max(BATCH_BYTES // max(size, 1), 1), ROWS))


def labels_of(column: Any, name: str, class_names: Sequence[str]) -> list[Any]:
    """The labels of a batch: whole numbers or text, None where there is none.

    Raises:
        UserError: for fractions, lists and the like.
    """
    labels = column.to_pylist()
    for row, label in enumerate(labels):
        if isinstance(label, bool):
            labels[row] = int(label)
        elif isinstance(label, float):
            if label != label:
                labels[row] = None
            elif label.is_integer():
                labels[row] = int(label)
            else:
                raise UserError(f"{name}: the label {label:.6g} is a fraction, which is no class")
        elif isinstance(label, bytes):
            labels[row] = label.decode("utf-8", "backslashreplace")
        elif label is not None and not isinstance(label, int | str):
            raise UserError(f"{name}: a label is a {type(label).__name__}; one whole number or text is needed")
        if labels[row] == "" or (class_names and labels[row] == UNLABELLED):
            labels[row] = None
    return labels


def column_type(schema: Any, name: str) -> np.dtype[Any]:
    """The type of the numbers in a column, in whatever lists."""
    kind = schema.field(name).type
    while hasattr(kind, "value_type"):
        kind = kind.value_type
    return np.dtype(kind.to_pandas_dtype())
