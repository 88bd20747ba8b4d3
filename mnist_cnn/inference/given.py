"""What is given to `predict` by name, image after image: pictures, and the images in tables and arrays.

Nothing is kept: however many images a file holds, a block of them is in memory.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, tee
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import UnreadablePictureError
from mnist_cnn.data.own.labels import as_name
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Block, Form, Part, Source
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError, of_system
from mnist_cnn.inference.base import Classifier, Prediction
from mnist_cnn.inference.found import STANDARD_INPUT, holds_data
from mnist_cnn.inference.preparing import AsTrained

LARGEST_SIDE = 200  # pixels of a side of an image in a file, before a digit is looked for on it


class Item(NamedTuple):
    """One image.

    Attributes:
        name: What to call it: the picture's path, or "test.csv, row 17".
        picture: What a classifier is given for it.
        stem: What a file that is made of it is called, without an ending.
        number: Where it stands among the images of its file, from 1.
        truth: Number of the class that its file says it is of, -1 for one that the network does not know; None if it
            does not say.
    """

    name: str
    picture: Any
    stem: str
    number: int = 1
    truth: int | None = None


@dataclass
class Tally:
    """What came out, in numbers of images.

    Attributes:
        answered: How many could be read.
        failed: How many could not.
        labelled: Of how many the file says a class.
        unknown: How many of those have one that the network does not know.
        right: How many were answered with theirs.
    """

    answered: int = 0
    failed: int = 0
    labelled: int = 0
    unknown: int = 0
    right: int = 0

    def add(self, item: Item, prediction: Prediction) -> None:
        """Count an image that could be read."""
        self.answered += 1
        self.labelled += item.truth is not None
        self.unknown += item.truth == -1
        self.right += item.truth == prediction.index


class Given(ABC):
    """Images that were named.

    Attributes:
        count: How many.
        failures: A line on each that is damaged, as far as that is known before they are read.
        notes: What a person should know, each a sentence.
        is_unlabelled_table: Whether it is a table of pixels alone, as Kaggle's competitions give for answering.
    """

    count: int
    failures: Sequence[str] = ()
    notes: Sequence[str] = ()
    is_unlabelled_table: bool = False

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """The images in their order, each once.

        Raises:
            UserError: if a file cannot be read any more.
        """


class Pictures(Given):
    """Files of one picture each, the standard input among them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths, self.count = paths, len(paths)

    def items(self) -> Iterator[Item]:
        """The pictures; see `Given.items`."""
        for number, path in enumerate(self.paths, 1):
            if str(path) == STANDARD_INPUT:
                yield Item(STANDARD_INPUT, sys.stdin.buffer, "standard-input", number)
            else:
                yield Item(str(path), path, path.stem, number)


class DataFile(Given):
    """A file of many images: a table or an array of own data, of any kind that `data.own.recognition` knows.

    Args:
        path: The file.
        classifier: Who is to answer.
        reading: How it is read where the file leaves it open.

    Raises:
        UserError: if it is none, or cannot be used.
    """

    def __init__(self, path: Path, classifier: Classifier, reading: Reading) -> None:
        self.path, self.classifier = path, classifier
        self.source: Source = recognise(path, reading)
        self.source.is_for_answers = True
        survey = self.source.survey()
        self.parts = {split: part for split, part in survey.parts.items() if len(part)}
        self.count = sum(map(len, self.parts.values()))
        self.failures = [
            f"{printable(name)}: {printable(why)}" for name, why, is_damaged in survey.skipped if is_damaged
        ]
        self.is_unlabelled_table = "table" in self.source.kind and all(p.labels is None for p in self.parts.values())
        self._truth = {
            split: None if part.labels is None else classes_of(part.labels, survey.class_names, classifier.class_names)
            for split, part in self.parts.items()
        }
        self.notes = [*self._changes()]
        if any(part.labels is not None and self._truth[split] is None for split, part in self.parts.items()):
            self.notes.append(
                f"the labels in {printable(path)} are none of the network's classes: they are not compared"
            )

    def items(self) -> Iterator[Item]:
        """The images of all splits; see `Given.items`."""
        number = 0
        for split, part in self.parts.items():
            form, is_final = self._form(part)
            truth = self._truth[split]
            for position, image in in_order(self.source.blocks(split, form)):
                number += 1
                if isinstance(image, str):
                    picture: Any = UnreadablePictureError(f"{printable(part.name_of(position))}: {printable(image)}")
                else:
                    picture = AsTrained(image) if is_final else image[0]
                is_true = None if truth is None else int(truth[position])
                if is_true == -1 and self.source.labels_are_folders:  # which may be called anything
                    is_true = None
                yield Item(part.name_of(position), picture, f"{self.path.stem}-{number}", number, is_true)

    def _form(self, part: Part) -> tuple[Form, bool]:
        """The form that images are asked for in, and whether it is the one that the network takes."""
        channels, *size = self.classifier.image_shape
        if self.classifier.layout == "picture" or (part.sizes == size).all():
            return Form(channels, *size), True
        height, width = part.sizes.max(axis=0).tolist()
        scale = min(LARGEST_SIDE / max(height, width), 1)
        return Form(1, max(round(height * scale), 1), max(round(width * scale), 1)), False

    def _changes(self) -> Iterator[str]:
        """What is done to all images of a file whose images are not what the network takes."""
        name, (channels, *size) = printable(self.path), self.classifier.image_shape
        sizes = np.concatenate([part.sizes for part in self.parts.values()]) if self.parts else np.zeros((0, 2))
        if len(sizes) and (sizes == sizes[0]).all() and sizes[0].tolist() != size:
            found, taken = ("x".join(map(str, each)) for each in (sizes[0].tolist(), size))
            yield f"{name}: its images of {found} pixels are brought to {taken}, which the network takes"
        if channels == 1 and not all(part.is_grey for part in self.parts.values()):
            yield f"{name}: its images in colour are turned into grey, which the network takes"


