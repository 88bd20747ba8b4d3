"""Finding runs and their files on the disk. Needs neither torch nor Lightning."""

import csv
import re
from pathlib import Path

from mnist_cnn.console import PROGRAM, quoted
from mnist_cnn.errors import UserError
from mnist_cnn.shipped import reference_run

LOGS_FOLDER = "lightning_logs"
CURVES = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")


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
            f"there is no run in {root / LOGS_FOLDER} yet, so no {which}.ckpt; train one with {PROGRAM} fit"
        )
    if (path := runs[-1] / "checkpoints" / f"{which}.ckpt").is_file():
        return path
    older = [run for run in runs if (run / "checkpoints" / f"{which}.ckpt").is_file()]
    hint = f"; {older[-1] / 'checkpoints' / f'{which}.ckpt'} is there, from an earlier run" if older else ""
    raise UserError(f"the newest run {runs[-1]} has no {which}.ckpt{hint}")


def find_default_checkpoint(root: Path) -> Path:
    """The newest run's best checkpoint; where there are no runs, that of the run that comes with the package.

    Raises:
        UserError: if there is none.
    """
    shipped = reference_run() / "checkpoints" / "best.ckpt"
    return shipped if shipped.is_file() and not list_runs(root) else find_checkpoint("best", root)


def run_dir_of(checkpoint: Path) -> Path:
    """The directory of the run that a checkpoint belongs to, or the checkpoint's own if it lies elsewhere."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def is_last_of_run(checkpoint: Path) -> bool:
    """Whether going on from a checkpoint can use its run's directory without overwriting anything that came later."""
    return checkpoint.name == "last.ckpt" and (run_dir_of(checkpoint) / "config.yaml").is_file()


def resume_command(checkpoint: object) -> str:
    """The command that goes on from a run's checkpoint, with the run's own config."""
    path = Path(str(checkpoint))
    return f"{PROGRAM} fit --config {quoted(run_dir_of(path) / 'config.yaml')} --ckpt_path {quoted(path)}"


def read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Epochs, counted from 1, and values of loss and accuracy in a run's metrics.csv; empty without one."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name in CURVES:
        points = [(float(row["epoch"]) + 1, float(row[name])) for row in rows if row.get(name)]
        if points:
            curves[name] = ([epoch for epoch, _ in points], [value for _, value in points])
    return curves
