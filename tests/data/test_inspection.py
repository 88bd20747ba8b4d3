from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.inspection import Place, first_of_each_class, inspect


class Held(Dataset):
    """Images that a test makes."""

    title, class_names, image_shape = "held", ("a", "b", "c"), (3, 2, 2)

    def __init__(self, **splits: tuple[Sequence[int], Sequence[int]]) -> None:
        """Each split: a shade and a label for each image."""
        self.splits = splits
        self.sizes = {split: len(labels) for split, (_, labels) in splits.items()}  # type: ignore[misc]

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        pass

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
        shades, labels = self.splits[split]
        images = torch.tensor(shades, dtype=torch.uint8)[:, None, None, None].expand(-1, *self.image_shape)
        return images, torch.tensor(labels)


def test_classes_are_counted_by_split_and_those_without_images_too() -> None:
    found = inspect(Held(train=([1, 2, 3], [0, 0, 1]), val=([4], [1]), test=([5, 6], [0, 1])), Path())
    assert {split: counts.tolist() for split, counts in found.counts.items()} == {
        "train": [2, 1, 0],
        "val": [0, 1, 0],
        "test": [1, 1, 0],
    }
    assert found.duplicates == []
    assert not found.is_uneven()
    assert inspect(Held(train=([1, 2, 3, 4, 5], [0, 0, 0, 0, 1])), Path()).is_uneven()


def test_exact_copies_are_found_within_a_split_between_splits_and_under_other_classes() -> None:
    found = inspect(Held(train=([7, 8, 7, 7, 9], [0, 1, 0, 2, 1]), test=([9, 1, 8], [1, 0, 0])), Path())
    assert found.copies_within() == {"train": 2, "test": 0}
    shared = found.shared("train", "test")
    assert sorted(map(sorted, shared)) == sorted(
        [[Place("test", 0, 1), Place("train", 4, 1)], [Place("test", 2, 0), Place("train", 1, 1)]]
    )
    assert sorted({place.label for place in group} == {0, 2} for group in found.contradictory()) == [False, True]
    assert found.shared("train", "val") == []


def test_images_that_differ_in_one_pixel_are_no_copies() -> None:
    dataset = Held(train=([1, 1], [0, 0]))
    images = torch.zeros(2, 3, 2, 2, dtype=torch.uint8)
    images[1, 2, 1, 1] = 1
    dataset.read = lambda *arguments: (images, torch.tensor([0, 0]))  # type: ignore[method-assign]
    assert inspect(dataset, Path()).duplicates == []
    assert not inspect(dataset, Path()).is_grey  # the last channel differs from the first


def test_grey_images_that_are_kept_in_colour_are_seen_to_be_grey() -> None:
    assert inspect(Held(train=([1, 2], [0, 1])), Path()).is_grey


def test_the_first_images_of_each_class_are_given_also_where_there_are_none() -> None:
    of_each = first_of_each_class(Held(train=([1, 2, 3, 4], [1, 0, 1, 1])), Path(), 2)
    assert [images[:, 0, 0, 0].tolist() for images in of_each] == [[2], [1, 3], []]
    assert all(images.shape[1:] == (3, 2, 2) and images.dtype == np.uint8 for images in of_each)
