"""A run is locked while it is trained, so that no two processes write into its folder.

The lock is the operating system's, on the file `.lock` in the run's folder, which may stay there, empty: whatever ends
the process frees it, a kill and a power cut included. Beside it `.holder.json` says who holds it. That file counts
where the system's lock does not reach, as another machine on a network folder may be given the lock as well: its holder
touches it every few seconds, and as long as that goes on the run is taken. Half a minute after it has ended the run is
free. Times are those of the folder's own disk, so that clocks may differ. Where the file system knows no locks at all,
`.lock` is made by one process alone and removed by it, or by the next one if its maker is gone.
"""

import errno
import json
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from mnist_cnn.console import PROGRAM, short_path
from mnist_cnn.errors import RunLockedError
from mnist_cnn.files import write_json

LOCK, HOLDER = ".lock", ".holder.json"
WAIT_SECONDS = 0.5  # for one who only looks whether a run is free
BEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0
# A file system that knows no locks says one of these.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", errno.EOPNOTSUPP))


@dataclass(frozen=True)
class Holder:
    """Who trains a run.

    Attributes:
        host: Name of the machine.
        pid: Number of the process on it.
        since: When it began, as people write it.
        token: Tells this hold from every other one.
    """

    host: str
    pid: int
    since: str
    token: str

    @classmethod
    def of_this_process(cls) -> "Holder":
        """This process, from now on."""
        since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return cls(socket.gethostname(), os.getpid(), since, uuid4().hex)

    @classmethod
    def read(cls, run_dir: Path) -> "Holder | None":
        """What a run's folder says; None if it says nothing that can be read."""
        return cls.read_file(run_dir / HOLDER)

    @classmethod
    def read_file(cls, path: Path) -> "Holder | None":
        """What a file says; None if it says nothing that can be read."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(kept["host"]), int(kept["pid"]), str(kept["since"]), str(kept["token"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is another machine's."""
        return self.host != socket.gethostname()


class RunLock:
    """Keeps others from training a run, from entering this context to leaving it.

    Args:
        run_dir: The run's folder.

    Attributes:
        is_lost: Whether another machine has taken the run over, as from a process that slept for long.

    Raises:
        RunLockedError: on entering, if another process trains it.
        OSError: on entering, if the folder cannot be written.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._lock: BaseFileLock = FileLock(run_dir / LOCK, timeout=2 * WAIT_SECONDS)
        self._me = Holder.of_this_process()
        self.is_lost = False
        self._end = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="run-lock", daemon=True)

    def __enter__(self) -> "RunLock":
        self._acquire()
        try:
            holder = Holder.read(self.run_dir)
            if holder and holder.is_elsewhere and not _is_silent(self.run_dir):
                raise RunLockedError(_told(self.run_dir, holder))
            write_json(self.run_dir / HOLDER, asdict(self._me))
        except BaseException:
            self._lock.release()
            raise
        self._beats.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._beats.join()
        if self._is_ours():
            with suppress(OSError):
                (self.run_dir / HOLDER).unlink()
        with suppress(OSError):
            self._lock.release()

    def check_kept(self) -> None:
        """See that the run is still this process's.

        Raises:
            RunLockedError: if another machine has taken it over.
        """
        if self.is_lost:
            raise RunLockedError(f"{_told(self.run_dir, Holder.read(self.run_dir))} (it was taken over from here)")

    def _is_ours(self) -> bool:
        holder = Holder.read(self.run_dir)
        return holder is None or holder.token == self._me.token

    def _acquire(self) -> None:
        try:
            self._lock.acquire()
        except Timeout:
            raise RunLockedError(_told(self.run_dir, Holder.read(self.run_dir))) from None
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
            self._acquire_without_locks()

    def _acquire_without_locks(self) -> None:
        """Make the file of the lock, and where it is there already, remove one whose maker is gone."""
        holder = Holder.read(self.run_dir)
        if holder and _is_gone(self.run_dir, holder):
            self._clear_away(holder)
        self._lock = SoftFileLock(self.run_dir / LOCK, timeout=2 * WAIT_SECONDS)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunLockedError(_told(self.run_dir, Holder.read(self.run_dir))) from None

    def _clear_away(self, gone: Holder) -> None:
        """Remove the files of a holder that is gone; of several processes that come to do so, one can.

        Raises:
            RunLockedError: if another one was first.
        """
        aside = self.run_dir / f".{uuid4().hex[:12]}.part"
        try:
            (self.run_dir / HOLDER).rename(aside)
        except FileNotFoundError:
            raise RunLockedError(_told(self.run_dir, None)) from None
        found = Holder.read_file(aside)
        if found and found.token != gone.token:  # that of the one who was first
            aside.rename(self.run_dir / HOLDER)
            raise RunLockedError(_told(self.run_dir, found))
        with suppress(OSError):
            (self.run_dir / LOCK).unlink()
        with suppress(OSError):
            aside.unlink()

    def _beat(self) -> None:
        while not self._end.wait(BEAT_SECONDS):
            if not self._is_ours():
                self.is_lost = True
                return
            with suppress(OSError):  # a folder that is gone is noticed by who writes into it
                os.utime(self.run_dir / HOLDER)


def holder_of(run_dir: Path) -> Holder | None:
    """Who trains a run at this moment; None if nobody does."""
    holder = Holder.read(run_dir)
    if holder is None:
        return None
    if holder.is_elsewhere:
        return None if _is_silent(run_dir) else holder
    try:
        with FileLock(run_dir / LOCK, timeout=0):
            return None
    except Timeout:
        return holder
    except (OSError, NotImplementedError):  # it may not be asked, or there are no locks
        return None if _is_gone(run_dir, holder) else holder


def check_free(run_dir: Path) -> None:
    """See that nobody trains a run.

    Raises:
        RunLockedError: if somebody does.
    """
    if holder := holder_of(run_dir):
        raise RunLockedError(_told(run_dir, holder))


def _told(run_dir: Path, holder: Holder | None) -> str:
    """Who holds it, and the ways out."""
    who = f"process {holder.pid} on {holder.host}, since {holder.since}" if holder else "another process"
    free = ""
    if holder and holder.is_elsewhere:
        free = f" (it is free {SILENT_SECONDS:.0f} seconds after that one has ended)"
    return (
        f"{short_path(run_dir)} is being trained by {who}: wait for its end{free} or stop it; "
        f"{PROGRAM} fit without --ckpt_path starts another run"
    )


def _is_gone(run_dir: Path, holder: Holder) -> bool:
    """Whether a holder has ended, by its process number on this machine and by its silence on another one."""
    if holder.is_elsewhere:
        return _is_silent(run_dir)
    if os.name == "nt":  # where this would stop the process
        return _is_silent(run_dir)
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return _is_silent(run_dir)  # the number may be another process's by now


def _is_silent(run_dir: Path) -> bool:
    """Whether nobody has touched the holder's file for a while, by the clock of the disk that it lies on."""
    probe = run_dir / f".{uuid4().hex[:12]}.part"
    try:
        probe.touch()
        now = probe.stat().st_mtime
    except OSError:
        now = time.time()
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    try:
        return now - (run_dir / HOLDER).stat().st_mtime > SILENT_SECONDS
    except OSError:
        return True
