"""What a resume takes over from a run: settings, but no classes, as a file should not decide which code is run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mnist_cnn.configs import read_settings
from mnist_cnn.console import PROGRAM, is_first_process, quoted, remark, short_path
from mnist_cnn.errors import UserError
from mnist_cnn.runs.folders import is_last_of_run, run_dir_of

# Settings of the Trainer that take classes, and those of them that know some by names, such as "ddp".
TAKE_CLASSES = ("accelerator", "callbacks", "logger", "plugins", "profiler", "strategy")
KNOW_NAMES = ("accelerator", "plugins", "profiler", "strategy")
NAME = re.compile(r"[A-Za-z_][\w-]*")
# What stands in a run's config, but says where it was rather than what it did, or names other configs.
NOT_TAKEN_OVER = ("default_root_dir",)
NO_SETTINGS = ("config", "print_config")


def settings_of_run(checkpoint: Path, says_how_long: bool = False) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings in the config of a checkpoint's run; none where it has no config.

    If that is damaged, those of the newest resume count, and a line says so.

    Args:
        checkpoint: The file.
        says_how_long: Whether it is given how long to train. A run goes on without its own settings of the Trainer
            only then, and a line says so: a default in their place would stretch its schedule to another length.

    Returns:
        The settings without the classes that are named among them, and those classes by the names of their settings.

    Raises:
        UserError: if no config can be read.
    """
    run_dir = run_dir_of(checkpoint)
    if not (run_dir / "config.yaml").is_file():
        return {}, {}
    found, problem = _first_readable([run_dir / "config.yaml", *resumes_of(run_dir)[::-1]])
    if found is None and not says_how_long:
        raise UserError(
            f"{problem}: put it right, or say how long to train (--epochs N, and the other settings of the Trainer "
            f"that the run had)"
        )
    if problem and is_first_process():  # the others say the same
        instead = "the settings of its newest resume count" if found else "the run's settings of the Trainer are lost"
        remark(f"warning: {problem}; {instead}, below those that are given")
    found = found or {}
    if "trainer" in found:
        found["trainer"] = {name: value for name, value in found["trainer"].items() if name not in NOT_TAKEN_OVER}
    return without_classes({name: value for name, value in found.items() if name not in NO_SETTINGS})


def read_run_config(path: Path) -> dict[str, Any]:
    """The settings in a config that a run has written.

    Raises:
        UserError: if it is damaged.
    """
    found = read_settings(path)
    if not isinstance(found.get("trainer"), Mapping):
        raise UserError(f"{path} is damaged: it lacks the settings of the Trainer")
    return found


def resumes_of(run_dir: Path) -> list[Path]:
    """The configs that resumes with other settings have added to a run, oldest first."""
    named = [(re.fullmatch(r"config-resume-(\d{1,9})\.yaml", path.name), path) for path in run_dir.glob("config-*")]
    numbered = [(int(match[1]), path) for match, path in named if match and path.is_file()]
    return [path for _, path in sorted(numbered)]


def resume_command(checkpoint: object) -> str:
    """The command that goes on with a run, from its last checkpoint.

    Its config is named where that names classes: what code is run is for whoever starts a run to say.
    """
    path = Path(str(checkpoint))
    run_dir = run_dir_of(path)
    try:
        settings = read_run_config(run_dir / "config.yaml")
    except UserError:
        settings = {}
    model = settings.get("model")
    network = model.get("network") if isinstance(model, Mapping) else None
    is_own = isinstance(network, Mapping) and str(network.get("class_path")).startswith("mnist_cnn.")
    if is_own and is_last_of_run(path) and not without_classes(settings)[1]:
        return f"{PROGRAM} fit --ckpt_path {quoted(run_dir)}"
    return f"{PROGRAM} fit --config {quoted(run_dir / 'config.yaml')} --ckpt_path {quoted(path)}"


def _first_readable(paths: Sequence[Path]) -> tuple[dict[str, Any] | None, str]:
    """The first config that can be read, and what is wrong with the first of all."""
    problem = ""
    for path in paths:
        try:
            return read_run_config(path), problem
        except UserError as error:
            problem = problem or str(error)
    return None, problem


def without_classes(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings without the classes that are named among them, and those classes by the names of their settings.

    The network's stays: whoever builds it sees to its being one of this project's or named by the user.
    """
    left_out: dict[str, str] = {}
    kept: dict[str, Any] = _clean(settings, "", left_out)
    return kept, left_out


def say_what_is_left_out(checkpoint: Path, left_out: Mapping[str, str]) -> None:
    """Print a line that tells which classes are not taken over, and how they are given again."""
    if left_out and is_first_process():  # the others say the same
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
