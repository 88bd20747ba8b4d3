"""Several processes that train together on one machine: where one is lost, the others end soon, with a line."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.strategies.launchers import subprocess_script

from mnist_cnn.console import PROGRAM
from mnist_cnn.errors import LostProcessError
from mnist_cnn.runs.settings import resume_command
from mnist_cnn.signals import first_signal

LOOK_SECONDS = 0.5
# From a process's end to that of the others. They may be ending themselves, with something of their own to say.
GRACE_SECONDS = 3.0
# How gloo and its store word that the other end of a connection has gone.
LOST = re.compile(
    r"connection (was )?(closed|reset)|broken pipe|recvvalue failed|socket closed|read error \[|timed out waiting|"
    r"(reset|closed|refused) by (the )?(remote )?peer|failed to (recv|send)",
    re.IGNORECASE,
)


@contextmanager
def watched(trainer: Trainer, run_dir: Path | None) -> Iterator[None]:
    """Watch over the processes of a run while it lasts, and put the loss of one into a sentence.

    Raises:
        LostProcessError: where a connection to another process is lost.
    """
    if trainer.world_size == 1:
        yield
        return
    over, parent = threading.Event(), os.getppid()
    observer = subprocess_script._launch_process_observer
    # Lightning's ends this process without a word.
    subprocess_script._launch_process_observer = lambda processes: None  # type: ignore[assignment]
    threading.Thread(target=_watch, args=(trainer, run_dir, parent, over), daemon=True).start()
    try:
        yield
    except RuntimeError as error:
        if not LOST.search(str(error)):
            raise
        over.wait(2 * LOOK_SECONDS)  # until it can be told which one has ended
        lost = _lost(trainer, parent)
        if not lost and trainer.global_rank != 0:  # the first one says it
            raise SystemExit(1) from error
        raise LostProcessError(_sentence(lost, run_dir)) from error
    finally:
        over.set()
        subprocess_script._launch_process_observer = observer


def _watch(trainer: Trainer, run_dir: Path | None, parent: int, over: threading.Event) -> None:
    """End this process, and those that it started, some seconds after another one has ended."""
    while not over.wait(LOOK_SECONDS):
        if first_signal() is not None:  # all of them end, each in its time
            return
        if (lost := _lost(trainer, parent)) and not over.wait(GRACE_SECONDS):
            with suppress(Exception):
                print(f"\n{PROGRAM}: error: {_sentence(lost, run_dir)}", file=sys.stderr, flush=True)
            for process in _children(trainer):
                with suppress(OSError):
                    process.kill()
            os._exit(1)


def _lost(trainer: Trainer, parent: int) -> str:
    """Which process has ended before its time, and how; empty where none is known to have."""
    for rank, process in enumerate(_children(trainer), start=1):
        if status := process.poll():
            how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            return f"process {rank} of {trainer.world_size} {how}"
    is_child = os.environ.get("LOCAL_RANK", "0") != "0" and "TORCHELASTIC_RUN_ID" not in os.environ
    if is_child and parent and os.getppid() != parent:
        return f"process 0 of {trainer.world_size} has ended"
    return ""


def _children(trainer: Trainer) -> list[subprocess.Popen[Any]]:
    return list(getattr(trainer.strategy.launcher, "procs", []))


def _sentence(lost: str, run_dir: Path | None) -> str:
    what = lost or "the connection to another process of this run was lost: it has ended"
    last = run_dir / "checkpoints" / "last.ckpt" if run_dir else None
    if last and last.is_file():
        return (
            f"{what}, and so does the run. It is saved up to its last checkpoint; go on with:\n  {resume_command(last)}"
        )
    return f"{what}, and so does the run, which had kept no checkpoint yet"
