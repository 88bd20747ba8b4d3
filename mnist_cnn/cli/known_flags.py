"""The flags of the training commands, kept between starts: a mistyped one is named without importing torch.

The parser of these commands knows its flags only once it is built, which takes seconds. What it knew is kept in the
user's cache folder, under a key of everything that decides it: another version of a library, or a changed line of this
package, has another key. Without such a file nothing is checked here, and the parser answers as ever.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mnist_cnn import __version__
from mnist_cnn.cli.arguments import Request
from mnist_cnn.cli.commands import DEFAULT_NETWORK, SHORT_FLAGS
from mnist_cnn.cli.messages import (
    TYPES,
    is_switch,
    unknown_class_setting,
    unknown_config_setting,
    unknown_flag,
)
from mnist_cnn.configs import parse_yaml
from mnist_cnn.errors import UsageError, UserError, shown
from mnist_cnn.files import cache_folder, class_name, write_json
from mnist_cnn.shipped import PACKAGE
from mnist_cnn.training.limits import check_trainer

LIBRARIES = ("torch", "pytorch-lightning", "jsonargparse", "torchmetrics")
FILES_KEPT = 12  # a few environments, and the commands in each
KINDS = {"<class 'int'>": "int", "<class 'float'>": "float", "<class 'bool'>": "bool"}
KINDS |= {f"typing.Optional[{name}]": f"{name}?" for name in KINDS.values()}
KINDS |= {f"{name} | None": f"{name}?" for name in ("int", "float", "bool")}


@dataclass(frozen=True)
class KnownFlags:
    """What the parser of a command knows.

    Attributes:
        kinds: Every flag in full, with the kind of its value: "int", "float" or "bool", with a question mark where null
            is one too; empty for all others.
        of_classes: Flags that name a class, and have that class's settings below them.
        linked: Settings that follow another one, and have no flag.
        networks: The settings of each of this project's networks.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    of_classes: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    networks: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, parser: Any, networks: Mapping[str, Iterable[str]]) -> "KnownFlags":
        """Ask a parser of jsonargparse."""
        kinds: dict[str, str] = {}
        of_classes, linked = [], []
        for action in parser._actions:
            if type(action).__name__ == "ActionLink":
                linked.append(f"--{action.dest}")
                continue
            kind = KINDS.get(str(getattr(action, "_typehint", None)), "")
            kinds |= dict.fromkeys(action.option_strings, kind)
            of_classes += [name.removesuffix(".help") for name in action.option_strings if name.endswith(".help")]
        return cls(kinds, of_classes, linked, {name: list(settings) for name, settings in networks.items()})

    @classmethod
    def read(cls, command: str) -> "KnownFlags | None":
        """What an earlier start has kept; None if there is nothing, or nothing that can be used."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            content = json.loads(_place(command).read_text(encoding="utf-8"))
            known = cls(**content)
            if known.kinds.keys() > {"--config", "--ckpt_path", *known.of_classes} and "CNN" in known.networks:
                return known
        return None

    def keep(self, command: str) -> None:
        """Keep it for the next starts; where that cannot be done, they ask the parser again."""
        with suppress(OSError):
            place = _place(command)
            if place.exists():
                return
            write_json(place, asdict(self))
            kept = sorted(place.parent.glob("flags-*.json"), key=lambda path: path.stat().st_mtime)
            for path in kept[:-FILES_KEPT]:
                path.unlink(missing_ok=True)

    def check(self, request: Request) -> None:
        """See that flags, settings of configs and their values are such that the parser takes them.

        What cannot be said for certain is left to the parser.

        Raises:
            UserError: for the first that is not.
        """
        trainer: dict[str, Any] = {}
        for name, value in [*self._of_config(request, request.used_config, ""), *self._of_flags(request)]:
            read = _read(value)
            if problem := _problem(self.kinds.get(name, ""), read):
                raise UsageError(f"{name} {shown(value)}: {problem}")
            if name.startswith("--trainer."):
                trainer[name.removeprefix("--trainer.")] = read
        check_trainer(trainer, on_processor=trainer.get("accelerator") == "cpu")

    def _of_flags(self, request: Request) -> Iterator[tuple[str, Any]]:
        """The flags with their values."""
        for position, token in enumerate(request.flags):
            name, equals, value = token.partition("=")
            if not is_switch(name):
                continue
            if name not in self.kinds and not self._is_of_class(name, request) and name not in self.linked:
                raise UsageError(unknown_flag(name, self.names()))
            following = request.flags[position + 1 : position + 2]
            if equals or (following and not is_switch(following[0])):
                yield name, value if equals else following[0]

    def _is_of_class(self, name: str, request: Request) -> bool:
        """Whether a flag may set something of a class; of this project's networks it is known.

        Raises:
            UsageError: if the network has no such setting.
        """
        for flag in self.of_classes:
            if name.startswith(f"{flag}."):
                if flag == "--model.network":
                    self._check_network(name.removeprefix(f"{flag}.").removeprefix("init_args."), request)
                return True
        return False

    def _check_network(self, setting: str, request: Request) -> None:
        if not request.network and (request.ckpt_path or request.weights):
            return  # the checkpoint's
        network = request.network or DEFAULT_NETWORK
        settings = self.networks.get(class_name(network))
        is_ours = network in (class_name(network), f"mnist_cnn.networks.{class_name(network)}")
        if settings is None or not is_ours or "." in setting:
            return
        if setting.removesuffix("+") not in (*settings, "help", "class_path", "init_args", "dict_kwargs"):
            raise UsageError(unknown_class_setting("model.network", class_name(network), setting, settings))

    def _of_config(self, request: Request, settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        """The settings of a config with their values, by flag."""
        for key, value in settings.items():
            name = f"--{prefix}{key}"
            if not isinstance(key, str) or "." in key or key in ("class_path", "init_args", "dict_kwargs"):
                continue
            if name not in self.kinds and name not in self.linked:
                raise UsageError(unknown_config_setting(f"{prefix}{key}", self.names()))
            is_group = any(flag.startswith(f"{name}.") for flag in self.kinds) and name not in self.of_classes
            if not isinstance(value, Mapping):
                yield name, value
            elif is_group:
                yield from self._of_config(request, value, f"{prefix}{key}.")

    def names(self) -> list[str]:
        """Every flag that a mistyped one may stand for."""
        of_networks = {f"--model.network.{setting}" for settings in self.networks.values() for setting in settings}
        return [*self.kinds, *sorted(of_networks), *SHORT_FLAGS]


def _read(value: Any) -> Any:
    """A value of a flag or of a config, as the parser reads it."""
    if isinstance(value, str):
        with suppress(UserError):
            return parse_yaml(value, "")
    return value


def _problem(kind: str, value: Any) -> str:
    """What is wrong with a value for certain; empty where nothing is."""
    name = kind.removesuffix("?")
    if not name or (value is None and kind.endswith("?")):
        return ""
    is_wrong = isinstance(value, str | list) or value is None
    if name == "int":
        is_wrong = is_wrong or (isinstance(value, float) and value != value // 1)
    return f"{TYPES[name]} is needed" if is_wrong else ""


def _place(command: str) -> Path:
    """The file for a command, as this package and its libraries are now."""
    return cache_folder() / f"flags-{command}-{_key()}.json"


def _key() -> str:
    """A number of everything that decides which flags there are."""
    parts = [sys.version, __version__, str(PACKAGE)]
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            parts.append(f"{library} {version(library)}")
    for path in sorted(PACKAGE.rglob("*.py")):
        found = path.stat()
        parts.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
