"""What a resume takes over from a run: settings, but no classes, as a file should not decide which code is run."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_cnn.configs import read_settings
from mnist_cnn.console import quoted, remark, short_path
from mnist_cnn.runs.folders import run_dir_of

# Settings of the Trainer that take classes, and those of them that know some by names, such as "ddp".
TAKE_CLASSES = ("accelerator", "callbacks", "logger", "plugins", "profiler", "strategy")
KNOW_NAMES = ("accelerator", "plugins", "profiler", "strategy")
NAME = re.compile(r"[A-Za-z_][\w-]*")
# What stands in a run's config, but says where it was rather than what it did, or names other configs.
NOT_TAKEN_OVER = ("default_root_dir",)
NO_SETTINGS = ("config", "print_config")


def settings_of_run(checkpoint: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings in the config of a checkpoint's run; none where it has no config.

    Args:
        checkpoint: The file.

    Returns:
        The settings without the classes that are named among them, and those classes by the names of their settings.

    Raises:
        UserError: if the config is damaged.
    """
    path = run_dir_of(checkpoint) / "config.yaml"
    found = read_settings(path) if path.is_file() else {}
    trainer = found.get("trainer")
    if isinstance(trainer, Mapping):
        found["trainer"] = {name: value for name, value in trainer.items() if name not in NOT_TAKEN_OVER}
    elif "trainer" in found:
        del found["trainer"]
    return without_classes({name: value for name, value in found.items() if name not in NO_SETTINGS})


def without_classes(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings without the classes that are named among them, and those classes by the names of their settings.

    The network's stays: whoever builds it sees to its being one of this project's or named by the user.
    """
    left_out: dict[str, str] = {}
    kept: dict[str, Any] = _clean(settings, "", left_out)
    return kept, left_out


def say_what_is_left_out(checkpoint: Path, left_out: Mapping[str, str]) -> None:
    """Print a line that tells which classes are not taken over, and how they are given again."""
    if left_out and os.environ.get("LOCAL_RANK", "0") == "0":  # the other processes of a run say the same
        names = ", ".join(f"--{name} {class_path}" for name, class_path in left_out.items())
        run_dir = run_dir_of(checkpoint)
        remark(
            f"left out, as a run's files do not decide which code is run: {names}. If you trust "
            f"{short_path(run_dir)}, give that again, or all of it with --config {quoted(run_dir / 'config.yaml')}"
        )


def _clean(value: Any, key: str, left_out: dict[str, str]) -> Any:
    """A setting without classes; None in the place of one."""
    is_network = key == "model.network"
    if isinstance(value, Mapping):
        if "class_path" in value and not is_network:
            _leave_out(key, str(value["class_path"]), left_out)
            return None
        parts = {str(name): (part, f"{key}.{name}" if key else str(name)) for name, part in value.items()}
        before = {name: _clean(part, place, left_out) for name, (part, place) in parts.items()}
        return {name: part for name, part in before.items() if parts[name][1] not in left_out}
    if isinstance(value, list):
        cleaned = [_clean(item, key, left_out) for item in value]
        return [item for item, given in zip(cleaned, value, strict=True) if item is not None or given is None]
    section, _, name = key.partition(".")
    is_name = name in KNOW_NAMES and isinstance(value, str) and NAME.fullmatch(value)
    if section == "trainer" and name in TAKE_CLASSES and isinstance(value, str) and not is_name:
        _leave_out(key, value, left_out)
        return None
    return value


def _leave_out(key: str, class_path: str, left_out: dict[str, str]) -> None:
    left_out[key] = f"{left_out[key]}, {class_path}" if key in left_out else class_path
