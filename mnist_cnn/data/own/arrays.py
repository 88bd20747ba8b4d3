"""Arrays: .npz, .npy, IDX files and .mat, alone, in pairs or in a folder."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.array_labels import labels_of
from mnist_cnn.data.own.assembling import Assembled, Pair, assemble, by_class, with_shards_joined
from mnist_cnn.data.own.axes import Layout, Range, layout_of, range_of, to_bytes
from mnist_cnn.data.own.finding import array_files, entries_of, partners_of
from mnist_cnn.data.own.forming import formed
from mnist_cnn.data.own.source import BLOCK_IMAGES, Block, Form, Part, Skipped, Source, Survey
from mnist_cnn.data.own.stored import Stored
from mnist_cnn.data.reading import Reading

NO_NUMBERS = "it holds values that are infinite or no numbers"


def recognise(path: Path, reading: Reading) -> Source | None:
    """Arrays in a file, in it and its partner, or in a folder."""
    files = array_files(path)
    return ArraySource(path, files, reading) if files else None


class Images(NamedTuple):
    """The images of a split.

    Attributes:
        array: Where they are.
        layout: How they lie in it.
        kept: Numbers of those that have a label (n,), counted in the array; None if all have.
    """

    array: Stored
    layout: Layout
    kept: NDArray[np.int64] | None


class ArraySource(Source):
    """Images in arrays.

    Args:
        path: What was named.
        files: The files that it means.
        reading: Which labels are taken where there are several.
    """

    def __init__(self, path: Path, files: Sequence[Path], reading: Reading) -> None:
        self.path, self.reading = path, reading
        self.files = [*files]
        self.kind = "a folder of arrays" if path.is_dir() else "arrays"
        self._images: dict[Split, Images] = {}
        self._range = Range(1.0)

    def survey(self) -> Survey:
        """Read headers and labels; see `Source.survey`."""
        found = self.found()
        notes, skipped = [*found.notes], [Skipped(printable(name), why, False) for name, why in found.unused]
        self._range = range_of([pair.images for pair in found.pairs.values()])
        parts = {split: self._part(split, pair, notes, skipped) for split, pair in found.pairs.items()}
        if self._range.note:
            notes.append(self._range.note)
        names = _names(found.names, parts)
        return Survey(parts, skipped, list(dict.fromkeys(notes)), class_names=names)

    def found(self) -> Assembled:
        """Which arrays are what.

        Raises:
            UserError: if they are damaged, or there are no images among them.
        """
        entries = [entry for file in self.files for entry in entries_of(file, self.path)]
        if self.path.is_file() and len(entries) == 1:
            partners = partners_of(self.path, entries[0])
            self.files = [*self.files, *(file for file, _ in partners)]
            entries += [entry for _, entry in partners]
        where = printable(self.path)
        found = by_class(entries, where) if self.path.is_dir() else None
        return found or assemble(with_shards_joined(entries), where, self.reading.label_column)

    def _part(self, split: Split, pair: Pair, notes: list[str], skipped: list[Skipped]) -> Part:
        labels, kept = None, None
        if pair.labels is not None:
            labels, is_there = labels_of(pair.labels)
        layout = layout_of(pair.images, None if labels is None else len(labels))
        count = layout.count(pair.images)
        if labels is not None and not is_there.all():
            kept = np.flatnonzero(is_there)
            skipped += [Skipped(pair.images.name_of(i), "no label") for i in np.flatnonzero(~is_there).tolist()]
            labels, count = labels[kept], len(kept)
        if layout.doubt:
            notes.append(
                f"{pair.images.where} of shape {pair.images.shape} is read as {layout.spoken}, not {layout.doubt}"
            )
        self._images[split] = Images(pair.images, layout, kept)
        if pair.images.is_sideways:
            notes.append("images of EMNIST's IDX files lie on their side, and are turned upright")

        def name_of(position: int) -> str:
            return pair.images.name_of(position if kept is None else int(kept[position]))

        sizes = np.broadcast_to(np.array([layout.height, layout.width], np.int64), (count, 2))
        return Part(labels, sizes, layout.channels == 1, name_of)

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """Read the images of a split in the order of the array; see `Source.blocks`."""
        array, layout, kept = self._images[split]
        number, position = 0, 0
        for block in layout.images(array):
            for start in range(0, len(block), BLOCK_IMAGES):
                images = block[start : start + BLOCK_IMAGES]
                if kept is not None:
                    wanted = kept[np.searchsorted(kept, number) : np.searchsorted(kept, number + len(images))] - number
                    number += len(images)
                    images = images[wanted]
                if len(images):
                    yield self._formed(images, position, form)
                position += len(images)

    def _formed(self, images: NDArray[Any], position: int, form: Form) -> Block:
        pixels, is_whole = to_bytes(images, self._range.factor)
        positions = position + np.flatnonzero(is_whole)
        damaged = dict.fromkeys((position + np.flatnonzero(~is_whole)).tolist(), NO_NUMBERS)
        return Block(positions, in_form(pixels[is_whole] if damaged else pixels, form), damaged)


def in_form(pixels: NDArray[np.uint8], form: Form) -> NDArray[np.uint8]:
    """Images (n, H, W, C) in a form (n, C, H, W)."""
    _, height, width, channels = pixels.shape
    if (height, width) == (form.height, form.width) and channels in (1, form.channels):
        brought = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return brought if channels == form.channels else np.repeat(brought, form.channels, axis=1)
    brought = np.empty((len(pixels), *form), np.uint8)
    for index, image in enumerate(pixels):
        brought[index] = formed(Image.fromarray(image[..., 0] if channels == 1 else image), form)
    return brought


def _names(names: Stored | None, parts: dict[Split, Part]) -> tuple[str, ...]:
    """Names of classes for labels that are their numbers."""
    if names is None:
        return ()
    found, _ = labels_of(names)
    labels = [part.labels for part in parts.values() if part.labels is not None]
    are_numbers = all(each.dtype.kind == "i" and each.min() >= 0 and each.max() < len(found) for each in labels)
    texts = [re.sub(r"\s+", " ", str(name)).strip() for name in found.tolist()]
    return (
        tuple(texts) if labels and are_numbers and len(set(filter(None, texts))) == len([*filter(None, texts)]) else ()
    )
