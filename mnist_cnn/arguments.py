"""Arguments before the parser sees them: what a checkpoint adds to them, and the few that are needed first."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from mnist_cnn.errors import UsageError
from mnist_cnn.runs import read_checkpoint, run_dir_of


def checkpoint_configs(path: Path, command: str) -> list[str]:
    """The settings that a checkpoint was trained with, as `--config` arguments.

    To go on with training, the Trainer's settings count too: they stand in the config of the checkpoint's run.
    """
    inline = ["--config", yaml.safe_dump(_settings_in(path), default_flow_style=True, width=2**31)]
    run_config = run_dir_of(path) / "config.yaml"
    return ["--config", str(run_config), *inline] if command == "fit" and run_config.is_file() else inline


def changed_settings(path: Path, config: dict[str, Any]) -> list[str]:
    """What a resumed run does otherwise than the checkpoint that it starts from, as "name: before -> now".

    Args:
        path: The checkpoint.
        config: The settings of the run that goes on.
    """
    before, now = flatten(_settings_in(path)), flatten(config)
    return [f"{name}: {value} -> {now[name]}" for name, value in before.items() if name in now and now[name] != value]


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested settings with dots."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def requested(key: str, arguments: Sequence[str]) -> str | None:
    """The value that flags, or else config files, give to a key, before anything is parsed."""
    pairs = _flags_and_values(arguments)
    given = [value for flag, value in pairs if flag == f"--{key}"]
    if given:
        return given[-1]
    for path in reversed([Path(value) for flag, value in pairs if flag in ("--config", "-c")]):
        node = _load_yaml(path) if path.is_file() else None
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if node is not None:
            return str(node)
    return None


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
    """Every flag with its value, be it given as `--flag value` or as `--flag=value`."""
    joined = [argument.partition("=") for argument in arguments]
    pairs = [(flag, value) for flag, equals, value in joined if equals]
    return [*pairs, *((flag, value) for flag, value in pairwise(arguments) if flag.startswith("-"))]


def _settings_in(path: Path) -> dict[str, Any]:
    """Seed, model and data settings that a checkpoint was trained with; where the data lie is no such setting."""
    checkpoint = read_checkpoint(path)
    data = {key: v for key, v in checkpoint.get("datamodule_hyper_parameters", {}).items() if key != "data_dir"}
    return {"seed_everything": data.pop("seed", 0), "model": checkpoint["hyper_parameters"], "data": data}


def _load_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
