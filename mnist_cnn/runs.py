"""Finding runs and their checkpoints on the disk, and reading checkpoints. Needs torch, not Lightning."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

from mnist_cnn.errors import UserError

LOGS_FOLDER = "lightning_logs"
REFERENCE = "reference"  # the run that is kept in git


def list_runs(root: Path) -> list[Path]:
    """The directories `version_N` of all runs below `root`/lightning_logs, oldest first."""
    found = [(re.fullmatch(r"version_(\d+)", path.name), path) for path in (root / LOGS_FOLDER).glob("version_*")]
    numbered = [(int(match.group(1)), path) for match, path in found if match and path.is_dir()]
    return [path for _, path in sorted(numbered)]


def make_run_dir(root: Path) -> Path:
    """Make the directory of the next run. Of several processes that ask at once, each gets one of its own."""
    runs = list_runs(root)
    number = int(runs[-1].name.removeprefix("version_")) + 1 if runs else 0
    while True:
        run_dir = root / LOGS_FOLDER / f"version_{number}"
        try:
            run_dir.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return run_dir


def find_checkpoint(which: str, root: Path) -> Path:
    """Find the checkpoint that `--ckpt_path` asks for.

    Args:
        which: A file, or "best" or "last" for those of the newest run.
        root: The folder that holds lightning_logs.

    Raises:
        UserError: if there is no such file or no run.
    """
    if which not in ("best", "last"):
        if not (path := Path(which).expanduser()).is_file():
            raise UserError(f"--ckpt_path {which}: no such file; give a checkpoint's path, 'best' or 'last'")
        return path.resolve()
    runs = list_runs(root)
    if not runs:
        raise UserError(
            f"there is no run in {root / LOGS_FOLDER} yet, so no {which}.ckpt; train one with mnist-cnn fit"
        )
    if (path := runs[-1] / "checkpoints" / f"{which}.ckpt").is_file():
        return path
    older = [run for run in runs if (run / "checkpoints" / f"{which}.ckpt").is_file()]
    hint = f"; {older[-1] / 'checkpoints' / f'{which}.ckpt'} is there, from an earlier run" if older else ""
    raise UserError(f"the newest run {runs[-1]} has no {which}.ckpt{hint}")


def find_default_checkpoint(root: Path) -> Path:
    """The newest run's best checkpoint; where there are no runs, that of the small run that comes with the project.

    Raises:
        UserError: if there is none.
    """
    shipped = [root / LOGS_FOLDER / REFERENCE, Path(__file__).parent.parent / LOGS_FOLDER / REFERENCE]
    found = [folder / "checkpoints" / "best.ckpt" for folder in shipped]
    existing = [path for path in found if path.is_file()]
    return existing[0] if existing and not list_runs(root) else find_checkpoint("best", root)


def run_dir_of(checkpoint: Path) -> Path:
    """The directory of the run that a checkpoint belongs to, or the checkpoint's own if it lies elsewhere."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def is_last_of_run(checkpoint: Path) -> bool:
    """Whether going on from a checkpoint can use its run's directory without overwriting anything that came later."""
    return checkpoint.name == "last.ckpt" and (run_dir_of(checkpoint) / "config.yaml").is_file()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this project into the CPU's memory; no code in it is run.

    Raises:
        UserError: if the file is damaged, or comes from something else.
    """
    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        with zipfile.ZipFile(path) as parts:  # torch does not compare the checksums that it writes
            if (damaged := parts.testzip()) is not None:
                raise ValueError(damaged)
    except pickle.UnpicklingError as error:
        if not zipfile.is_zipfile(path):  # a checkpoint is an archive
            raise UserError(f"{path} is damaged or no checkpoint: torch cannot read it") from error
        raise UserError(
            f"{path} holds more than plain values and tensors, so it is not read (it is foreign)"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged or no checkpoint: torch cannot read it") from error
    parameters = checkpoint.get("hyper_parameters") if isinstance(checkpoint, dict) else None
    named = isinstance(parameters, dict) and "class_path" in (parameters.get("network") or {})
    if not named or "state_dict" not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of mnist-cnn: it does not say which network it holds")
    return checkpoint
