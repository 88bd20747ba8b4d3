"""The configs that a command line names: files, names of those that come with the package, or the text itself."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mnist_cnn.configs import parse_settings, path_is, read_settings
from mnist_cnn.errors import UsageError, UserError
from mnist_cnn.files import expanded
from mnist_cnn.shipped import find_config, list_configs

MOST_PARTS = 50  # files that a config may be put together of
INTERPOLATION = re.compile(r"\$\{[\w.:, ]+\}")


def read_config(config: str) -> dict[str, Any]:
    """Read a config, with the parts of it that stand in files beside it.

    Args:
        config: A file, the name of a config of the package, or the text itself.

    Raises:
        UsageError: if there is none, or it cannot be used.
    """
    try:
        if config.startswith("{") or ": " in config:
            settings, folder = parse_settings(config, "--config"), Path()
        else:
            path = _find_config(config)
            settings, folder = read_settings(path, config), path.parent
        found: dict[str, Any] = _Parts().put_into(settings, folder, config)
        # A part whose lines are all commented out.
        complete = {key: value for key, value in found.items() if value is not None}
    except UsageError:
        raise
    except UserError as error:
        raise UsageError(str(error)) from error
    if "config" in complete:
        raise UsageError(f"{_short(config)}: unknown setting config; give --config several times")
    for key, text in _texts(complete):
        if match := INTERPOLATION.search(text):
            raise UsageError(f"{_short(config)}, {key}: {match[0]} is not filled in here; write the value itself")
    return complete


def _find_config(config: str) -> Path:
    path = expanded(config)
    if path_is(path, Path.is_file):
        return path
    with suppress(UserError):
        return find_config(config)
    for beside in (Path("configs") / path, Path("configs") / f"{config}.yaml", Path(f"{config}.yaml")):
        if path_is(beside, Path.is_file):
            return beside
    if path_is(path, Path.is_dir):
        raise UsageError(f"--config {config}: that is a folder, not a file")
    if path_is(path, Path.exists):  # a pipe, as of `<(...)` in a shell
        return path
    known = ", ".join(name for name in list_configs() if "/" not in name)
    raise UsageError(
        f"--config {_short(config)}: there is no such file, nor such a config of the package ({known}, recipes/...)"
    )


class _Parts:
    """Puts in those parts of a config that stand in files of their own beside it: `model: model.yaml`."""

    def __init__(self) -> None:
        self.count = 0

    def put_into(self, value: Any, folder: Path, name: str, outer: tuple[Path, ...] = ()) -> Any:
        """A value with the parts put in; `outer` are the files that it stands in.

        Raises:
            UserError: for a file that cannot be used, contains itself, or for too many of them.
        """
        if isinstance(value, dict):
            return {key: self.put_into(part, folder, name, outer) for key, part in value.items()}
        if not isinstance(value, str) or not value.endswith((".yaml", ".yml")):
            return value
        path = folder / value
        if not path_is(path, Path.is_file):
            return value
        if (place := path.resolve()) in outer:
            raise UsageError(f"{_short(name)}: {value} contains itself")
        self.count += 1
        if self.count > MOST_PARTS:
            raise UsageError(f"{_short(name)} is put together of more than {MOST_PARTS} files")
        return self.put_into(read_settings(path), path.parent, str(path), (*outer, place))


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts among settings, with the keys that they stand under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, key)


def _short(config: str) -> str:
    """What messages call a config: one that is given as text may be long."""
    return config if len(config) <= 200 and "\n" not in config else "--config"
