"""Parquet files whose images are no encoded pictures but pixels: in lists, or in a column for each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.arrays import ArraySource
from mnist_cnn.data.own.assembling import Assembled, Pair
from mnist_cnn.data.own.shards import ROWS, Shard, batches, column_type, labels_of, opened
from mnist_cnn.data.own.stored import BLOCK_BYTES, Stored, check_promise
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError


class PixelColumns(ArraySource):
    """Images as rows of pixels.

    Args:
        path: What was named.
        shards: Its files in the order of their splits.
        notes: What a person should know of them.
        reading: How it is read where the files leave it open.
    """

    def __init__(self, path: Path, shards: Sequence[Shard], notes: Sequence[str], reading: Reading) -> None:
        super().__init__(path, [shard.file for shard in shards], reading)
        self.kind, self.shards, self.shard_notes = "Parquet", shards, notes

    def found(self) -> Assembled:
        """The images and labels of each split; see `ArraySource.found`."""
        by_split: dict[Split, list[Shard]] = {}
        for shard in self.shards:
            by_split.setdefault(shard.split, []).append(shard)
        pairs = {split: Pair(_images(self.path, shards), _labels(shards)) for split, shards in by_split.items()}
        class_names = self.shards[0].columns.class_names
        names = Stored("", (len(class_names),), np.dtype("U1"), held=np.array(class_names)) if class_names else None
        return Assembled(pairs, names, (), self.shard_notes)


def _images(path: Path, shards: Sequence[Shard]) -> Stored:
    """The images of a split."""
    shape, dtype = _shape_of_one(shards[0])
    count = sum(shard.rows for shard in shards)
    where = shards[0].name if len(shards) == 1 else f"{printable(path)}, {len(shards)} files"
    size = sum(shard.file.stat().st_size for shard in shards)
    check_promise(where, (count, *shape), dtype, None, size)

    def chunks() -> Iterator[NDArray[Any]]:
        for shard in shards:
            yield from _pixels(shard, shape, dtype)

    return Stored(where, (count, *shape), dtype, chunks=chunks)


def _shape_of_one(shard: Shard) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the first image of a file."""
    columns = shard.columns.pixels
    with opened(shard.file, shard.name) as content:
        dtype = max((column_type(content.schema_arrow, name) for name in columns), key=_width)
        if len(columns) > 1:
            return (len(columns),), dtype
        for _, batch in batches(content, columns, 1):
            if batch.column(0).null_count == 0:
                try:
                    return np.array(batch.column(0)[0].as_py(), dtype).shape, dtype
                except (ValueError, TypeError) as error:
                    raise UserError(
                        f"{shard.name}, row 0: the lists in column {columns[0]} differ in length"
                    ) from error
    raise UserError(f"{shard.name} holds no images: its column {columns[0]} is empty")


def _width(dtype: np.dtype[Any]) -> tuple[bool, int]:
    return dtype.kind == "f", dtype.itemsize


def _pixels(shard: Shard, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """The images of a file block by block (n, *shape)."""
    columns = shard.columns.pixels
    at_once = min(max(BLOCK_BYTES // max(int(np.prod(shape)) * dtype.itemsize, 1), 1), ROWS)
    with opened(shard.file, shard.name) as content:
        for start, batch in batches(content, columns, at_once):
            if len(columns) > 1:
                values = [_numbers(batch.column(name), shard, start, dtype) for name in columns]
                yield np.stack(values, axis=1).reshape(-1, *shape)
                continue
            column = batch.column(0)
            lengths = [len(column)]
            while hasattr(column.type, "value_type"):
                _check_no_nulls(column, shard, start)
                column = column.flatten()
                lengths.append(len(column))
            if lengths != [int(n) for n in np.cumprod([batch.num_rows, *shape])] or not _are_even(
                batch.column(0), shape
            ):
                raise UserError(
                    f"{shard.name}, from row {start} on: a list in column {columns[0]} differs in length from the "
                    f"first one, of {'x'.join(map(str, shape))} numbers"
                )
            yield _numbers(column, shard, start, dtype).reshape(batch.num_rows, *shape)


def _are_even(column: Any, shape: tuple[int, ...]) -> bool:
    """Whether all lists in a column have the lengths of the first image's."""
    import pyarrow.compute as compute

    for length in shape:
        found = compute.min_max(compute.list_value_length(column)).as_py()
        if found["min"] != length or found["max"] != length:
            return False
        column = column.flatten()
    return True


def _check_no_nulls(column: Any, shard: Shard, start: int) -> None:
    if column.null_count:
        row = start + int(np.argmax(np.asarray(column.is_null())))
        raise UserError(f"{shard.name}, row {row} or a later one: there is a gap (null) in the pixels")


def _numbers(column: Any, shard: Shard, start: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    _check_no_nulls(column, shard, start)
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(dtype, copy=False)


def _labels(shards: Sequence[Shard]) -> Stored | None:
    """The labels of a split; gaps in them as NaN or as no text."""
    found: list[Any] = []
    for shard in shards:
        name = shard.columns.label
        if name is None:
            return None
        with opened(shard.file, shard.name) as content:
            for _, batch in batches(content, [name], ROWS):
                found += labels_of(batch.column(0), shard.name, shard.columns.class_names)
    if all(label is None for label in found):
        return None
    if any(isinstance(label, str) for label in found):
        labels: NDArray[Any] = np.array(["" if label is None else str(label) for label in found])
    elif None in found:
        labels = np.array([np.nan if label is None else label for label in found], np.float64)
    else:
        labels = np.array(found, np.int64)
    return Stored(f"{shards[0].name}, column {shards[0].columns.label}", labels.shape, labels.dtype, held=labels)