def open_all(paths: Iterable[Path], classifier: Classifier, reading: Reading) -> tuple[list[Given], list[str]]:
    """Look at files that were found.

    Args:
        paths: Pictures, and files of many images.
        classifier: Who is to answer.
        reading: How files of many images are read where they leave it open.

    Returns:
        What can be used, in the order of the paths, and a line on each file that cannot.
    """
    opened: list[Given] = []
    failures: list[str] = []
    for are_data, group in groupby(paths, key=holds_data):
        if not are_data:
            opened.append(Pictures(list(group)))
            continue
        for path in group:
            try:
                opened.append(DataFile(path, classifier, reading))
            except (UserError, OSError) as error:
                failures.append(of_system(error) or str(error))
    return opened, failures


def answered(classifier: Classifier, given: Iterable[Given], top_k: int) -> Iterator[tuple[Item, Prediction]]:
    """Each image with its answer, one after the other; no more than a batch of them is kept.

    A file that cannot be read to its end is a last image with a `problem`, and the next file follows.
    """
    items, again = tee(_items(given))
    yield from zip(again, classifier.predict_each((item.picture for item in items), top_k), strict=True)


def _items(given: Iterable[Given]) -> Iterator[Item]:
    for each in given:
        try:
            yield from each.items()
        except (UserError, OSError) as error:
            problem = of_system(error) or str(error)
            yield Item("", UnreadablePictureError(problem), "")


def in_order(blocks: Iterable[Block]) -> Iterator[tuple[int, NDArray[np.uint8] | str]]:
    """The images of blocks by position, or the reason why there is none; what comes early waits, and nothing else."""
    waiting: dict[int, Any] = {}
    position = 0
    for block in blocks:
        waiting.update(zip(block.positions.tolist(), block.images, strict=True))
        waiting.update(block.damaged)
        del block
        while position in waiting:
            yield position, waiting.pop(position)
            position += 1
    for position in sorted(waiting):
        yield position, waiting.pop(position)


def classes_of(labels: NDArray[Any], names: Sequence[str], known: Sequence[str]) -> NDArray[np.int64] | None:
    """What a file's labels (N,) are among a network's classes.

    Args:
        labels: As the file has them, whole numbers or text.
        names: What the file calls the classes that its numbers stand for, if it says so.
        known: The network's class names.

    Returns:
        Numbers of classes (N,), -1 for those that the network does not know; None where it knows none of them. Labels
        that are numbers and no names are those of the network's classes.
    """
    unique, inverse = np.unique(labels, return_inverse=True)
    found = [as_name(label) for label in unique.tolist()]
    if names:
        found = [names[int(name)] if name.isdecimal() and int(name) < len(names) else name for name in found]
    numbers = {name: number for number, name in enumerate(known)}
    classes = [numbers.get(name, -1) for name in found]
    if max(classes, default=-1) < 0:
        if not all(name.isdecimal() and int(name) < len(known) for name in found):
            return None
        classes = [int(name) for name in found]
    return np.array(classes, np.int64)[inverse.reshape(-1)]
