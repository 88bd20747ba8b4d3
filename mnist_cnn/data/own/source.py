"""What own data are before they are brought into one form: labels, sizes and names first, pixels afterwards.

A kind of files is a `Source`. It is looked through once (`survey`), which takes no memory for pixels, so that classes,
size and channels are known; then its images are asked for in the form that was decided on (`blocks`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Split

BLOCK_IMAGES = 1024  # of a block, at most


class Form(NamedTuple):
    """The form that all images are brought into."""

    channels: int
    height: int
    width: int


class Skipped(NamedTuple):
    """Something that is left out.

    Attributes:
        name: A file, a row or an entry, as a person would find it.
        reason: Why, in a few words.
        is_damaged: Whether it should have been an image, so that `--data.on_damaged error` makes it an error.
    """

    name: str
    reason: str
    is_damaged: bool = True


@dataclass(frozen=True)
class Part:
    """One split as its files hold it, in the order in which its images stand from now on.

    Attributes:
        labels: The label of each image as its file has it (N,), whole numbers or text; None where there are none.
        sizes: Height and width of each image (N, 2).
        is_grey: Whether all its images are grey.
        name_of: What to call an image in messages, by its position: "train/cat/01.png", "train.csv, row 17".
    """

    labels: NDArray[Any] | None
    sizes: NDArray[np.int64]
    is_grey: bool
    name_of: Callable[[int], str]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.sizes)


@dataclass(frozen=True)
class Survey:
    """What a source holds.

    Attributes:
        parts: Its splits: "train" always, "val" and "test" where the files have them.
        skipped: What is left out.
        notes: What a person should know besides, each a sentence.
        class_names: Names of the classes by number, where the files say them and labels are numbers; else empty.
        empty_classes: Classes that the files name, but have no image of.
    """

    parts: Mapping[Split, Part]
    skipped: Sequence[Skipped] = ()
    notes: Sequence[str] = ()
    class_names: Sequence[str] = ()
    empty_classes: Sequence[str] = ()


@dataclass(frozen=True)
class Block:
    """Some images of a split in their final form.

    Attributes:
        positions: Where they stand in their part (n,), of each split in any order.
        images: uint8 (n, C, H, W).
        damaged: Positions of images that turned out to be damaged, with the reason; they are not in `positions`.
    """

    positions: NDArray[np.int64]
    images: NDArray[np.uint8]
    damaged: Mapping[int, str] = field(default_factory=dict)


class Source(ABC):
    """Images with labels in files of one kind. Reading it executes nothing and writes nothing.

    Attributes:
        path: What was named.
        kind: What it is, for people: "a folder of pictures", "a table of pixels".
        files: All files that are read, in an order of their own; of them the cache sees whether something has changed.
        labels_are_folders: Whether the label of an image is the name of the folder that it lies in.
        is_for_answers: Whether a trained network is to answer for the images, so that those without a label, a class or
            a split are not left out; set before `survey`.
    """

    path: Path
    kind: str
    files: Sequence[Path]
    is_for_answers: bool = False
    labels_are_folders: bool = False

    @abstractmethod
    def survey(self) -> Survey:
        """Look through the files: labels, sizes and names, no pixels.

        Raises:
            UserError: if they cannot be used, naming the file and the row.
        """

    @abstractmethod
    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """The images of a split in the given form, each exactly once, in blocks of at most `BLOCK_IMAGES`.

        Raises:
            UserError: if a file cannot be read any more.
        """
