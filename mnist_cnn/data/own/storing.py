"""Images of one's own decoded: into memory or into files, with all that is known of them."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_cnn.console import is_first_process
from mnist_cnn.data.base import Split
from mnist_cnn.data.on_disk import Images
from mnist_cnn.data.own.classes import classes_of
from mnist_cnn.data.own.form import form_of
from mnist_cnn.data.own.source import BLOCK_IMAGES, Form, Skipped, Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

BAR_FROM = 3000  # images, of which a progress bar is drawn


@dataclass(frozen=True)
class Stored:
    """Decoded images with all that is known of them.

    Attributes:
        images: uint8 (N, C, H, W) by split; in memory, or on the disk.
        labels: int64 (N,) by split; None where the files have none.
        class_names: Names of the classes, by label.
        skipped: What was left out.
        notes: What a person should know besides, each a sentence.
        dropped: By split, the places in the survey whose images turned out to be damaged, ascending.
        fingerprints: By split, where they are known already; see `mnist_cnn.data.fingerprint`.
        key: What the files are known by, as they were when they were read.
    """

    images: Mapping[Split, Images]
    labels: Mapping[Split, Tensor | None]
    class_names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    dropped: Mapping[Split, Sequence[int]] = field(default_factory=dict)
    fingerprints: Mapping[Split, str] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True)
class Known:
    """What is known of images when they are decoded, beside the pixels; as in `Stored`."""

    labels: Mapping[Split, NDArray[np.int64] | None]
    class_names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    dropped: Mapping[Split, Sequence[int]]


class Place(ABC):
    """Where decoded images are put."""

    @abstractmethod
    def begin(self, split: Split, count: int, form: Form) -> None:
        """Make room for the images of a split."""

    @abstractmethod
    def put(self, positions: NDArray[np.int64], images: NDArray[np.uint8]) -> None:
        """Put images (n, C, H, W) of the split to their positions (n,)."""

    @abstractmethod
    def end(self, is_whole: NDArray[np.bool_]) -> None:
        """Keep of the split the images that are whole (N,), in their order."""


class InMemory(Place):
    """Decoded images as arrays (N, C, H, W) in memory, by split."""

    def __init__(self) -> None:
        self.images: dict[Split, NDArray[np.uint8]] = {}

    def begin(self, split: Split, count: int, form: Form) -> None:
        """Make an array."""
        self._split: Split = split
        self.images[split] = np.zeros((count, *form), np.uint8)

    def put(self, positions: NDArray[np.int64], images: NDArray[np.uint8]) -> None:
        """Put images into it."""
        self.images[self._split][positions] = images

    def end(self, is_whole: NDArray[np.bool_]) -> None:
        """Leave out what is damaged."""
        if not is_whole.all():
            self.images[self._split] = self.images[self._split][is_whole]

    def stored(self, known: Known, key: str) -> Stored:
        """The images with what is known of them, and the key of their files."""
        labels = {split: None if found is None else torch.from_numpy(found) for split, found in known.labels.items()}
        images: dict[Split, Images] = {split: torch.from_numpy(self.images[split]) for split in known.labels}
        return Stored(images, labels, known.class_names, known.skipped, known.notes, known.dropped, key=key)


class InFiles(Place):
    """Decoded images in files of NumPy's format, written piece by piece.

    Args:
        folder: The folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: Any = None

    def begin(self, split: Split, count: int, form: Form) -> None:
        """Make a file."""
        self._split: Split = split
        self._form, self._bytes_each = form, int(np.prod(form))
        self._file = images_path(self.folder, split).open("w+b")
        self._begin = self._write_header(count)

    def put(self, positions: NDArray[np.int64], images: NDArray[np.uint8]) -> None:
        """Write images into it, neighbours at once."""
        order = np.argsort(positions, kind="stable")
        for run in np.split(order, np.flatnonzero(np.diff(positions[order]) != 1) + 1):
            if len(run):
                self._file.seek(self._begin + int(positions[run[0]]) * self._bytes_each)
                self._file.write(np.ascontiguousarray(images[run]).data)

    def end(self, is_whole: NDArray[np.bool_]) -> None:
        """Move what is whole together, and cut the file there."""
        count = int(is_whole.sum())
        if count < len(is_whole):
            written = 0
            for start in range(0, len(is_whole), BLOCK_IMAGES):
                whole = is_whole[start : start + BLOCK_IMAGES]
                self._file.seek(self._begin + start * self._bytes_each)
                block = np.frombuffer(self._file.read(len(whole) * self._bytes_each), np.uint8)
                # The last ones may be damaged: then the file ends before them.
                kept = block.reshape(-1, self._bytes_each)[whole[: len(block) // self._bytes_each]]
                self._file.seek(self._begin + written * self._bytes_each)
                self._file.write(kept.tobytes())
                written += len(kept)
            self._file.truncate(self._begin + count * self._bytes_each)
            self._file.seek(0)
            self._write_header(count)
        self.close()
        if not count:
            images_path(self.folder, self._split).unlink()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_header(self, count: int) -> int:
        """Write what such a file begins with, and return its length, which is the same for any count."""
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, *self._form)}
        np.lib.format.write_array_header_1_0(self._file, header)
        return int(self._file.tell())


