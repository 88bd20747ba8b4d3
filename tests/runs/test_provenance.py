from typing import Any

import pytest

from mnist_cnn.errors import UserError
from mnist_cnn.runs.provenance import Provenance, compare

BEFORE = Provenance("pets", class_names=("cat", "dog"), image_shape=(3, 8, 8), layout="picture", fingerprint="a1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"dataset": "moved"}, None),
        ({"fingerprint": ""}, None),  # as where training images were not read
        ({"fingerprint": "b2"}, "it may have seen some of those that are held out now"),
        (
            {"class_names": ("cat", "fox")},
            "of the network are cat, dog, and those of the data are cat, fox",
        ),
        ({"image_shape": (3, 9, 8)}, "images of 3x8x8, and those of the data are 3x9x8 now"),
        ({"dataset": "other", "fingerprint": "b2"}, "the network was trained on pets, and the data are other now"),
    ],
)
def test_what_is_otherwise_than_in_training_is_said(changes: dict[str, Any], said: str | None) -> None:
    now = Provenance(**{**BEFORE.__dict__, **changes})
    for is_training in (True, False):
        found = compare(BEFORE, now, is_training)
        assert (found is None) if said is None else (found is not None and said in found)


def test_data_that_stand_in_are_not_mixed_with_those_that_they_stand_in_for() -> None:
    with pytest.raises(UserError, match="pets, which is absent now"):
        compare(BEFORE, Provenance("synthetic", stand_in_for="pets"), is_training=False)
