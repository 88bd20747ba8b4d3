"""Own data that are made up: images by number, as a file would give them."""

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.source import Block, Form, Part, Source, Survey


class MadeTable(Source):
    """A table of pixels.

    Args:
        count: Number of images.
        image_of: Gives an image (C, H, W) by its position, in the form that is asked for.
        labels: As a file has them; None for none.
        side: Height and width that all images are said to have.
        survey: What else is found.

    Attributes:
        asked: The forms that images were asked for in.
        made: The arrays of all blocks, as far as they are still there.
    """

    kind = "a table of pixels"

    def __init__(
        self,
        count: int,
        image_of: Callable[[int, Form], NDArray[np.uint8]],
        labels: Any = None,
        side: tuple[int, int] = (4, 5),
        **survey: Any,
    ) -> None:
        self.path, self.files = Path("made.csv"), []
        self.count, self.image_of, self.side, self.more = count, image_of, side, survey
        self.labels = None if labels is None else np.array(labels)
        self.asked: list[Form] = []
        self.made: list[weakref.ref[Any]] = []

    def survey(self) -> Survey:
        """All images are in one part, "test"."""
        sizes = np.tile(self.side, (self.count, 1))
        part = Part(self.labels, sizes, True, lambda position: f"made.csv, row {position + 1}")
        return Survey({"test": part}, **self.more)

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """A hundred images at a time."""
        self.asked.append(form)
        for start in range(0, self.count, 100):
            positions = np.arange(start, min(start + 100, self.count))
            images = np.stack([self.image_of(position, form) for position in positions.tolist()])
            self.made.append(weakref.ref(images))
            yield Block(positions, images)
            del images
