"""Which columns of a Parquet file are images and labels: told by their types, their names, and what the file says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnist_cnn.console import printable
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.errors import UserError

IMAGE_NAMES = ("image", "img", "images", "picture", "photo", "pixels", "image_bytes", "bytes", "data", "x")
LABEL_NAMES = ("label", "labels", "fine_label", "fine_labels", "class", "target", "targets", "category", "y", "digit")
MOST_SHOWN = 8  # columns in a message
LONGEST_METADATA = 10_000_000  # characters


class Columns(NamedTuple):
    """The columns of a file.

    Attributes:
        encoded: Path of the column of encoded pictures, as "image.bytes"; None if images come as pixels.
        pixels: Names of the columns of pixels: one of lists, or one for each pixel.
        label: Name of the column of labels; None if there is none.
        class_names: Names of the classes by number, where the file says them.
    """

    encoded: str | None
    pixels: tuple[str, ...]
    label: str | None
    class_names: tuple[str, ...] = ()


def choose_columns(schema: Any, where: str, label_column: str | None = None) -> Columns:
    """Find the columns of a file.

    Args:
        schema: Its Arrow schema.
        where: Its name for messages.
        label_column: Name or number, from 0, of the column of labels; None finds it.

    Raises:
        UserError: if there is no column of images, or several that could be it, or not the asked one of labels.
    """
    features = _features(schema.metadata)
    label = _label(schema, features, where, label_column)
    names = _names(features.get(label)) if label is not None else ()
    found = {name: path for name in schema.names if name != label and (path := _encoded_path(schema.field(name)))}
    if found:
        return Columns(found[_one_of([*found], "images", where)], (), label, names)
    lists = [name for name in schema.names if name != label and _is_list(schema.field(name).type)]
    if lists:
        return Columns(None, (_one_of(lists, "images", where),), label, names)
    numbers = [name for name in schema.names if name != label and _is_number(schema.field(name).type)]
    pixels = _numbered(numbers)
    if len(pixels) > 3:
        return Columns(None, tuple(pixels), label, names)
    raise UserError(
        f"{where} has no column of images; it has {listed(schema.names)}: needed is one of encoded pictures (bytes, or "
        f"a structure of bytes and path), one of lists of pixels, or one for each pixel"
    )


def listed(names: Sequence[str]) -> str:
    """Names of columns for messages."""
    shown = ", ".join(printable(name)[:60] for name in names[:MOST_SHOWN])
    return shown + (f" and {len(names) - MOST_SHOWN} others" if len(names) > MOST_SHOWN else "")


def _one_of(names: Sequence[str], what: str, where: str) -> str:
    """The column with the most usual name; one alone may have any."""
    usual = [name for known in IMAGE_NAMES for name in names if name.lower() == known]
    if not usual and len(names) > 1:
        raise UserError(
            f"{where} has several columns that could be {what}: {listed(names)}; call the one that is meant 'image'"
        )
    return usual[0] if usual else names[0]


def _encoded_path(field: Any) -> str:
    """Path of the bytes in a column, or nothing."""
    from pyarrow import types

    if types.is_struct(field.type):
        inside = {child.name: child.type for child in field.type}
        return f"{field.name}.bytes" if "bytes" in inside and _is_binary(inside["bytes"]) else ""
    return field.name if _is_binary(field.type) else ""


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return any(is_it(kind) for is_it in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    is_it = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_it and (_is_number(kind.value_type) or _is_list(kind.value_type)))


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _numbered(names: Sequence[str]) -> list[str]:
    """Columns of numbers that are pixels: all whose names but for a number are the same, of the largest such group."""
    groups: dict[str, list[str]] = {}
    for name in names:
        stem = "".join(letter for letter in name if not letter.isdigit())
        if stem != name:
            groups.setdefault(stem, []).append(name)
    # By their numbers, as programs sort columns as text.
    largest: list[str] = max(groups.values(), key=len, default=[])
    return sorted(largest, key=natural_key)


def _label(schema: Any, features: Mapping[str, Any], where: str, label_column: str | None) -> str | None:
    names = list(schema.names)
    if label_column is not None:
        if label_column in names:
            return label_column
        if label_column.lstrip("-").isdecimal() and -len(names) <= int(label_column) < len(names):
            return str(names[int(label_column)])
        raise UserError(f"label_column={label_column}: {where} has the columns {listed(names)}")
    possible = [name for name in names if _can_be_label(schema.field(name))]
    for known in LABEL_NAMES:
        if found := [name for name in possible if name.lower() == known]:
            return found[0]
    classes = [name for name in possible if _names(features.get(name))]
    if classes:
        return classes[0]
    texts = [name for name in possible if not _is_number(schema.field(name).type)]
    alone = texts if len(texts) == 1 and len(possible) > 3 else possible
    return alone[0] if len(alone) == 1 else None


def _can_be_label(field: Any) -> bool:
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    return bool(_is_number(kind) or types.is_string(kind) or types.is_large_string(kind))


def _features(metadata: Any) -> dict[str, Any]:
    """What a file says about its columns, in the form of Hugging Face's data sets."""
    text = (metadata or {}).get(b"huggingface", b"")
    if not text or len(text) > LONGEST_METADATA:
        return {}
    try:
        features = json.loads(text)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _names(feature: Any) -> tuple[str, ...]:
    """Names of the classes of a column, if it has any."""
    names = feature.get("names") if isinstance(feature, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)
