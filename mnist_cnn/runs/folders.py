"""Finding runs and their files on the disk. Needs neither torch nor Lightning."""

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from mnist_cnn.console import PROGRAM, quoted, remark, short_path
from mnist_cnn.errors import UserError
from mnist_cnn.files import expanded
from mnist_cnn.runs.curves import Curves, Rows
from mnist_cnn.runs.lock import HOLDER, holder_of
from mnist_cnn.runs.names import name_of
from mnist_cnn.shipped import reference_run

LOGS_FOLDER = "lightning_logs"
CHECKPOINTS = "checkpoints"
STAND_IN_FILE = "STAND-IN-DATA.txt"  # in the folders of runs on stand-in data alone
REFERENCE = "reference"
Kind = Literal["best", "last"]
LARGEST_PICKLE = 2**24  # bytes of the part of a checkpoint that says what it holds; ours have ten thousand


def list_runs(root: Path) -> list[Path]:
    """The directories `version_N` below `root`/lightning_logs, oldest first; other projects' too, see `is_run`."""
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


def find_checkpoint(which: str, root: Path, of_folder: Kind = "best", flag: str = "--ckpt_path") -> Path:
    """Find the checkpoint that `--ckpt_path` asks for.

    Where the newest run has no best checkpoint, the newest one that has is said and taken. Folders that other projects
    have left in lightning_logs count as none.

    Args:
        which: A file, a run's folder or the name that it was given, "best" or "last" for those of the newest run, or
            "reference" for the network that comes with the package.
        root: The folder that holds lightning_logs.
        of_folder: Which of its checkpoints a run's folder stands for.
        flag: What asks for it.

    Raises:
        UserError: if there is no such file or no run.
    """
    if which == REFERENCE:
        return _shipped_checkpoint()
    if which not in get_args(Kind):
        path = expanded(which)
        if not path.exists() and (named := _run_of_name(which, root)):
            path = named
        if path.is_dir():
            return _of_folder(path.resolve(), of_folder, flag)
        if not path.is_file():
            raise UserError(
                f"{flag} {which}: no such file; give a checkpoint's path, a run's folder or name, 'best', 'last' "
                f"or '{REFERENCE}', the network that comes with the package"
            )
        return path.resolve()
    runs = [run for run in list_runs(root) if is_run(run)]
    if not runs:
        raise UserError(
            f"there is no run in {root / LOGS_FOLDER} yet, so no {which}.ckpt; train one with {PROGRAM} fit, "
            f"or take the network that comes with the package: {flag} {REFERENCE}"
        )
    found = _newest_best(runs) if which == "best" else _kept(runs[-1], "last")
    if found:
        return found
    older = [kept for run in runs if (kept := _kept(run, "last"))]
    if which == "best":
        hint = f"; {quoted(older[-1])} is there: name it, or go on with it" if older else ""
        raise UserError(f"no run in {root / LOGS_FOLDER} has a best.ckpt yet{hint}")
    hint = f"; {quoted(older[-1])} is there, from an earlier run" if older else ""
    holder = holder_of(runs[-1])
    trained = f" yet: process {holder.pid} on {holder.host} is training it" if holder else ""
    raise UserError(f"the newest run {runs[-1]} has no last.ckpt{trained}{hint}")


def find_default_checkpoint(root: Path) -> Path:
    """The newest best checkpoint of a run; where there is none, that of the run that comes with the package.

    Raises:
        UserError: if there is none.
    """
    runs = [run for run in list_runs(root) if is_run(run)]
    if found := _newest_best(runs):
        return found
    shipped = _shipped_checkpoint()
    if runs:
        remark(f"no run in {root / LOGS_FOLDER} has a best.ckpt yet: taking the network that comes with the package")
    return shipped


def is_run(folder: Path) -> bool:
    """Whether a folder `version_N` is a run of this project, and not what another one of Lightning's has left.

    Runs are told by their checkpoints, and where there are none, by a setting in their config that no other project
    has, or by being trained at this moment. What is damaged counts as this project's, so that it is named and not
    passed over.
    """
    if _kept(folder, "best") or _kept(folder, "last") or (folder / HOLDER).is_file():
        return True
    config = folder / "config.yaml"
    text = config.read_bytes() if config.is_file() else b""
    return b"\n  stand_in:" in text


def _newest_best(runs: Sequence[Path]) -> Path | None:
    """The best checkpoint of the newest run that has one, with a line where that is not simply the newest run's.

    A run without validation has no best checkpoint, and its last one stands for it.
    """
    for run in reversed(runs):
        skipped = f"the newest run {short_path(runs[-1])} has no best.ckpt: " if run != runs[-1] else ""
        if best := _kept(run, "best"):
            if skipped:
                remark(f"{skipped}taking {short_path(best)}, the newest one that there is")
            return best
        if (last := _kept(run, "last")) and _is_without_validation(run):
            remark(f"{skipped}taking {short_path(last)}, of a run without validation")
            return last
    return None


def _run_of_name(name: str, root: Path) -> Path | None:
    """The newest run that was given a name; None if there is none."""
    return next((run for run in reversed(list_runs(root)) if name_of(run) == name), None)


def _of_folder(folder: Path, kind: Kind, flag: str) -> Path:
    """The checkpoint that a run's folder, or that of its checkpoints, stands for."""
    run = folder.parent if folder.name == CHECKPOINTS else folder
    if found := _kept(run, kind):
        return found
    if kind == "best" and (last := _kept(run, "last")):
        remark(f"{short_path(run)} has no best.ckpt: taking its last.ckpt")
        return last
    hint = f"; {quoted(best)} is there" if (best := _kept(run, "best")) else ""
    raise UserError(f"{flag} {folder}: there is no {kind}.ckpt of {PROGRAM} in this folder{hint}")


def _kept(run: Path, kind: Kind) -> Path | None:
    """A checkpoint of a run; None where there is none, or another project's."""
    path = run / CHECKPOINTS / f"{kind}.ckpt"
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as parts:
            pickled = next((name for name in parts.namelist() if name.endswith("/data.pkl")), None)
            if pickled is None or parts.getinfo(pickled).file_size > LARGEST_PICKLE:
                return path
            return path if b"provenance" in parts.read(pickled) else None
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return path  # whoever reads it says what is wrong with it


def _is_without_validation(run: Path) -> bool:
    configs = sorted(run.glob("config*.yaml"), key=lambda file: file.stat().st_mtime)
    text = configs[-1].read_bytes() if configs else b""
    return re.search(rb"^ +limit_val_batches: 0(\.0*)?\s*$", text, re.MULTILINE) is not None


def _shipped_checkpoint() -> Path:
    shipped = reference_run() / CHECKPOINTS / "best.ckpt"
    if not shipped.is_file():
        raise UserError(f"the network that comes with the package is missing: there is no {shipped}")
    return shipped


def run_dir_of(checkpoint: Path) -> Path:
    """The directory of the run that a checkpoint belongs to, or the checkpoint's own if it lies elsewhere."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def is_last_of_run(checkpoint: Path) -> bool:
    """Whether going on from a checkpoint can use its run's directory without overwriting anything that came later."""
    return checkpoint.name == "last.ckpt" and (run_dir_of(checkpoint) / "config.yaml").is_file()


def read_curves(path: Path) -> Curves:
    """Epochs, counted from 1, and values of loss and accuracy in a run's metrics.csv; empty without one."""
    return Rows.read(path).curves()
