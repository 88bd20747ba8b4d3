"""From the labels that files have to classes: text, numbers with gaps, numbers from 1."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIGITS = 4000  # that Python takes for a number


def natural_key(text: str) -> tuple[Any, ...]:
    """Sorts as people count: "2" before "10", "img2.png" before "img10.png"; equal numbers by their spelling."""
    parts = re.split(r"(\d+)", text)
    return (
        *((1, int(part[:MOST_DIGITS]), "") if part.isdecimal() else (0, 0, part) for part in parts if part),
        (2, 0, text),
    )


def class_names_of(labels: Iterable[NDArray[Any]]) -> tuple[str, ...]:
    """Names of the classes in some labels, whole numbers or text: numbers by value, text in natural order."""
    found: set[str] = set()
    for some in labels:
        found |= {as_name(label) for label in np.unique(some).tolist()}
    return tuple(sorted(found, key=natural_key))


def as_name(label: Any) -> str:
    """What a label is called; whole numbers are called the same whether they come as 7, 7.0, "7" or "7.0"."""
    text = str(label).strip()
    match = re.fullmatch(r"([+-]?(?:0|[1-9][0-9]*))(\.0*)?", text)
    return match[1] if match else text


def indices_of(labels: NDArray[Any], class_names: Sequence[str]) -> NDArray[np.int64]:
    """Number of each label's class (N,).

    Raises:
        KeyError: for a label that is none of the classes.
    """
    number = {name: index for index, name in enumerate(class_names)}
    unique, inverse = np.unique(labels, return_inverse=True)
    return np.array([number[as_name(label)] for label in unique.tolist()], np.int64)[inverse.reshape(-1)]
