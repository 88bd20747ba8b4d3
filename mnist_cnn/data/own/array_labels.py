"""Labels that come as arrays: one for each image, one-hot, as numbers of any type or as text."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.data.own.stored import Stored
from mnist_cnn.errors import UserError

LONGEST_LABEL = 1000  # letters that an array gives to each label, at most
TAKEN = "one whole number or text for each image is needed, (N,) or (N, 1), or one-hot rows (N, classes)"


def looks_like_labels(array: Stored) -> bool:
    """Whether an array whose name does not say it holds labels, by its shape and type."""
    return array.dtype.kind in "US" or _is_one_row(array)


def _is_one_row(array: Stored) -> bool:
    return sum(size != 1 for size in array.shape) <= 1 and len(array.shape) <= 2


def count_of(array: Stored) -> int:
    """Number of labels in an array."""
    return max(array.shape, default=0) if _is_one_row(array) else len(array)


def labels_of(array: Stored) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read labels.

    Returns:
        Labels (N,), whole numbers or text, and which of them are there (N,): not those that are no number, or empty.

    Raises:
        UserError: if the array holds no labels.
    """
    if array.dtype.kind not in "buifUS" or array.dtype.itemsize > 4 * LONGEST_LABEL:
        raise UserError(f"{array.where} holds values of the type {array.dtype}; as labels {TAKEN}")
    if not array.shape or 0 in array.shape or len(array.shape) > 2:
        raise UserError(f"{array.where} of shape {array.shape} holds no labels: {TAKEN}")
    if not _is_one_row(array):
        found = np.concatenate([*_of_rows(array)])
        return found, np.ones(len(found), bool)
    found = np.concatenate([block.reshape(-1) for block in array.blocks(int(np.argmax(array.shape)))])
    if found.dtype.kind == "f":
        return _whole(found, array.where)
    if found.dtype.kind == "b":
        found = found.astype(np.int64)
    if found.dtype.kind == "S":
        found = np.array([label.decode("utf-8", "backslashreplace") for label in found.tolist()])
    is_there = np.char.strip(found) != "" if found.dtype.kind == "U" else np.ones(len(found), bool)
    return (found.astype(np.int64) if found.dtype.kind in "iu" else found), is_there


def _whole(values: NDArray[Any], where: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Labels that came as fractions."""
    is_there = np.isfinite(values)
    found = np.where(is_there, values, 0)
    if (found != np.rint(found)).any():
        example = found[found != np.rint(found)][0]
        raise UserError(f"{where} holds fractions as {example:.6g}, which are no classes: {TAKEN}")
    return found.astype(np.int64), is_there


def _of_rows(array: Stored) -> Iterator[NDArray[np.int64]]:
    """Numbers of the columns of one-hot rows (N, classes)."""
    start = 0
    for block in array.blocks(0):
        rows = block.reshape(len(block), -1)
        if array.dtype.kind in "US":
            raise UserError(f"{array.where} of shape {array.shape} holds several texts for each image: {TAKEN}")
        is_one_hot = ((rows == 0) | (rows == 1)).all(axis=1) & (np.count_nonzero(rows, axis=1) == 1)
        if not is_one_hot.all():
            row = start + int(np.argmin(is_one_hot))
            raise UserError(
                f"{array.where} of shape {array.shape} holds several numbers for each image, and row {row} is not "
                f"one-hot: {TAKEN}; save the column that is the class, as labels[:, 0]"
            )
        start += len(rows)
        yield rows.argmax(axis=1)
