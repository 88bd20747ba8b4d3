"""From the names of pictures in folders to their splits and classes, the same on a disk as in an archive.

`train/CLASS/1.png` with `test/` and `val/` under their usual names, or `CLASS/1.png` alone. What lies deeper belongs to
the class, and folders around it all are passed through.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.own.source import Skipped
from mnist_cnn.data.own.words import GENERAL_WORDS, SPLIT_WORDS
from mnist_cnn.errors import UserError

HIDDEN_FOLDERS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information")
DEEPEST = 64  # folders in folders that are told apart
BESIDE = "lies beside the folders of the classes, in none of them"


@dataclass
class Folder:
    """A folder with what lies in it.

    Attributes:
        name: Its own name.
        pictures: Names of the pictures directly in it, from the top.
        folders: The folders in it, by name.
    """

    name: str
    pictures: list[str] = field(default_factory=list)
    folders: dict[str, "Folder"] = field(default_factory=dict)

    def every_picture(self) -> Iterator[str]:
        """All pictures in it, however deep."""
        folders = [self]
        while folders:
            folder = folders.pop()
            yield from folder.pictures
            folders += folder.folders.values()

    def holds_pictures(self) -> bool:
        """Whether there is any."""
        return any(True for _ in self.every_picture())

    def filled(self) -> list["Folder"]:
        """The folders in it that hold pictures."""
        return [folder for folder in self.folders.values() if folder.holds_pictures()]

    def below(self, path: Sequence[str]) -> "Folder":
        """A folder in it, made if need be."""
        folder = self
        for name in path:
            folder = folder.folders.setdefault(name, Folder(name))
        return folder


class Belonging(NamedTuple):
    """Where a picture belongs."""

    split: Split
    label: str


@dataclass
class Structure:
    """What folders say.

    Attributes:
        belongings: Split and class of each picture by its name; others are left out.
        skipped: Pictures that are left out one by one.
        notes: What else is left out, each a sentence.
        empty_classes: Classes that have folders, but no picture.
    """

    belongings: dict[str, Belonging] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    empty_classes: list[str] = field(default_factory=list)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name, without its path, is kept out of people's sight by their systems."""
    return name.startswith(".") or name in HIDDEN_FOLDERS


def split_of(name: str) -> Split | None:
    """The split that a folder's name stands for: "Train", "validation", "test_images"; None for any other name."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()
    words = [word for word in re.split(r"[\s_.-]+", spaced) if word]
    found = [SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS]
    is_all = all(word in SPLIT_WORDS or word in GENERAL_WORDS for word in words)
    return found[0] if is_all and len(found) == 1 else None


def label_of(name: str) -> str:
    """A folder's name as that of a class: one spelling of each letter, and no bytes that are none."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode("utf-8"))


def structure_of(top: str, pictures: Iterable[str], empty_folders: Iterable[str] = ()) -> Structure:
    """Find out the splits and classes of pictures.

    Args:
        top: What they all lie in, for messages.
        pictures: Their names below it, with slashes.
        empty_folders: Names of folders without any file.

    Raises:
        UserError: if there are no folders of classes, or none to train on.
    """
    root = Folder("")
    for name in pictures:
        *path, _ = name.split("/")
        root.below(path[:DEEPEST]).pictures.append(name)
    for name in empty_folders:
        root.below(name.split("/")[:DEEPEST])
    if not root.holds_pictures():
        raise UserError(f"{top} holds no pictures: {_shape_of(top)}")
    while wrapped := _wrapped(root):
        root = wrapped
    structure, splits = Structure(), _splits_of(root)
    if splits is None:
        _add_classes(structure, "train", root, top)
    else:
        _add_splits(structure, root, splits, top)
    labels = {belonging.label for belonging in structure.belongings.values()}
    if len(labels) == 1 and all(map(_is_general, labels)):
        raise _without_classes(top, len(structure.belongings))
    structure.empty_classes = sorted(set(structure.empty_classes) - labels)
    return structure


def _wrapped(folder: Folder) -> Folder | None:
    """What is in a folder that holds nothing but another one, which is neither a split nor a class."""
    filled = folder.filled()
    if folder.pictures or len(filled) != 1 or split_of(filled[0].name):
        return None
    inner = filled[0].filled()
    is_class = not inner or (len(inner) == 1 and filled[0].pictures)
    return None if is_class else filled[0]


