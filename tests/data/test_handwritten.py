from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_cnn.data import handwritten
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import DatasetAbsentError
from tests.support.datasets import whole


def test_all_digits_are_in_one_of_the_splits_with_their_values_as_bytes(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    dataset, held = find_dataset("digits"), load_digits()
    dataset.obtain(tmp_path)
    splits = {split: whole(dataset, tmp_path, split) for split in dataset.sizes}
    assert {split: len(images) for split, (images, _) in splits.items()} == dataset.sizes
    assert sum(dataset.sizes.values()) == len(held.target) == 1797
    found = sorted(
        (int(label), image.numpy().tobytes())
        for images, labels in splits.values()
        for image, label in zip(images, labels, strict=True)
    )
    expected = sorted(
        (int(label), np.rint(image / 16 * 255).astype(np.uint8).tobytes())
        for image, label in zip(held.images, held.target, strict=True)
    )
    assert found == expected


def test_each_class_has_a_fifth_of_its_digits_in_test_and_always_the_same(tmp_path: Path) -> None:
    dataset = find_dataset("digits")
    (_, train), (images, test) = whole(dataset, tmp_path, "train"), whole(dataset, tmp_path, "test")
    shares = torch.bincount(test) / (torch.bincount(train) + torch.bincount(test))
    assert ((shares - 0.2).abs() < 0.01).all()
    again, labels = whole(dataset, tmp_path, "test", 7)
    assert torch.equal(again, images[:7])
    assert torch.equal(labels, test[:7])


def test_a_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str, *args: Any) -> Any:
        return None if name == "sklearn" else util.find_spec(name, *args)

    monkeypatch.setattr(handwritten, "find_spec", none)
    dataset = find_dataset("digits")
    assert dataset.absent_files(tmp_path) == ["scikit-learn"]
    for step in (lambda: dataset.obtain(tmp_path), lambda: whole(dataset, tmp_path, "test")):
        with pytest.raises(DatasetAbsentError, match=r"pip install 'mnist-cnn\[digits\]'") as caught:
            step()
        assert "\n" not in str(caught.value)
