from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_cnn.data import fingerprint as module
from mnist_cnn.data.fingerprint import fingerprint

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
LABELS = np.arange(50) % 3
NAMES = ("a", "b", "c")


def changed(images: np.ndarray, *place: int) -> np.ndarray:
    found = images.copy()
    found[place] ^= 1
    return found


def test_the_same_content_has_the_same_fingerprint_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fingerprint(IMAGES, LABELS, NAMES)
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert fingerprint(mapped, LABELS.astype(np.int32), [*NAMES]) == expected
    assert fingerprint(torch.from_numpy(IMAGES), torch.from_numpy(LABELS), NAMES) == expected
    strided = np.asfortranarray(IMAGES)
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    assert fingerprint(strided, LABELS, NAMES) == expected


@pytest.mark.parametrize(
    "other",
    [
        (changed(IMAGES, 49, 2, 3, 4), LABELS, NAMES),
        (IMAGES, LABELS[::-1], NAMES),
        (IMAGES, LABELS, ("a", "b", "d")),
        (IMAGES.reshape(50, 3, 5, 4), LABELS, NAMES),
        (IMAGES[::-1], LABELS, NAMES),
        (IMAGES[:49], LABELS[:49], NAMES),
    ],
    ids=["pixel", "labels", "names", "shape", "order", "count"],
)
def test_any_change_of_the_content_is_another_fingerprint(other: Any) -> None:
    assert fingerprint(*other) != fingerprint(IMAGES, LABELS, NAMES)
