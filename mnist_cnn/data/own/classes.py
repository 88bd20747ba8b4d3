"""Which classes one's own images have, and what a person should know of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.base import LONGEST_NAME, Split, is_name
from mnist_cnn.data.own.labels import class_names_of, indices_of
from mnist_cnn.data.own.source import Survey
from mnist_cnn.errors import UserError, shortened

NAMED = 5  # classes in a note

Labels = Mapping[Split, NDArray[Any] | None]
Numbers = dict[Split, NDArray[np.int64] | None]


def classes_of(path: Path, labels: Labels, survey: Survey) -> tuple[tuple[str, ...], Numbers, list[str]]:
    """Find the classes that have images.

    Args:
        path: Where the images are, for messages.
        labels: Labels as the files have them (N,) by split; None where they have none.
        survey: What the files say of their classes.

    Returns:
        Names of the classes by number, the number of each image's class (N,) by split, and notes, each a sentence.

    Raises:
        UserError: if there are fewer than two classes, a label has no name where others have, or one cannot be shown.
    """
    labelled = {split: found for split, found in labels.items() if found is not None}
    if survey.class_names and all(found.dtype.kind in "iu" for found in labelled.values()):
        names, numbers, empty = _named(path, labelled, survey.class_names)
    else:
        names = class_names_of(labelled.values())
        numbers = {split: indices_of(found, names) for split, found in labelled.items()}
        # Classes whose images are all damaged:
        before = class_names_of(part.labels for part in survey.parts.values() if part.labels is not None)
        empty = [name for name in before if name not in names]
    if len(names) < 2:
        count = sum(map(len, labelled.values()))
        images = "the only image there is belongs" if count == 1 else f"all {count:,} images belong"
        raise UserError(f"{path}: {images} to one class, {names[0]!r}, and at least two are needed")
    if bad := next((name for name in names if not is_name(name)), None):
        raise UserError(
            f"{path}: {printable(shortened(bad))!r} cannot be the name of a class: at most {LONGEST_NAME} characters "
            f"are taken, none of which steers a terminal; call it otherwise"
        )
    notes = _notes(names, numbers, [*dict.fromkeys([*survey.empty_classes, *empty])])
    return names, {split: numbers.get(split) for split in labels}, notes


def _named(
    path: Path, labels: Mapping[Split, NDArray[Any]], given: Sequence[str]
) -> tuple[tuple[str, ...], dict[Split, NDArray[np.int64]], list[str]]:
    """Classes of labels that are numbers, whose names the files say: in their order; the rest are empty."""
    present = np.unique(np.concatenate([np.unique(found) for found in labels.values()]))
    if present[0] < 0 or present[-1] >= len(given):
        bad = int(present[0] if present[0] < 0 else present[-1])
        raise UserError(f"{path} has the label {bad}, but names its classes from 0 to {len(given) - 1}")
    names = [str(given[i]) for i in present.tolist()]
    if len(set(names)) < len(names):  # their numbers tell them apart
        names = [f"{name} ({i})" if names.count(name) > 1 else name for i, name in zip(present, names, strict=True)]
    numbers = {split: np.searchsorted(present, found).astype(np.int64) for split, found in labels.items()}
    return tuple(names), numbers, [str(name) for i, name in enumerate(given) if name and i not in set(present.tolist())]


def _notes(names: Sequence[str], numbers: Mapping[Split, NDArray[np.int64]], empty: Sequence[str]) -> list[str]:
    notes = []
    counts = {split: np.bincount(found, minlength=len(names)) for split, found in numbers.items()}
    if empty:
        notes.append(f"Left out, as there are no images of {_listed(empty)}.")
    for label in np.flatnonzero(counts["train"] == 0).tolist():
        others = " and ".join(f"{found[label]:,} {split}" for split, found in counts.items() if found[label])
        notes.append(f"There are no training images of the class {names[label]!r}, which has {others} images.")
    return notes


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:NAMED]))
    what = "the class" if len(names) == 1 else "the classes"
    return f"{what} {shown}" + (f" and {len(names) - NAMED:,} others" if len(names) > NAMED else "")
