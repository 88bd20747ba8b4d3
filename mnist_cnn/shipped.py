"""What comes with the package: the configs, and a small trained network.

In a clone they are `configs/` and `lightning_logs/reference/`; in an installed package they lie inside it.
"""

from pathlib import Path

from mnist_cnn.errors import UserError

PACKAGE = Path(__file__).parent
IN_CLONE = {"configs": PACKAGE.parent / "configs", "reference": PACKAGE.parent / "lightning_logs" / "reference"}


def reference_run() -> Path:
    """The directory of the run whose network comes with the package."""
    return _place("reference")


def list_configs() -> dict[str, Path]:
    """The files of all configs by name, such as "base" and "recipes/mnist_linear"."""
    folder = _place("configs")
    return {str(path.relative_to(folder).with_suffix("").as_posix()): path for path in sorted(folder.rglob("*.yaml"))}


def find_config(name: str) -> Path:
    """The file of a config that comes with the package.

    Raises:
        UserError: if there is none of that name.
    """
    configs = list_configs()
    found = name.removesuffix(".yaml").removeprefix("configs/")
    found = found if found in configs else f"recipes/{found}"
    if found not in configs:
        raise UserError(f"there is no config {name!r}; choose one of {', '.join(configs)}, or give a file's path")
    return configs[found]


def summary_of(config: Path) -> str:
    """What a config says of itself in its first line."""
    first = config.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def _place(what: str) -> Path:
    inside = PACKAGE / "shipped_files" / what
    return inside if inside.is_dir() else IN_CLONE[what]
