"""Parquet files, in one or in several shards: encoded pictures, or pixels, with a column of labels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.finding import first_of_other_kind, mixed
from mnist_cnn.data.own.pictures import Content, Picture, PictureSource
from mnist_cnn.data.own.pixel_columns import PixelColumns
from mnist_cnn.data.own.shards import ROWS, Shard, batches, find_shards, labels_of, open_shards, opened
from mnist_cnn.data.own.source import Skipped, Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

LARGEST_PICTURE = 200_000_000  # bytes


def recognise(path: Path, reading: Reading) -> Source | None:
    """A Parquet file, or a folder of some.

    Raises:
        UserError: if pyarrow is not installed, the files are damaged, or have no column of images.
    """
    files = find_shards(path)
    if not files:
        return None
    if path.is_dir() and (other := first_of_other_kind(path)):
        raise mixed(path, files[0], other)
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UserError(
            f"{printable(path)} is read through pyarrow, which is not installed: pip install 'mnist-cnn[parquet]'"
        ) from None
    shards, notes = open_shards(path, files, reading)
    if shards[0].columns.encoded is not None:
        return ParquetPictures(path, shards, notes)
    return PixelColumns(path, shards, notes, reading)


class ParquetPictures(PictureSource):
    """Encoded pictures in a column.

    Args:
        path: What was named.
        shards: Its files in the order of their splits.
        notes: What a person should know of them.
    """

    kind = "Parquet"
    keeps_order = True

    def __init__(self, path: Path, shards: Sequence[Shard], notes: Sequence[str]) -> None:
        super().__init__(path)
        self.shards, self.notes = shards, notes
        self.files = [shard.file for shard in shards]
        self._left_out: list[Skipped] = []

    def survey(self) -> Survey:
        """Look at all pictures; see `Source.survey`."""
        self._left_out = []
        return replace(super().survey(), class_names=self.shards[0].columns.class_names)

    def remarks(self) -> tuple[Sequence[Skipped], Sequence[str], Sequence[str]]:
        """Rows without a picture or a label; see `PictureSource.remarks`."""
        return self._left_out, self.notes, ()

    def listed(self) -> Iterable[tuple[Picture, Content]]:
        """The pictures with their labels, row by row; see `PictureSource.listed`."""
        unlabelled = {shard.split for shard in self.shards if self._has_no_labels(shard.split)}
        for number, shard in enumerate(self.shards):
            for row, content, label in self._rows(shard):
                name = f"{shard.name}, row {row}"
                if reason := _problem(content):
                    self._left_out.append(Skipped(name, reason))
                elif label is None and shard.split not in unlabelled:
                    self._left_out.append(Skipped(name, "no label"))
                else:
                    yield Picture(shard.split, label, name, (number, row), is_named=True), content

    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """The pictures again; see `PictureSource.contents`."""
        position = 0
        for number in dict.fromkeys(picture.place[0] for picture in pictures):
            for row, content, _ in self._rows(self.shards[number], with_labels=False):
                if position < len(pictures) and pictures[position].place == (number, row):
                    yield position, content
                    position += 1

    def _rows(self, shard: Shard, with_labels: bool = True) -> Iterator[tuple[int, Any, Any]]:
        """Number of each row, its picture's bytes, and its label."""
        columns = shard.columns
        path = str(columns.encoded)
        wanted = [path] + ([columns.label] if with_labels and columns.label is not None else [])
        with opened(shard.file, shard.name) as content:
            for start, batch in batches(content, wanted):
                labels = [None] * batch.num_rows
                if len(wanted) > 1:
                    labels = labels_of(batch.column(columns.label), shard.name, columns.class_names)
                pictures = batch.column(path.removesuffix(".bytes") if path not in batch.schema.names else path)
                is_nested = path not in batch.schema.names
                for row in range(batch.num_rows):
                    value = pictures[row].as_py()
                    yield start + row, (value or {}).get("bytes") if is_nested else value, labels[row]

    def _has_no_labels(self, split: Split) -> bool:
        """Whether no row of a split has a label."""
        for shard in self.shards:
            if shard.split != split or shard.columns.label is None:
                continue
            with opened(shard.file, shard.name) as content:
                for _, batch in batches(content, [shard.columns.label], ROWS):
                    labels = labels_of(batch.column(0), shard.name, shard.columns.class_names)
                    if any(label is not None for label in labels):
                        return False
        return True


def _problem(content: Any) -> str:
    """Why a row's bytes are no picture, before they are looked at."""
    if not content:
        return "no picture"
    return "too large" if len(content) > LARGEST_PICTURE else ""
