"""What `predict` and `predict_proba` take in Python, and in which words they refuse the rest."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mnist_cnn
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.inference.base import Classifier
from mnist_cnn.inference.pictures import to_network_input
from tests.support.pictures import seven

DIGITS = synthetic_digits(range(6))[0].numpy()


class Table:
    """What a data frame offers, without its library."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.columns = values, list(range(values.shape[1]))

    def to_numpy(self) -> np.ndarray:
        return self.values

    def __iter__(self) -> Any:
        return iter(self.columns)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """The network that comes with the package."""
    return mnist_cnn.load()


def png() -> bytes:
    file = io.BytesIO()
    seven().save(file, "PNG")
    return file.getvalue()


class Pipe(io.RawIOBase):
    """A file in which one cannot go back."""

    def __init__(self, content: bytes) -> None:
        self.file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)


@pytest.mark.parametrize(
    "picture", [png, lambda: bytearray(png()), lambda: io.BytesIO(png()), lambda: Pipe(png()), lambda: [png()]]
)
def test_bytes_and_open_files_are_one_picture(classifier: Classifier, picture: Callable[[], Any]) -> None:
    (answer,) = classifier.predict(picture())
    assert answer.label == "7"


def test_a_file_on_the_disk_may_be_open(classifier: Classifier) -> None:
    Path("seven.png").write_bytes(png())
    with Path("seven.png").open("rb") as file:
        assert [answer.label for answer in classifier.predict([file, "seven.png"])] == ["7", "7"]
    assert "binary mode" in classifier.predict(io.StringIO("text"))[0].problem


@pytest.mark.parametrize(
    "rows",
    [
        lambda pixels: pixels,
        lambda pixels: Table(pixels),
        lambda pixels: pixels / 255.0,
        lambda pixels: torch.from_numpy(pixels),
        lambda pixels: torch.from_numpy(pixels / 255.0).to(torch.float16).requires_grad_(),
        lambda pixels: pixels.astype(np.int64),
        lambda pixels: list(pixels),
    ],
)
def test_rows_of_784_pixels_are_images(classifier: Classifier, rows: Callable[[Any], Any]) -> None:
    expected = [answer.index for answer in classifier.predict(DIGITS)]
    assert [answer.index for answer in classifier.predict(rows(DIGITS.reshape(6, 784)))] == expected
    assert len(classifier.predict(DIGITS[0].reshape(784))) == 1


def test_names_of_files_in_an_array_are_files(classifier: Classifier) -> None:
    Path("seven.png").write_bytes(png())
    assert [answer.label for answer in classifier.predict(np.array(["seven.png", "seven.png"]))] == ["7", "7"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "a NoneType is no picture; taken are a path"),
        (7, "a int is no picture"),
        ({"a.png": 1}, "a dict is no picture"),
        (Table(np.zeros((3, 785))), "784 columns are needed"),
        (np.zeros((2, 3, 4, 5, 6)), r"shape \(2, 3, 4, 5, 6\) is no picture; taken are"),
        (np.zeros(5), r"shape \(5,\) is no picture"),
        (np.float32(3), r"shape \(\) is no picture"),
    ],
)
def test_anything_else_is_refused_with_what_is_taken(classifier: Classifier, given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        classifier.predict(given)


def test_what_is_no_picture_among_others_is_a_problem_of_its_own(classifier: Classifier) -> None:
    answers = classifier.predict(["http://example.org/7.png", 3, b"", seven()])
    assert [answer.is_error for answer in answers] == [True, True, True, False]
    assert "an address is not fetched" in answers[0].problem


@pytest.mark.parametrize(
    "values",
    [
        lambda images: images / 255,
        lambda images: (images / 255).astype(np.float32),
        lambda images: images.astype(np.float64),
        lambda images: images.astype(np.int64),
        lambda images: torch.from_numpy(images.astype(np.float32) / 255),
    ],
)
def test_probabilities_are_the_same_from_0_to_1_and_from_0_to_255(classifier: Classifier, values: Any) -> None:
    assert np.array_equal(classifier.predict_proba(values(DIGITS)), classifier.predict_proba(DIGITS))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (lambda images: (images / 255 - 0.1307) / 0.3081, "leave Normalize"),
        (lambda images: images / 127.5 - 1, "leave Normalize"),
        (lambda images: images.astype(np.uint16) * 257, "divide those of 16 bits by 257"),
        (lambda images: images.astype(np.int32) - 200, "whole numbers from -200"),
        (lambda images: images * np.nan, "values from nan"),
        (lambda images: images[:, 0], r"shape \(6, 28, 28\): \(N, 1, H, W\) is needed"),
        (lambda images: images.astype(str), "numbers are needed"),
    ],
)
def test_probabilities_of_other_values_are_refused(classifier: Classifier, values: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        classifier.predict_proba(values(DIGITS))


def test_an_array_that_is_not_writable_is_taken_without_a_warning(classifier: Classifier) -> None:
    locked = DIGITS.copy()
    locked.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(classifier.predict_proba(locked), classifier.predict_proba(DIGITS))
        assert len(classifier.predict(locked)) == 6


@pytest.mark.parametrize("values", [np.full((30, 30), 300), np.full((30, 30), -1e308), np.full((30, 30), 1, np.uint8)])
def test_arrays_of_one_value_are_empty_pictures_without_a_warning(classifier: Classifier, values: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "no ink" in classifier.predict(values)[0].problem


def test_values_too_far_apart_are_refused(classifier: Classifier) -> None:
    values = np.zeros((30, 30))
    values[0, 0], values[1, 1] = 1.7e308, -1.7e308
    assert "infinite" in classifier.predict(values)[0].problem


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint16])
def test_a_mask_of_zeros_and_ones_is_a_picture(dtype: Any) -> None:
    mask = np.asarray(seven()) < 128
    found = to_network_input(mask.astype(dtype))
    assert np.corrcoef(found.ravel(), to_network_input(seven()).ravel())[0, 1] > 0.95
