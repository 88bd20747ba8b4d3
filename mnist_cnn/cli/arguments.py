"""The arguments of a training command, read once: what is needed before the parser can be built, and the rest."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from mnist_cnn.cli.commands import DEVICES, full_flag
from mnist_cnn.cli.config_files import read_config
from mnist_cnn.configs import path_is
from mnist_cnn.errors import UsageError, UserError
from mnist_cnn.files import class_name, expanded, merged
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.settings import say_what_is_left_out, settings_of_run, without_classes

CONFIG_FLAGS = ("--config", "-c")
NETWORK_FLAGS = ("--model.network", "--model.network.class_path")
ROOT_FLAG = "--trainer.default_root_dir"
CHECKPOINT_FLAG = "--ckpt_path"
WEIGHTS_FLAG = "--weights"
# What a config may hold that is no setting of a run: what is started from, and two keys of earlier versions.
NO_SETTINGS = ("ckpt_path", "weights", "weights_only", "verbose")
# Flags that may name a file: a group of settings, or a class with its own.
GROUP_FLAGS = ("--model", "--data", "--trainer", "--checkpoint", "--pictures")
CLASS_FLAGS = (
    "--model.network",
    *(f"--trainer.{name}" for name in ("strategy", "logger", "callbacks", "profiler", "plugins")),
)
LOOKED_AT = (*CONFIG_FLAGS, *NETWORK_FLAGS, ROOT_FLAG, CHECKPOINT_FLAG, WEIGHTS_FLAG)


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        command: "fit", "validate" or "test".
        config: The settings of all configs together, later ones over earlier ones.
        flags: All other arguments in full, those that choose the network first.
        network: Name or import path of the network that flags, or else configs, ask for; empty if none does.
        ckpt_path: The checkpoint that is asked for.
        root: The folder that holds lightning_logs.
        weights: The checkpoint whose weights a new run is to begin with.
        data_of: The checkpoint that says which data are used; None where the arguments do.
    """

    command: str
    config: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    network: str = ""
    ckpt_path: str | None = None
    root: Path = Path()
    weights: str | None = None
    data_of: Path | None = None

    @property
    def wants_help(self) -> bool:
        """Whether nothing is to be done but to print a help text."""
        return any(flag in ("-h", "--help") or flag.endswith(".help") for flag in self.flags)

    @property
    def used_config(self) -> dict[str, Any]:
        """The config as far as it counts.

        A network's settings are left out where another network is asked for: the parser would hand them on to that
        one wherever the names are the same, as with `dropout`.
        """
        config = {name: value for name, value in self.config.items() if name not in NO_SETTINGS}
        model = config.get("model")
        is_other = self.network and class_name(_network_of(config)) != class_name(self.network)
        if isinstance(model, Mapping) and is_other:
            config["model"] = {name: value for name, value in model.items() if name != "network"}
        return config

    def gives(self, key: str) -> bool:
        """Whether a flag or a config sets an argument of the network."""
        flags = (f"--model.network.{key}", f"--model.network.init_args.{key}")
        model = self.used_config.get("model")
        spec = model.get("network") if isinstance(model, Mapping) else None
        in_config = isinstance(spec, Mapping) and key in (spec.get("init_args") or {})
        return in_config or any(flag.partition("=")[0] in flags for flag in self.flags)

    def behind(self, checkpoint: Checkpoint) -> "Request":
        """The same request where a checkpoint is gone on with: its settings count where nothing else is asked for.

        To go on with training, the Trainer's settings count too: they stand in the config of the checkpoint's run.

        Raises:
            UserError: if the checkpoint names a class that is neither one of this project's networks nor asked for by
                the request itself: a file should not decide which code is imported.
        """
        from mnist_cnn.networks.base import is_network

        settings, path = checkpoint.settings(), checkpoint.path
        class_path = checkpoint.network["class_path"]
        if not is_network(class_path) and class_path != self.network:
            raise UserError(
                f"{path} holds a network of the class {class_path!r}, which is none of this project's; "
                f"if you trust it, name it: --model.network {class_path}"
            )
        says_how_long = self._names("trainer.max_epochs") or self._names("trainer.max_steps")
        of_run, left_out = settings_of_run(path, says_how_long) if self.command == "fit" else ({}, {})
        settings, others = without_classes(settings)
        say_what_is_left_out(path, {key: name for key, name in (left_out | others).items() if not self._names(key)})
        config = merged(merged(of_run, settings), self.config)
        data_of = None if self._names("data.dataset") else path
        return replace(self, config=config, network=self.network or class_path, data_of=data_of)

    def with_network_of(self, source: Checkpoint) -> "Request":
        """The same request where a new run begins with the weights of a checkpoint, and so with its network."""
        config = merged({"model": {"network": source.network_for_other_data()}}, self.config)
        return replace(self, config=config, network=self.network or source.network["class_path"])

    def _names(self, key: str) -> bool:
        """Whether a flag or a config gives the setting of a name, such as "trainer.callbacks"."""
        value: Any = self.config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value is not None or any(
            re.match(rf"--{re.escape(key)}[=.+]|--{re.escape(key)}$", f) for f in self.flags
        )

    def for_parser(self) -> list[str]:
        """The arguments for the parser."""
        config = self.used_config
        inline = yaml.safe_dump(config, default_flow_style=True, width=2**31)
        return ["--config", inline, *self.flags] if config else list(self.flags)


