"""Arguments before the parser sees them: what a checkpoint adds to them, and the few that are needed first."""

from collections.abc import Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import yaml

from mnist_cnn.errors import UsageError, UserError
from mnist_cnn.networks.base import is_network
from mnist_cnn.runs import read_checkpoint, run_dir_of
from mnist_cnn.settings import flatten

CONFIG_FLAGS = ("--config", "-c")
# Settings of the Trainer that change what comes out; the number of epochs stretches the schedule.
LASTING_TRAINER_SETTINGS = ("max_epochs", "max_steps", "precision", "accumulate_grad_batches", "gradient_clip_val")
NETWORK_FLAGS = ("--model.network", "--model.network.class_path")


def checkpoint_configs(path: Path, command: str, arguments: Sequence[str]) -> list[str]:
    """The settings that a checkpoint was trained with, as `--config` arguments.

    To go on with training, the Trainer's settings count too: they stand in the config of the checkpoint's run.

    Raises:
        UserError: if the checkpoint names a class that is neither one of this project's networks nor asked for by the
            arguments themselves: a file should not decide which code is imported.
    """
    settings = _settings_in(path)
    class_path = settings["model"]["network"]["class_path"]
    if not is_network(class_path) and class_path != requested_network(arguments):
        raise UserError(
            f"{path} holds a network of the class {class_path!r}, which is none of this project's; "
            f"if you trust it, name it: --model.network {class_path}"
        )
    run_config = run_dir_of(path) / "config.yaml"
    of_run = ["--config", str(run_config)] if command == "fit" and run_config.is_file() else []
    return [*of_run, "--config", _inline(settings)]


def in_order(arguments: Sequence[str]) -> list[str]:
    """Put all `--config` first, so that a flag beats a config wherever it stands, and a network before its settings."""
    first = []
    rest = list(arguments)
    for flags in (CONFIG_FLAGS, NETWORK_FLAGS):
        chosen = [(flags[0], value) for flag, value in _flags_and_values(arguments) if flag in flags]
        first += [part for pair in chosen for part in pair]
        for flag in flags:
            rest = without(rest, flag)
    return first + rest


def without_other_networks(arguments: Sequence[str]) -> list[str]:
    """Leave a network's settings out of every config that names another network than the one that will be used.

    The parser would hand them on to the new network wherever the names are the same, as with `dropout`.
    """
    wanted = _class_name(requested_network(arguments))
    if not wanted:
        return list(arguments)
    kept = list(arguments)
    for position, (flag, value) in enumerate(pairwise(arguments)):
        if flag != "--config":
            continue
        settings = _load(value)
        network = _network_of(settings)
        if network and _class_name(network) != wanted:
            del settings["model"]["network"]
            kept[position + 1] = _inline(settings)
    return kept


def changed_settings(path: Path, config: dict[str, Any]) -> list[str]:
    """What a resumed run does otherwise than the checkpoint that it starts from, as "name: before -> now".

    Args:
        path: The checkpoint.
        config: The settings of the run that goes on.
    """
    before = flatten(_settings_in(path))
    configs = sorted(run_dir_of(path).glob("config*.yaml"), key=lambda file: file.stat().st_mtime)
    if configs:
        trainer = _load(str(configs[-1])).get("trainer", {})
        before |= {f"trainer.{name}": trainer[name] for name in LASTING_TRAINER_SETTINGS if name in trainer}
    now = flatten(config)
    return [f"{name}: {value} -> {now[name]}" for name, value in before.items() if name in now and now[name] != value]


def requested(key: str, arguments: Sequence[str]) -> str | None:
    """The value that flags, or else config files, give to a key, before anything is parsed."""
    pairs = _flags_and_values(arguments)
    given = [value for flag, value in pairs if flag == f"--{key}"]
    if given:
        return given[-1]
    for value in reversed([value for flag, value in pairs if flag in CONFIG_FLAGS]):
        node = _load(value)
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if node is not None:
            return str(node)
    return None


def requested_network(arguments: Sequence[str]) -> str:
    """Name or import path of the network that flags, or else the last config that names one, ask for; else empty."""
    pairs = _flags_and_values(arguments)
    flags = [value for flag, value in pairs if flag in NETWORK_FLAGS]
    configs = [_network_of(_load(value)) for flag, value in pairs if flag in CONFIG_FLAGS]
    named = [name for name in [*configs, *flags] if name]
    return named[-1] if named else ""


def without(arguments: Sequence[str], flag: str) -> list[str]:
    """Leave a flag and its value out, given as `--flag value` or as `--flag=value`."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if not skip and argument.partition("=")[0] != flag:
            kept.append(argument)
        skip = not skip and argument == flag
    return kept


def _flags_and_values(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Every flag with its value, be it given as `--flag value` or as `--flag=value`, in their order."""
    pairs = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        flag, equals, value = argument.partition("=")
        if flag.startswith("-"):
            pairs.append((flag, value if equals else following))
    return pairs


def _network_of(settings: Any) -> str:
    """Name or import path of the network that a config names, else empty."""
    model = settings.get("model") if isinstance(settings, dict) else None
    network = model.get("network") if isinstance(model, dict) else None
    return str(network.get("class_path", "") if isinstance(network, dict) else network or "")


def _class_name(class_path: str) -> str:
    return class_path.rpartition(".")[2]


def _inline(settings: dict[str, Any]) -> str:
    """A config as a single argument."""
    return yaml.safe_dump(settings, default_flow_style=True, width=2**31)


def _settings_in(path: Path) -> dict[str, Any]:
    """Seed, model and data settings that a checkpoint was trained with; where the data lie is no such setting."""
    checkpoint = read_checkpoint(path)
    data = {key: v for key, v in checkpoint.get("datamodule_hyper_parameters", {}).items() if key != "data_dir"}
    return {"seed_everything": data.pop("seed", 0), "model": checkpoint["hyper_parameters"], "data": data}


def _load(config: str) -> Any:
    """Read a config: a file, or the text itself. What is neither is left to the parser to complain about."""
    try:
        if config.startswith("{"):
            return yaml.safe_load(config)
        path = Path(config)
        return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    except yaml.YAMLError as error:
        raise UsageError(f"{config} is no valid YAML: {' '.join(str(error).split())}") from error
