"""What happens to a run whose files cannot be written any more: a full disk, a folder that is gone."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from mnist_cnn.console import short_path
from mnist_cnn.errors import NotWrittenError, of_system
from mnist_cnn.runs.lock import RunLock
from mnist_cnn.runs.settings import resume_command

# What a write is refused with that does not say of which file, as of events, which a thread of its own writes.
WRITING_ENDS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENOENT, errno.ESTALE)


@contextmanager
def ended_in_a_sentence(run_dir: Path | None) -> Iterator[None]:
    """Say what is left of a run that ends as the system refuses to write one of its files, and how it goes on.

    It does end, rather than go on without its curves: what it had saved is kept, and a resume gives the same results
    to the last bit, curves included.

    Args:
        run_dir: The run's directory; None where nothing is kept.

    Raises:
        NotWrittenError: for an error of the system.
    """
    try:
        yield
    except (OSError, NotWrittenError) as error:
        if run_dir is None or (isinstance(error, OSError) and not _is_of_run(error, run_dir)):
            raise
        _remove_empty_events(run_dir)
        raise NotWrittenError(_explain(error, run_dir)) from error


class StillOurs(Callback):
    """Ends training if another machine has taken the run over; see `mnist_cnn.runs.lock`.

    Args:
        lock: The run's.
    """

    def __init__(self, lock: RunLock) -> None:
        self.lock: RunLock | None = lock

    def __getstate__(self) -> dict[str, Any]:
        """Nothing, for the processes that ddp_spawn starts: this one holds the lock."""
        return {"lock": None}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Look before each step, which may write."""
        if self.lock:
            self.lock.check_kept()


def _is_of_run(error: OSError, run_dir: Path) -> bool:
    """Whether an error tells of the run's own files, and not of some that the user's code reads or is connected to."""
    if not run_dir.is_dir():
        return True
    if error.filename is None:
        return error.errno in WRITING_ENDS
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Path()
    return path.absolute().is_relative_to(run_dir.absolute())


def _explain(error: OSError | NotWrittenError, run_dir: Path) -> str:
    if not run_dir.is_dir():
        return f"the run has ended: its folder {run_dir}, or one above it, was deleted while it was trained"
    if isinstance(error, OSError) and error.filename is None:  # as of events, which a thread of its own writes
        error.filename = str(short_path(run_dir))
    reason = of_system(error) if isinstance(error, OSError) else str(error)
    last = run_dir / "checkpoints" / "last.ckpt"
    if not last.is_file():
        return f"{reason}. The run has ended before there was a last.ckpt to go on from"
    return f"{reason}. The run has ended; it goes on from what was saved with:\n  {resume_command(last)}"


def _remove_empty_events(run_dir: Path) -> None:
    for path in run_dir.glob("events.out.tfevents.*"):
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()
