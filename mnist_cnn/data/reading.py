"""How data sets are read, where their files leave it open."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from mnist_cnn.data.base import Layout
from mnist_cnn.errors import UserError, check_between, check_choice, shown

OnDamaged = Literal["skip", "error"]
LARGEST_SIDE = 1024  # pixels of an image for the network


@dataclass(frozen=True)
class Reading:
    """Settings of reading.

    Args:
        image_size: Height and width that images are brought to, or one number for both; None leaves them as they are.
        channels: 1 for grey or 3 for colour; None leaves them as they are.
        layout: How pictures are brought into the images' form for `predict`; None is the data set's own.
        label_column: Name, or number from 0, of a table's column of labels; None finds it.
        on_damaged: What becomes of damaged images among others: "skip" leaves them out and names them.
        test_size: Number of images held out as test images where the files have none; None takes a tenth.
        split_seed: Seed of that choice.
        cache_dir: Folder for decoded images; None is the user's cache folder.

    Raises:
        UserError: for values out of their range.
    """

    image_size: int | Sequence[int] | None = None
    channels: int | None = None
    layout: Layout | None = None
    label_column: str | None = None
    on_damaged: OnDamaged = "skip"
    test_size: int | None = None
    split_seed: int = 0
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        if (size := self.size) is not None:
            object.__setattr__(self, "image_size", size)
            for side in size:
                check_between("image_size", side, 1, LARGEST_SIDE)
        if self.channels not in (None, 1, 3):
            raise UserError(f"channels={self.channels}: 1 (grey) or 3 (red, green, blue) is needed")
        if self.layout is not None:
            check_choice("layout", self.layout, Layout)
        check_choice("on_damaged", self.on_damaged, OnDamaged)
        if self.test_size is not None:
            check_between("test_size", self.test_size, 1)

    @classmethod
    def from_settings(cls, settings: Any) -> "Reading":
        """Of the settings of `MNISTDataModule`, some of which they are; those of earlier versions lack some."""
        return cls(**{field.name: settings[field.name] for field in fields(cls) if field.name in settings})

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that images are brought to; None leaves them as they are."""
        if self.image_size is None:
            return None
        given = self.image_size
        sides = [given, given] if isinstance(given, int) else [] if isinstance(given, str) else list(given)
        if len(sides) != 2 or not all(type(side) is int for side in sides):
            raise UserError(
                f"image_size={shown(given)}: a whole number, or height and width such as [32, 48], is needed"
            )
        return sides[0], sides[1]