def read_request(command: str, arguments: Sequence[str]) -> Request:
    """Read the arguments of a command, and each config that they name, once.

    Raises:
        UsageError: for a device or a config that there is not, and for a flag whose value is missing.
    """
    looked_at: list[tuple[str, str]] = []
    rest: list[str] = []
    remaining = iter(_with_last(arguments))
    for argument in remaining:
        name, equals, value = argument.partition("=")
        name = full_flag(name)
        if name in LOOKED_AT:
            if not equals and (value := next(remaining, "")) == "":
                raise UsageError(f"{name}: a value is needed")
            looked_at.append((name, _filled_in(name, value) if name in CLASS_FLAGS else value))
        elif name == "--trainer.accelerator" and argument.startswith("--device"):
            rest += [name, _device(value if equals else next(remaining, ""))]
        elif name.removesuffix("+") in (*GROUP_FLAGS, *CLASS_FLAGS):
            value = value if equals else next(remaining, "")
            rest.append(f"{name}={_filled_in(name.removesuffix('+'), value)}" if value else name)
        else:
            rest.append(name + equals + value)
    return _request(command, looked_at, rest)


def _with_last(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments, where `--resume` without a checkpoint means the last one."""
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=False):
        yield "--resume=last" if argument == "--resume" and following.startswith("-") else argument


def _request(command: str, looked_at: Sequence[tuple[str, str]], rest: Sequence[str]) -> Request:
    config: dict[str, Any] = {}
    for name, value in looked_at:
        if name in CONFIG_FLAGS:
            config = merged(config, read_config(value))
    networks = [value for name, value in looked_at if name in NETWORK_FLAGS]
    roots = [value for name, value in looked_at if name == ROOT_FLAG]
    checkpoints = [value for name, value in looked_at if name == CHECKPOINT_FLAG]
    weights = [value for name, value in looked_at if name == WEIGHTS_FLAG]
    if weights and command != "fit":
        raise UsageError(f"unknown flag {WEIGHTS_FLAG}: {command} takes the network itself, with {CHECKPOINT_FLAG}")
    if weights and checkpoints:
        raise UsageError(f"{CHECKPOINT_FLAG} goes on with a run, and {WEIGHTS_FLAG} begins a new one: give one of them")
    trainer = config.get("trainer")
    root = roots[-1] if roots else (trainer.get("default_root_dir") if isinstance(trainer, Mapping) else None)
    for name, path in (
        (ROOT_FLAG, root),
        (CHECKPOINT_FLAG, config.get("ckpt_path")),
        (WEIGHTS_FLAG, config.get("weights")),
    ):
        if not isinstance(path, str | None):
            raise UsageError(f"{name} {path}: a text is needed, the path of a folder or a file")
    first = [part for name, value in looked_at if name in (*NETWORK_FLAGS, ROOT_FLAG) for part in (name, value)]
    return Request(
        command,
        config,
        (*first, *rest),
        networks[-1] if networks else _network_of(config),
        checkpoints[-1] if checkpoints else config.get("ckpt_path"),
        expanded(root or "."),
        weights[-1] if weights else config.get("weights") if command == "fit" and not checkpoints else None,
    )


def _filled_in(name: str, value: str) -> str:
    """The value of a flag, with what stands in the file that it may name.

    Raises:
        UsageError: if that file cannot be used.
    """
    if value.lstrip().startswith(("{", "[")) or not path_is(Path(value), Path.exists):
        return value
    if path_is(Path(value), Path.is_dir):
        if name in GROUP_FLAGS:
            raise UsageError(f"{name} {value}: that is a folder, not a file")
        return value
    try:
        return yaml.safe_dump(read_config(value), default_flow_style=True, width=2**31)
    except UsageError as error:
        raise UsageError(f"{name} {error}") from error


def _network_of(settings: Mapping[str, Any]) -> str:
    """Name or import path of the network that a config names, else empty."""
    model = settings.get("model")
    network = model.get("network") if isinstance(model, Mapping) else None
    return str(network.get("class_path", "") if isinstance(network, Mapping) else network or "")


def _device(name: str) -> str:
    if name not in DEVICES:
        raise UsageError(f"--device {name}: choose one of {', '.join(DEVICES)}")
    return DEVICES[name]
