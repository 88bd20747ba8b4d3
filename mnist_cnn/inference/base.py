"""What a trained network is for those who use it, wherever it comes from. Imports neither torch nor Lightning."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.base import Layout
from mnist_cnn.errors import UserError
from mnist_cnn.inference.inputs import byte_images, each_picture
from mnist_cnn.inference.pictures import NoInkError, UnreadablePictureError
from mnist_cnn.inference.preparing import for_people, prepared
from mnist_cnn.runs.provenance import Provenance

BATCH_SIZE = 256


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a classifier says of one picture.

    Attributes:
        label: Name of the most probable class; empty if there is no answer.
        index: Number of that class, or -1.
        probability: Its probability, from 0 to 1.
        top: The most probable classes with their probabilities, the likeliest first.
        image: What the network saw, uint8 (H, W), or (H, W, 3) in colour; None if there was nothing to see.
        problem: Why there is no answer; empty if there is one.
        is_error: Whether the picture could not be read, rather than being empty.
    """

    label: str = ""
    index: int = -1
    probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    image: NDArray[np.uint8] | None = field(default=None, compare=False)
    problem: str = ""
    is_error: bool = False

    def __repr__(self) -> str:
        """In a line, without the image's numbers."""
        if self.problem:
            return f"Prediction(problem={self.problem!r})"
        others = ", ".join(f"{label!r} {100 * probability:.1f} %" for label, probability in self.top[1:])
        runners_up = f", then {others}" if others else ""
        return f"Prediction({self.label!r} {100 * self.probability:.1f} %{runners_up})"


class Classifier(ABC):
    """A trained network, ready to answer: `predict` pictures of any kind, `predict_proba` images in its own form.

    Attributes:
        path: The file that it was read from.
        class_names: Names of the classes, by number.
        provenance: What it was trained on; empty where a file does not say.
    """

    path: Path
    class_names: list[str]
    provenance: Provenance

    def predict_proba(self, images: Any) -> NDArray[np.float32]:
        """Map images to probabilities.

        Args:
            images: An array or tensor (N, C, H, W) of the shape that the network was trained on, taken as it is (digits
                are light on dark): bytes or other whole numbers from 0 to 255, or floats from 0 to 255 or from 0 to 1,
                which are rounded to bytes. All of them together tell which.

        Returns:
            Probabilities (N, classes).

        Raises:
            UserError: for another shape, or values of another range.
        """
        return self._probabilities(byte_images(images, self.image_shape[0]))

    @abstractmethod
    def _probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map uint8 images (N, C, H, W), digits light on dark, to probabilities (N, classes)."""

    def _checked(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities that a network gave, if they are numbers.

        Raises:
            UserError: if one of them is not: the network of a run that diverged says nothing of any image.
        """
        if not np.isfinite(probabilities).all():
            raise UserError(
                f"{self.path} answers with values that are no numbers: its training diverged, or it was altered; take "
                f"another checkpoint with --ckpt_path"
            )
        return probabilities

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the images that it was trained on."""
        return self.provenance.image_shape

    @property
    def channels(self) -> int:
        """1 for a network of grey images, 3 for one of images in colour."""
        return self.image_shape[0]

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that it was trained on, in pixels."""
        return self.image_shape[1:]

    @property
    def layout(self) -> Layout:
        """How pictures are prepared: as digits, as garments, or as they are; see `preparing.prepared`."""
        if self.provenance.layout:
            return self.provenance.layout  # type: ignore[return-value]
        from mnist_cnn.data.registry import dataset_names, find_dataset

        name = self.provenance.dataset  # of a file from before layouts were kept; none that names a place here
        return find_dataset(name).layout if name in dataset_names() else "digit"

    def predict(self, pictures: Any, top_k: int = 3) -> list[Prediction]:
        """Answer for pictures of any kind.

        Args:
            pictures: One picture or many: paths, files' contents as bytes, open binary files, Pillow images, arrays,
                tensors. Each is prepared as the training images were, see `preparing.prepared`. An array or tensor of
                three dimensions is many pictures (N, H, W), unless its last dimension is colour (H, W, 3 or 4), its
                first is 1, or it has the shape of one of the network's images (C, H, W); one of four is (N, C, H, W) or
                (N, H, W, channels). One of two dimensions is a picture (H, W), but with as many columns as the
                network's images have pixels (784 of 28x28), and as a data frame always, each row is an image, channel
                by channel and row by row.
            top_k: How many of the likeliest classes to give.

        Returns:
            A prediction for each picture, in their order. One that cannot be read is a prediction with a `problem`.

        Raises:
            UserError: if `top_k` is no positive number, or `pictures` is nothing of all this.
        """
        return list(self.predict_each(pictures, top_k))

    def predict_each(self, pictures: Any, top_k: int = 3) -> Iterator[Prediction]:
        """As `predict`, one after the other: pictures are read as they are asked for, `BATCH_SIZE` at a time."""
        if top_k < 1:
            raise UserError(f"top_k={top_k}: at least 1 is needed")
        remaining = iter(each_picture(pictures, self.image_shape, self.layout))
        while batch := list(islice(remaining, BATCH_SIZE)):
            yield from self._predict_batch(batch, top_k)

    def _predict_batch(self, pictures: Sequence[Any], top_k: int) -> list[Prediction]:
        layout, shape = self.layout, self.image_shape
        answers: list[Prediction] = []
        seen: list[tuple[int, NDArray[np.uint8]]] = []
        for picture in pictures:
            try:
                seen.append((len(answers), prepared(picture, layout, shape)))
                answers.append(Prediction())
            except (NoInkError, UnreadablePictureError) as error:
                answers.append(Prediction(problem=str(error), is_error=isinstance(error, UnreadablePictureError)))
        if seen:
            probabilities = self._probabilities(np.stack([image for _, image in seen]))
            for (position, image), row in zip(seen, probabilities, strict=True):
                answers[position] = self._answer(image, row, top_k)
        return answers

    def _answer(self, image: NDArray[np.uint8], probabilities: NDArray[np.float32], top_k: int) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")[:top_k]
        top = tuple((self.class_names[i], float(probabilities[i])) for i in order)
        return Prediction(top[0][0], int(order[0]), top[0][1], top, for_people(image))
