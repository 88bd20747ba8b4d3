"""Which arrays are images, which their labels, and which split they are: told by names first, then by shapes."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.array_labels import count_of, looks_like_labels
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.data.own.naming import Kind, Role
from mnist_cnn.data.own.stored import Stored, check_promise, joined
from mnist_cnn.errors import UserError


class Entry(NamedTuple):
    """An array with what its name says.

    Attributes:
        name: By which people know it among the others.
        array: The array.
        role: What it is for.
        file: Name of its file.
    """

    name: str
    array: Stored
    role: Role
    file: str = ""

    @property
    def kind(self) -> Kind:
        """What it is for, by its shape where its name does not say."""
        return self.role.kind or ("labels" if looks_like_labels(self.array) else "images")


class Pair(NamedTuple):
    """The images of a split and, if there are any, their labels."""

    images: Stored
    labels: Stored | None


class Assembled(NamedTuple):
    """What was found.

    Attributes:
        pairs: The arrays of each split.
        names: An array of names of classes, if there is one.
        unused: Arrays that are neither, with the reasons.
        notes: What a person should know, each a sentence.
    """

    pairs: dict[Split, Pair]
    names: Stored | None
    unused: Sequence[tuple[str, str]]
    notes: Sequence[str]


def assemble(entries: Sequence[Entry], where: str, label_column: str | None = None) -> Assembled:
    """Find images and labels of each split among arrays.

    Args:
        entries: The arrays.
        where: What holds them, for messages.
        label_column: Name of the array of labels where there are several.

    Raises:
        UserError: if there are no images, or several arrays could be the same.
    """
    images = [entry for entry in entries if entry.kind == "images" and not looks_like_labels(entry.array)]
    labels = [entry for entry in entries if entry.kind == "labels" or (label_column and entry.name == label_column)]
    for entry in entries:
        if not images or entry.role.kind is not None:
            check_promise(entry.array.where, entry.array.shape, entry.array.dtype, None)
    if not images:
        found = ", ".join(f"{printable(entry.name)} {entry.array.shape}" for entry in entries[:6]) or "nothing"
        raise UserError(f"{where} holds no array of images; found: {found}; they are looked for as x_train or images")
    names = [e.array for e in entries if e.kind == "names" and e.array.dtype.kind in "US" and len(e.array.shape) == 1]
    by_split, notes = _by_split(images, labels, where)
    pairs: dict[Split, Pair] = {}
    used: list[Stored] = names[:1]
    for split, candidates in by_split.items():
        chosen = _one_of(candidates, where, f"images of the split {split}")
        its_labels = _labels_for(chosen, labels, len(by_split) == 1, where, label_column)
        pairs[split] = Pair(chosen.array, its_labels.array if its_labels else None)
        used += [array for array in pairs[split] if array is not None]
    unused = _unused([entry for entry in entries if not any(entry.array is array for array in used)])
    return Assembled(_with_training(pairs, notes), names[0] if names else None, unused, notes)


def _unused(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """A line on each array that is left out, one for those of the same name in several files."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.name, []).append(entry)
    reason = "neither images nor their labels by its name and shape"
    return [
        (group[0].array.where + (f" and in {len(group) - 1} other files" if len(group) > 1 else ""), reason)
        for group in groups.values()
    ]


def with_shards_joined(entries: Sequence[Entry]) -> list[Entry]:
    """Arrays of files whose names differ by numbers alone, as data_batch_1.npz to data_batch_5.npz, become one each."""
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        name = "" if entry.name == entry.file else entry.name
        key = (re.sub(r"\d+", "#", entry.file), name, entry.role, entry.array.dtype, entry.array.shape[1:])
        groups.setdefault(key, []).append(entry)
    joined_entries = []
    for group in groups.values():
        group.sort(key=lambda entry: natural_key(entry.file))
        is_one = len(group) == 1 or len({entry.file for entry in group}) < len(group) or group[0].role.kind is None
        joined_entries += group if is_one else [group[0]._replace(array=joined([entry.array for entry in group]))]
    return joined_entries


def by_class(entries: Sequence[Entry], where: str) -> Assembled | None:
    """Several arrays of images whose names say nothing, and no labels: each is a class, as in "Quick, Draw!"."""
    arrays = [entry.array for entry in entries]
    if len(entries) < 2 or len({(array.dtype, array.shape[1:]) for array in arrays}) > 1:
        return None
    if any(entry.role.kind or entry.role.split or looks_like_labels(entry.array) for entry in entries):
        return None
    check_promise(where, arrays[0].shape, arrays[0].dtype, None)
    stems = [entry.file.rpartition(".")[0] or entry.file for entry in entries]
    shared = _shared_beginning(stems)
    labels = np.repeat([stem.removeprefix(shared) for stem in stems], [len(array) for array in arrays])
    note = f"{where}: each file is taken for a class, called as the file is"
    pair = Pair(joined(arrays), Stored(where, labels.shape, labels.dtype, held=labels))
    return Assembled({"train": pair}, None, (), [note])


