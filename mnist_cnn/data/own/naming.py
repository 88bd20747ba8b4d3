"""What arrays are for, told by their names: images or labels, of which split, and of which data set among several."""

import re
from typing import Literal, NamedTuple

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.words import SPLIT_WORDS as WHOLE_WORDS

Kind = Literal["images", "labels", "names"]

SPLIT_WORDS: dict[str, Split] = {**WHOLE_WORDS, "tr": "train", "te": "test"}
KIND_WORDS: dict[str, Kind] = {
    **dict.fromkeys(("x", "xs", "image", "images", "img", "imgs", "pixels", "pictures", "data", "features"), "images"),
    **dict.fromkeys(("inputs", "samples", "pics"), "images"),
    **dict.fromkeys(("y", "ys", "label", "labels", "lbl", "lbls", "target", "targets", "class", "cls"), "labels"),
    **dict.fromkeys(("classes", "category", "gt"), "labels"),
}
# Names of classes, where all of the words are there.
NAMES_OF_CLASSES = (
    {"class", "names"},
    {"label", "names"},
    {"labels", "names"},
    {"target", "names"},
    {"fine", "label", "names"},
)
# What says nothing: numbers of NumPy's and of IDX's own, and what files are called for want of a name.
EMPTY_WORDS = {
    "arr",
    "array",
    "idx",
    "ubyte",
    "byte",
    "int",
    "set",
    "split",
    "np",
    "npy",
    "npz",
    "mat",
    "gz",
    "dataset",
}
_ANY_SPLIT = "|".join(sorted(SPLIT_WORDS, key=len, reverse=True))
_ANY_KIND = "|".join(sorted(KIND_WORDS, key=len, reverse=True))
JOINED = re.compile(rf"(?:({_ANY_SPLIT})({_ANY_KIND})|({_ANY_KIND})({_ANY_SPLIT}))")


class Role(NamedTuple):
    """What an array is for.

    Attributes:
        kind: Images, labels or names of classes; None if its name does not say.
        split: Its split; None if its name does not say.
        rest: The words that say neither; what belongs together has the same.
    """

    kind: Kind | None
    split: Split | None
    rest: tuple[str, ...] = ()


def role_of(name: str) -> Role:
    """Take the name of an array, or of a file without its ending, apart: "x_train", "k49-test-imgs", "trainLabels"."""
    words = _words(name)
    if any(names <= set(words) for names in NAMES_OF_CLASSES):
        return Role("names", _first(words, SPLIT_WORDS))
    kinds = [KIND_WORDS[word] for word in words if word in KIND_WORDS]
    kind = "labels" if "labels" in kinds else kinds[0] if kinds else None  # "image_labels", "data_y"
    known = {**SPLIT_WORDS, **KIND_WORDS}
    rest = tuple(word for word in words if word not in known and word not in EMPTY_WORDS and not word.isdecimal())
    return Role(kind, _first(words, SPLIT_WORDS), rest)


def _first(words: list[str], known: dict[str, Split]) -> Split | None:
    return next((known[word] for word in words if word in known), None)


def _words(name: str) -> list[str]:
    """Words of a name, in small letters: separated by signs, by a capital, or known ones written together."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = []
    for word in re.split(r"[^\w]+|_+", apart.lower()):
        if match := JOINED.fullmatch(word):
            words += [part for part in match.groups() if part]
        elif match := re.fullmatch(r"([^\W\d]+)(\d+)", word):  # "idx3", "train1"
            words += [match[1], match[2]] if match[1] in {*SPLIT_WORDS, *KIND_WORDS, *EMPTY_WORDS} else [word]
        elif word:
            words.append(word)
    return words
