"""What a checkpoint's pickle holds, found without building any of it: plain values, and for each tensor its sizes.

torch believes what a pickle says of a tensor, and reads beyond the end of the record if it says too much; and its list
of allowed names has some that take all memory. So nothing is given to torch that has not been looked through here.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

# The storages of torch: bytes of a number.
ITEM_SIZES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
}
FLOATS = ("DoubleStorage", "FloatStorage", "HalfStorage", "BFloat16Storage")
# What states of callbacks and schedules may hold beside plain values; none of it can be larger than what it is given.
HARMLESS = ("collections.Counter", "torch.Size", "torch.device", "__builtin__.set", "_codecs.encode")
MOST_OPERATIONS = 250_000  # 7,000 tensors take so many
LARGEST_WHOLE_NUMBER = 2**63


class ForeignError(ValueError):
    """A pickle that holds more than plain values and tensors."""


@dataclass(frozen=True)
class TensorOutline:
    """What a pickle says of a tensor.

    Attributes:
        key: The record that its numbers lie in.
        storage: Kind of the numbers, as torch names it.
        count: Numbers in the record.
        shape: Its sizes.
        extent: Numbers of the record up to its last one.
    """

    key: str
    storage: str
    count: int
    shape: tuple[int, ...]
    extent: int

    @property
    def numel(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def item_size(self) -> int:
        """Bytes of one number."""
        return ITEM_SIZES[self.storage]

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return self.numel * self.item_size


class Other(NamedTuple):
    """What is neither plain nor a tensor, but harmless: bytes, a set, a device. It has no place among settings.

    Attributes:
        name: The function that makes it.
        holds: What that is given.
    """

    name: str
    holds: Any


class _Global(NamedTuple):
    name: str


class _Storage(NamedTuple):
    kind: str
    key: str
    numbers: int


def outline(pickle: bytes) -> Any:
    """What a pickle holds: dictionaries, lists, tuples, plain values, `TensorOutline` for tensors and `Other`.

    Raises:
        ForeignError: if there is something else in it.
        ValueError: if it is damaged.
    """
    try:
        return _Reader().read(pickle)
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("the pickle is damaged") from error


class _Reader:
    """Goes through a pickle's instructions, those that torch writes, and calls nothing that it names."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        push = self.stack.append
        self.steps: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"), push),
            "LONG1": lambda number: push(_whole(number)),
            "PROTO": lambda _: None,
            "NONE": lambda _: push(None),
            "NEWTRUE": lambda _: push(True),
            "NEWFALSE": lambda _: push(False),
            "EMPTY_DICT": lambda _: push({}),
            "EMPTY_LIST": lambda _: push([]),
            "EMPTY_TUPLE": lambda _: push(()),
            "MARK": lambda _: self.marks.append(len(self.stack)),
            **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda place: self.memo.__setitem__(place, self.stack[-1])),
            **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda place: push(self.memo[place])),
            "TUPLE": lambda _: push(tuple(self._since_mark())),
            "TUPLE1": lambda _: push(tuple(self._last(1))),
            "TUPLE2": lambda _: push(tuple(self._last(2))),
            "TUPLE3": lambda _: push(tuple(self._last(3))),
            "APPEND": lambda _: self._extend(self._last(1)),
            "APPENDS": lambda _: self._extend(self._since_mark()),
            "SETITEM": lambda _: self._set_items(self._last(2)),
            "SETITEMS": lambda _: self._set_items(self._since_mark()),
            "GLOBAL": lambda name: push(_Global(name.replace(" ", "."))),
            "BINPERSID": lambda _: push(_storage(*self._last(1))),
            "REDUCE": lambda _: push(_called(*self._last(2))),
            "BUILD": lambda _: self._build(*self._last(1)),
        }

    def read(self, pickle: bytes) -> Any:
        for number, (operation, argument, _) in enumerate(pickletools.genops(pickle)):
            if number > MOST_OPERATIONS:
                raise ValueError("the pickle is too long")
            if operation.name == "STOP":
                (result,) = self.stack
                return result
            if operation.name not in self.steps:
                raise ForeignError(operation.name)
            self.steps[operation.name](argument)
        raise ValueError("the pickle has no end")

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("the pickle is damaged")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        place = self.marks.pop()
        taken = self.stack[place:]
        del self.stack[place:]
        return taken

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("what is added to is no list")
        self.stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        keys = items[::2]
        if type(target) is not dict or len(items) % 2 or not all(isinstance(key, str | int) for key in keys):
            raise ForeignError("keys that are neither texts nor whole numbers")
        target.update(zip(keys, items[1::2], strict=True))

    def _build(self, state: Any) -> None:
        """Attributes are taken of one kind: the versions of modules that torch keeps with a network's state."""
        versions = state.get("_metadata") if type(state) is dict and len(state) == 1 else None
        target = self.stack[-1]
        is_known = type(target) is dict and type(versions) is dict
        if not is_known or not all(isinstance(n, str) and type(v) is dict for n, v in versions.items()):  # type: ignore[union-attr]
            raise ForeignError("attributes")


def _whole(number: int) -> int:
    if not -LARGEST_WHOLE_NUMBER <= number < LARGEST_WHOLE_NUMBER:
        raise ValueError("a whole number of more than 64 bits")
    return number


def _storage(identity: Any) -> _Storage:
    word, kind, key, device, count = identity
    name = kind.name.removeprefix("torch.") if isinstance(kind, _Global) else ""
    if word != "storage" or name not in ITEM_SIZES:
        raise ForeignError("a storage of another kind")
    if not isinstance(key, str) or not isinstance(device, str) or not _is_size(count):
        raise ValueError("a storage without key or size")
    return _Storage(name, key, count)


def _called(function: Any, arguments: Any) -> Any:
    """What a call would give, for the few that torch.save writes."""
    name = function.name if isinstance(function, _Global) else ""
    if name == "torch._utils._rebuild_tensor_v2" and arguments[4:] in ((False, {}), (True, {})):  # without hooks
        return _tensor(*arguments[:4])
    if name == "collections.OrderedDict" and arguments == ():
        return {}
    if name in HARMLESS:
        return Other(name, arguments)
    raise ForeignError(name)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> TensorOutline:
    sizes = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or len(shape) != len(strides) or not all(map(_is_size, sizes)):
        raise ValueError("a tensor without sizes")
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1 if prod(shape) else 0
    found = TensorOutline(storage.key, storage.kind, storage.numbers, tuple(shape), offset + last)
    # A tensor may also be one number over and over, in whatever shape.
    if found.extent > storage.numbers or found.numel > storage.numbers or len(shape) > 16:
        raise ValueError("a tensor larger than its record")
    return found


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST_WHOLE_NUMBER
