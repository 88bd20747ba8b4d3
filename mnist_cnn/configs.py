"""Reading configs: YAML from anywhere, which may be damaged, endless or made to do harm. Nothing in it is executed.

    settings = read_settings(Path("configs/base.yaml"))

What YAML can do beyond plain settings is refused before it costs time or memory: aliases that grow without end, tags
that name classes, thousands of levels, numbers of thousands of digits.
"""

import os
import re
import select
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mnist_cnn.errors import UserError, shortened

LARGEST = 256 * 1024  # bytes; the settings of a run are 4 KB
DEEPEST = 50  # levels; those of a run are 6
MOST_VALUES = 20_000  # with each alias counted as what it stands for
LONGEST_NUMBER = 40  # digits
PATIENCE = 5.0  # seconds that a pipe may take

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


def read_settings(path: Path, name: str | None = None) -> dict[str, Any]:
    """Read a file of settings.

    Args:
        path: The file; a pipe is waited for, but not for long.
        name: What messages call it; by default the path.

    Raises:
        UserError: if it cannot be read, or holds anything but settings.
    """
    name = name or str(path)
    return parse_settings(decoded(read_limited(path, name), name), name)


def parse_settings(text: str, name: str) -> dict[str, Any]:
    """Read settings that are given as text; no text is no settings.

    Raises:
        UserError: if it is anything but settings.
    """
    settings = parse_yaml(text, name)
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise UserError(f"{name} holds no settings, such as 'data:' and in the line below it '  batch_size: 64'")
    return settings


def parse_yaml(text: str, name: str) -> Any:
    """Read a value of plain types that is given as YAML.

    Raises:
        UserError: if it is no YAML, or more than plain values.
    """
    try:
        _check(text)
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{name} is no valid YAML: {_said(error)}") from error
    except _RefusedError as error:
        raise UserError(f"{name} cannot be used: {error}") from error
    except (ValueError, KeyError) as error:  # such as 0x_ or !!bool x, which only look like values
        raise UserError(f"{name} is no valid YAML: {error}") from error


def read_limited(path: Path, name: str, largest: int = LARGEST) -> bytes:
    """Read a small file, or what comes through a pipe.

    Raises:
        UserError: if there is no such file, it is larger, no file at all, or a pipe through which no end comes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        if path_is(path, Path.is_dir):  # which some systems refuse to open
            raise UserError(f"{name}: that is a folder, not a file") from error
        raise UserError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise UserError(f"{name}: that is a folder, not a file")
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
            raise UserError(f"{name}: that is a device, not a file")
        content = _read_to_end(descriptor, stat.S_ISFIFO(kind), largest, name)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}") from error
    finally:
        os.close(descriptor)
    if len(content) > largest:
        raise UserError(f"{name} is larger than {largest // 1024} KB: that is no config")
    return content


def decoded(content: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark, as some of Windows' programs write it.

    Raises:
        UserError: for bytes that are neither.
    """
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is no text: byte {error.start} is no UTF-8") from error


def path_is(path: Path, what: Callable[[Path], bool]) -> bool:
    """Whether something is true of a path, such as `Path.is_file`; of a path that no system takes, nothing is."""
    try:
        return what(path)
    except (OSError, ValueError):  # longer than the system allows; with a NUL in it
        return False


def _read_to_end(descriptor: int, is_pipe: bool, largest: int, name: str) -> bytes:
    """What is left to read, up to one byte more than is allowed."""
    content, end = b"", time.monotonic() + PATIENCE
    while len(content) <= largest:
        if is_pipe and not select.select([descriptor], [], [], max(end - time.monotonic(), 0))[0]:
            raise UserError(f"{name}: nothing more has come through this pipe for {PATIENCE:.0f} seconds, nor its end")
        part = os.read(descriptor, largest + 1 - len(content))
        if not part:
            break
        content += part
    return content


def _check(text: str) -> None:
    """Go through YAML without building anything of it.

    Raises:
        yaml.YAMLError: if it is none.
        UserError: for something that no settings need.
    """
    sizes: dict[str, int] = {}  # of what the anchors stand for
    open_nodes: list[_Collection] = []
    values = 0
    for event in yaml.parse(text, Loader=_BASE):
        if isinstance(event, yaml.CollectionEndEvent):
            done = open_nodes.pop()
            if done.anchor:
                sizes[done.anchor] = values - done.before
        if not isinstance(event, yaml.NodeEvent):
            continue
        if open_nodes:
            open_nodes[-1].take(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                problem = "contains itself" if any(event.anchor == node.anchor for node in open_nodes) else "is unknown"
                raise _refused(f"*{event.anchor} {problem}", event)
            values += sizes[event.anchor]
        else:
            if (tag := getattr(event, "tag", None)) not in (None, "!", *_PLAIN_TAGS):
                raise _refused(f"the tag {shortened(str(tag))} is not allowed, as settings are plain values", event)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(_Collection(event, values))
            elif event.anchor:
                sizes[event.anchor] = 1
            values += 1
        if len(open_nodes) > DEEPEST:
            raise _refused(f"it has more than {DEEPEST} levels", event)
        if values > MOST_VALUES:
            raise _refused(f"it has more than {MOST_VALUES} values, counting what aliases stand for", event)


class _Collection:
    """A mapping or a list that is being read.

    Args:
        start: The event that begins it.
        before: How many values there were before it.
    """

    def __init__(self, start: Any, before: int) -> None:
        self.anchor, self.before = start.anchor, before
        self.is_mapping = isinstance(start, yaml.MappingStartEvent)
        self.count = 0
        self.keys: dict[str, int] = {}  # with their lines

    def take(self, event: Any) -> None:
        """Look at the next item, which in a mapping is a key, a value, a key and so on.

        Raises:
            UserError: for a key that is there already.
        """
        is_key, self.count = self.is_mapping and self.count % 2 == 0, self.count + 1
        if is_key and isinstance(event, yaml.ScalarEvent):
            if event.value in self.keys and event.value != "<<":
                before = self.keys[event.value]
                raise _refused(f"{shortened(event.value)!r} stands in line {before} and again", event)
            self.keys[event.value] = (event.start_mark.line if event.start_mark else 0) + 1


class _Loader(_BASE):
    """Builds plain values; numbers are what they are to jsonargparse: 1e-3 is one, and dates and times are texts."""

    def construct_yaml_int(self, node: Any) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise _refused(f"a number of {len(node.value)} digits", node)
        return super().construct_yaml_int(node)


def _without(resolvers: dict[Any, Any], *tags: str) -> dict[Any, Any]:
    full = {f"tag:yaml.org,2002:{tag}" for tag in tags}
    return {first: [(tag, what) for tag, what in found if tag not in full] for first, found in resolvers.items()}


_Loader.yaml_implicit_resolvers = _without(_BASE.yaml_implicit_resolvers, "timestamp", "float", "int")
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


class _RefusedError(UserError):
    """Something in YAML that settings do not need."""


def _refused(problem: str, where: Any) -> _RefusedError:
    return _RefusedError(f"{problem} (line {where.start_mark.line + 1})")


def _said(error: yaml.YAMLError) -> str:
    """What is wrong, and in which line."""
    mark: Any = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    if problem is None:
        return " ".join(str(error).split())
    context = getattr(error, "context", None)
    said = " ".join(f"{context + ': ' if context else ''}{problem}".split())
    return f"{said} (line {mark.line + 1})" if mark else said
