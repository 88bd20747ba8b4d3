"""Names that people give to runs; each stands in a file of its own in the run's folder, where it can be changed."""

from pathlib import Path

from mnist_cnn.errors import UserError
from mnist_cnn.files import write_text

NAME_FILE = "name.txt"
LONGEST = 60  # characters
RESERVED = ("best", "last", "reference")  # what --ckpt_path takes for something else


def check_name(name: str) -> None:
    """See that a run can be found by a name.

    Raises:
        UserError: if it cannot.
    """
    is_path = any(character in name for character in "/\\") or name.startswith((".", "-", "version_"))
    is_file = name.lower().endswith((".ckpt", ".onnx", ".yaml"))
    is_plain = name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST
    if is_path or is_file or not is_plain or name in RESERVED:
        raise UserError(
            f"--name {name[:LONGEST]!r}: up to {LONGEST} letters, digits, spaces and signs are needed that could be no "
            f"path, and none of {', '.join(RESERVED)}"
        )


def write_name(run_dir: Path, name: str) -> None:
    """Name a run."""
    write_text(run_dir / NAME_FILE, name + "\n")


def name_of(run_dir: Path) -> str:
    """The name of a run; empty if it has none."""
    try:
        text = (run_dir / NAME_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    first = text.strip().splitlines()[:1]
    return "".join(character for character in "".join(first)[:LONGEST] if character.isprintable())
