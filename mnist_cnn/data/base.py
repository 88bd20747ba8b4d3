"""What a data set is."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

Split = Literal["train", "val", "test"]
# How the images are laid out, and so how a picture is brought into their form: the ink of a digit fitted into 20x20
# around its centre of mass, as MNIST's makers did; a garment that fills the image, as in Fashion-MNIST; or the picture
# as it is, brought to size.
Layout = Literal["digit", "garment", "picture"]

LONGEST_NAME = 255  # characters, of a class or a data set: as much as a file's name can have
LONGEST_PATH = 4096


def is_name(value: Any, longest: int = LONGEST_NAME) -> bool:
    """Whether a value is a text that can be shown: it is short, and nothing in it steers a terminal."""
    is_text = isinstance(value, str) and len(value) <= longest
    return is_text and not any(unicodedata.category(character) == "Cc" for character in value)


class Dataset(ABC):
    """Images with labels, in a split for training and one for testing, and one for validation where it has its own.

    Attributes:
        title: Its name as its makers write it.
        class_names: Names of the classes, by label.
        image_shape: Channels, height and width of its images.
        layout: How its images are laid out.
        sizes: Number of images by split.
        holds_out_test: Whether its test images were drawn from images that are not divided in its files.
        is_generated: Whether its images are made as they are asked for, so that the first ones are as good as any.
    """

    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int] = (1, 28, 28)
    layout: Layout = "digit"
    sizes: dict[Split, int]
    holds_out_test: bool = False
    is_generated: bool = False

    @abstractmethod
    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Make sure that the files of the given splits are there and intact, and download those that are not.

        Args:
            data_dir: The folder that holds the data sets' folders; made if need be.
            splits: The splits whose files are needed.

        Raises:
            DatasetAbsentError: if files are missing and cannot be had.
            DatasetAlteredError: if a file is damaged and cannot be replaced.
        """

    def refresh(self) -> None:  # noqa: B027 - most have no such files
        """Forget what is known of files that have changed, as they do between two runs in one notebook."""

    @abstractmethod
    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> "tuple[Any, Tensor]":
        """Read a split, without writing anything and without a network.

        Args:
            data_dir: The folder that holds the data sets' folders.
            split: "train" or "test".
            limit: Read at most so many of the first images; None reads all.

        Returns:
            uint8 images (N, C, H, W), a tensor or, where they are larger than memory, `mnist_cnn.data.on_disk`'s
            images, and int64 labels (N,).

        Raises:
            DatasetAbsentError: if a file is not there.
            DatasetAlteredError: if a file is damaged.
        """

    def fingerprint(self, split: Split, images: Any, labels: Any) -> str:
        """A checksum of the content of a split that was read whole; see `mnist_cnn.data.fingerprint`."""
        from mnist_cnn.data.fingerprint import fingerprint  # and NumPy, which the list of data sets needs not

        return fingerprint(images, labels, self.class_names)

    def name_of(self, split: Split, index: int) -> str:
        """What to call an image for people: its file where it has one, else its number."""
        return f"{split} {index}"

    def left_out(self) -> Sequence[tuple[str, str]]:
        """What the files hold besides, each by its name and the reason why it is no image of the data set."""
        return ()

    def notes(self) -> Sequence[str]:
        """What a person should know of the data set, each a sentence."""
        return ()

    def remarks(self) -> Sequence[str]:
        """What of that is said when a run begins, each a line."""
        return self.notes()

    def absent_files(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> list[str]:
        """Names of the files that are not there."""
        return []

    def count_files(self) -> int:
        """Number of files in all; 0 for data that are generated."""
        return 0
