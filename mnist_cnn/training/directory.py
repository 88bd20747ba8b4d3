"""The directory of a run: found on a resume, made for a new run, and taken away again where none began."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mnist_cnn.console import is_first_process
from mnist_cnn.errors import UserError, of_system
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.folders import LOGS_FOLDER, is_last_of_run, list_runs, make_run_dir, run_dir_of


@contextmanager
def run_directory(root: Path, start: Checkpoint | None) -> Iterator[Any]:
    """Give a function that finds or makes the run's directory; one that was made for a run that never began is removed.

    Going on from a checkpoint that is not a run's last would overwrite what came after it, so that is a new run.
    """
    made: list[Path] = []

    def find() -> Path:
        if start and is_last_of_run(start.path):
            return run_dir_of(start.path)
        if not is_first_process():  # the others write nothing, and make no directory
            return (list_runs(root) or [root / LOGS_FOLDER / "version_0"])[-1]
        try:
            made.append(make_run_dir(root))
        except OSError as error:
            reason = of_system(error)
            raise UserError(f"no run can be kept in {root} ({reason}); see --trainer.default_root_dir") from error
        return made[0]

    try:
        yield find
    finally:
        for run_dir in made:
            if not (run_dir / "config.yaml").exists():
                shutil.rmtree(run_dir, ignore_errors=True)
                with suppress(OSError):  # other runs are in it
                    run_dir.parent.rmdir()