def _splits_of(root: Folder) -> dict[Split, list[Folder]] | None:
    """The folders of each split; None where the root holds classes."""
    splits: dict[Split, list[Folder]] = {}
    others = []
    for folder in root.filled():
        if split := split_of(folder.name):
            splits.setdefault(split, []).append(folder)
        else:
            others.append(folder)
    if any(folder.filled() for folder in splits.get("train", ())) or (splits and not others):
        return splits
    names = {folder.name for folder in others}
    held_out = [folder for split in ("val", "test") for folder in splits.get(split, ())]
    if "train" not in splits and any(
        folder.folders and folder.folders.keys() <= names for folder in held_out
    ):  # classes to train on, and folders of some of the same beside them
        return splits | {"train": [Folder("", root.pictures, {folder.name: folder for folder in others})]}
    return None


def _add_splits(structure: Structure, root: Folder, splits: dict[Split, list[Folder]], top: str) -> None:
    if "train" not in splits:
        there = " and ".join(f"{printable(folder.name)}/" for folder in root.filled())
        raise UserError(f"{top} holds nothing to train on, but {there} alone: {_shape_of(top)}")
    for folder in splits["train"]:
        _add_classes(structure, "train", _without_inner(folder, "train"), top)
    taken = {folder.name for folders in splits.values() for folder in folders}
    known = {belonging.label for belonging in structure.belongings.values()}
    for split in ("val", "test"):
        for folder in splits.get(split, ()):
            _add_held_out(structure, split, _without_inner(folder, split), known, folder.name)
    if not any(not folder.name for folder in splits["train"]):  # else they are classes
        structure.skipped += [Skipped(name, BESIDE, is_damaged=False) for name in root.pictures]
        for folder in root.filled():
            if folder.name not in taken:
                names = [*folder.every_picture()]
                structure.notes.append(_left_out(names, folder.name, "it is no folder of a split"))


def _without_inner(folder: Folder, split: Split) -> Folder:
    """Pass through a folder of the same split, or of a general name, that holds everything: `train/images/CLASS/`."""
    filled = folder.filled()
    while not folder.pictures and len(filled) == 1 and filled[0].filled() and not filled[0].pictures:
        if split_of(filled[0].name) != split and not _is_general(filled[0].name):
            break
        folder = filled[0]
        filled = folder.filled()
    return folder


def _is_general(name: str) -> bool:
    """Whether a folder's name says no more than that pictures are in it."""
    return all(word in GENERAL_WORDS for word in re.split(r"[\s_.-]+", name.casefold()))


def _add_classes(structure: Structure, split: Split, folder: Folder, top: str) -> None:
    if not folder.filled():
        raise _without_classes(top, len(folder.pictures))
    structure.skipped += [Skipped(name, BESIDE, is_damaged=False) for name in folder.pictures]
    for each in folder.folders.values():
        label, names = label_of(each.name), [*each.every_picture()]
        structure.belongings.update(dict.fromkeys(names, Belonging(split, label)))
        if not names:
            structure.empty_classes.append(label)


def _add_held_out(structure: Structure, split: Split, folder: Folder, known: set[str], name: str) -> None:
    """Add validation or test images, under the names that the classes have in training."""
    filled = folder.filled()
    is_unlabelled = len(filled) == 1 and len(known) > 1 and _known_label(filled[0].name, known) not in known
    if not filled or (is_unlabelled and not folder.pictures):
        names = [*folder.every_picture()]
        structure.notes.append(_left_out(names, name, "without a folder for each class they have no labels"))
        return
    structure.skipped += [Skipped(each, BESIDE, is_damaged=False) for each in folder.pictures]
    for each in folder.folders.values():
        label, names = _known_label(each.name, known), [*each.every_picture()]
        structure.belongings.update(dict.fromkeys(names, Belonging(split, label)))
        if not names:
            structure.empty_classes.append(label)
        elif label != label_of(each.name):
            given = printable(f"{name}/{each.name}")
            structure.notes.append(f"{given} was taken for the class {printable(label)} of the training images")


def _known_label(name: str, known: set[str]) -> str:
    """A class's name as it is in training, where only small and capital letters differ."""
    label = label_of(name)
    alike = [other for other in known if other.casefold() == label.casefold()]
    return alike[0] if label not in known and len(alike) == 1 else label


def _without_classes(top: str, count: int) -> UserError:
    pictures = "a picture" if count == 1 else f"{count:,} pictures"
    return UserError(f"{top} holds {pictures} without a folder for each class: {_shape_of(top)}")


def _shape_of(top: str) -> str:
    """How it should look."""
    name = re.split(r"[/\\]", top.rstrip("/\\"))[-1] or "pets"
    return f"put them as {name}/cat/1.jpg, {name}/dog/2.jpg, or as {name}/train/cat/1.jpg, {name}/test/dog/3.jpg"


def _left_out(pictures: Sequence[str], folder: str, reason: str) -> str:
    count = "1 picture" if len(pictures) == 1 else f"{len(pictures):,} pictures"
    return f"{count} in {printable(folder)}/ {'was' if len(pictures) == 1 else 'were'} left out: {reason}"