class Decoder:
    """Looks a source through, once, and decodes it.

    Args:
        source: The files.
        reading: How they are read where they leave it open.
    """

    def __init__(self, source: Source, reading: Reading) -> None:
        self.source, self.reading = source, reading

    @cached_property
    def survey(self) -> Survey:
        """What the files hold: training images with labels, and other splits that are not empty.

        Raises:
            UserError: if there are none.
        """
        found = self.source.survey()
        parts = {split: part for split, part in found.parts.items() if len(part)}
        path = self.source.path
        if not parts:
            left_out = ""
            if found.skipped:
                name, reason, _ = found.skipped[0]
                left_out = f": left out are {len(found.skipped):,} files, the first {name} ({reason})"
            raise UserError(f"{path} holds no images{left_out}")
        if "train" not in parts:
            raise UserError(f"{path} holds no training images, but {' and '.join(parts)} alone")
        if parts["train"].labels is None:
            raise UserError(
                f"{path} has no labels for its training images: a folder for each class is needed, or a column or an "
                f"array of labels (see --data.label_column)"
            )
        return Survey(parts, found.skipped, found.notes, found.class_names, found.empty_classes)

    @cached_property
    def form(self) -> tuple[Form, list[str]]:
        """The form of all images, and what a person should know of it."""
        return form_of(self.survey, self.reading)

    @property
    def bytes(self) -> int:
        """Bytes of all decoded images."""
        return sum(map(len, self.survey.parts.values())) * int(np.prod(self.form[0]))

    def decode(self, place: Place) -> Known:
        """Decode all images, and say what is known of them besides.

        Raises:
            UserError: if there are too few images or classes to be trained on.
        """
        form, notes = self.form
        skipped, dropped = list(self.survey.skipped), {}
        labels: dict[Split, NDArray[Any] | None] = {}
        with _bar(sum(map(len, self.survey.parts.values()))) as bar:
            for split, part in self.survey.parts.items():
                place.begin(split, len(part), form)
                is_whole = np.zeros(len(part), bool)
                for block in self.source.blocks(split, form):
                    place.put(block.positions, block.images)
                    is_whole[block.positions] = True
                    skipped += [Skipped(part.name_of(position), reason) for position, reason in block.damaged.items()]
                    bar.update(len(block.positions) + len(block.damaged))
                place.end(is_whole)
                if not is_whole.any() and split == "train":
                    first = skipped[-1] if skipped else Skipped("", "")
                    raise UserError(f"{self.source.path}: no training image can be read ({first.name}: {first.reason})")
                if is_whole.any():
                    labels[split] = None if part.labels is None else np.asarray(part.labels)[is_whole]
                    dropped[split] = np.flatnonzero(~is_whole).tolist()
        names, numbers, of_classes = classes_of(self.source.path, labels, self.survey)
        return Known(numbers, names, tuple(skipped), (*self.survey.notes, *notes, *of_classes), dropped)


def images_path(folder: Path, split: Split) -> Path:
    """The file of a split's images."""
    return folder / f"{split}.images.npy"


def _bar(count: int) -> Any:
    """A progress bar on a terminal, where there is so much to decode that a person waits."""
    from tqdm import tqdm

    is_hidden = count < BAR_FROM or not is_first_process()
    return tqdm(total=count, desc="Decoding", unit=" images", file=sys.stderr, disable=is_hidden or None, leave=False)