def _shared_beginning(names: Sequence[str]) -> str:
    """What all names begin with, up to a sign that separates words."""
    first, last = min(names), max(names)
    length = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[: max(first[:length].rfind(mark) for mark in "_- .") + 1]


def _by_split(
    images: Sequence[Entry], labels: Sequence[Entry], where: str
) -> tuple[dict[Split, list[Entry]], list[str]]:
    """Arrays of images by split, those without one in their names last."""
    found: dict[Split, list[Entry]] = {}
    notes: list[str] = []
    for entry in images:
        if entry.role.split is not None:
            found.setdefault(entry.role.split, []).append(entry)
    nameless = [entry for entry in images if entry.role.split is None]
    if not nameless or "train" in found:
        return found, notes
    order: list[Split] = ["train", "test"]
    is_numbered = len(nameless) == 2 and not found and all(entry.role.kind is None for entry in nameless)
    if (
        is_numbered and sum(entry.role.split is None for entry in labels) == 2
    ):  # numpy.savez(path, x, y, x_test, y_test)
        notes.append(
            f"{where}: {printable(nameless[0].name)} is taken for the training images and "
            f"{printable(nameless[1].name)} for the test images, in the order of the file"
        )
        return {split: [entry] for split, entry in zip(order, nameless, strict=True)}, notes
    found["train"] = nameless
    return found, notes


def _one_of(candidates: Sequence[Entry], where: str, what: str) -> Entry:
    """The one whose name says it most plainly."""
    fewest = min(len(entry.role.rest) for entry in candidates)
    plain = [entry for entry in candidates if len(entry.role.rest) == fewest]
    named = [entry for entry in plain if entry.role.kind is not None] or plain
    if len(named) > 1:
        names = ", ".join(printable(entry.name) for entry in named[:6])
        raise UserError(
            f"{where} holds several arrays that could be {what}: {names}; name the file of one, or save those that "
            f"belong together alone, as x_train, y_train, x_test, y_test"
        )
    return named[0]


def _labels_for(
    images: Entry, labels: Sequence[Entry], is_only: bool, where: str, label_column: str | None
) -> Entry | None:
    """The labels of some images: of the same split, and as many."""
    ours = [entry for entry in labels if entry.role.split == images.role.split]
    if not ours and is_only:
        ours = [entry for entry in labels if entry.role.split is None]
    fitting = [entry for entry in ours if count_of(entry.array) in images.array.shape]
    if label_column is not None:
        chosen = [entry for entry in fitting if label_column in (entry.name, *entry.role.rest)]
        chosen = chosen or [entry for entry in fitting if label_column in entry.name]
        if ours and not chosen:
            names = ", ".join(printable(entry.name) for entry in ours)
            raise UserError(f"label_column={label_column}: {where} has no such array of labels; it has {names}")
        fitting = ours = chosen
    alike = [entry for entry in fitting if entry.role.rest == images.role.rest] or fitting
    if images.role.kind is None and len(alike) > 1:  # numbered ones: the labels follow their images
        return alike[0]
    if len(alike) > 1:
        fewest = min(len(entry.role.rest) for entry in alike)
        plain = [entry for entry in alike if len(entry.role.rest) == fewest]
        if len(plain) > 1:
            names = ", ".join(printable(entry.name) for entry in plain[:6])
            raise UserError(f"{where} holds several arrays of labels: {names}; choose one with --data.label_column")
        return plain[0]
    # Without any that fit, the first one: its count is then in the message.
    return alike[0] if alike else ours[0] if ours else None


def _with_training(pairs: dict[Split, Pair], notes: list[str]) -> dict[Split, Pair]:
    """See that images of other splits alone are the training images, and put the splits in their order."""
    order: tuple[Split, ...] = ("train", "val", "test")
    if "train" not in pairs:
        labelled = [split for split in order if split in pairs and pairs[split].labels is not None]
        taken = (labelled or [split for split in order if split in pairs])[0]
        pairs["train"] = pairs.pop(taken)
        if labelled:
            notes.append(f"there are no training images, and those of the split {taken} are taken for them")
    return {split: pairs[split] for split in order if split in pairs}
