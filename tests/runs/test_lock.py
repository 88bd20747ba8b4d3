"""A run that is trained is locked: who comes second is told who holds it; a holder that has ended is no obstacle."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import pytest

from mnist_cnn.errors import RunLockedError
from mnist_cnn.runs import lock
from mnist_cnn.runs.lock import HOLDER, LOCK, Holder, RunLock, holder_of
from tests.support.commands import ROOT

RUN = Path("lightning_logs/version_0")
HOLD = """
import sys
import threading
from pathlib import Path
from typing import Any
from mnist_cnn.runs.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run() -> Path:
    RUN.mkdir(parents=True)
    return RUN


@pytest.fixture
def other(run: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the run."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.absolute())],
        env=environment,
        **pipes,  # type: ignore[call-overload]
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def write_holder(run_dir: Path, host: str, pid: int, seconds_ago: float = 0) -> None:
    """Have the folder say that somebody holds the run, and that they said so last some time ago."""
    path = run_dir / HOLDER
    path.write_text(json.dumps({"host": host, "pid": pid, "since": "2026-01-02 03:04:05", "token": "theirs"}))
    now = path.stat().st_mtime
    os.utime(path, (now - seconds_ago, now - seconds_ago))


def gone_pid() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_who_comes_second_is_told_who_holds_it_and_a_kill_frees_it(run: Path, other: "subprocess.Popen[str]") -> None:
    holder = holder_of(run)
    assert holder is not None
    assert (holder.host, holder.pid) == (socket.gethostname(), other.pid)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(RunLockedError, match=f"is being trained by process {other.pid} on {holder.host}, since 20"):
        RunLock(run).__enter__()
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert holder_of(run) is None
    with RunLock(run):
        assert (holder_of(run) or Holder("", 0, "", "")).pid == os.getpid()
    assert holder_of(run) is None
    assert [path.name for path in run.iterdir()] in ([], [LOCK])


def test_another_machine_holds_it_as_long_as_it_says_so(run: Path) -> None:
    """Its lock may not reach this one."""
    write_holder(run, "elsewhere", 1)
    assert holder_of(run) is not None
    with pytest.raises(RunLockedError, match=r"process 1 on elsewhere, since 2026-01-02 03:04:05.*30 seconds after"):
        RunLock(run).__enter__()
    write_holder(run, "elsewhere", 1, seconds_ago=lock.SILENT_SECONDS + 1)
    assert holder_of(run) is None
    with RunLock(run):
        pass


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"host": 1}', '{"host": "a", "pid": "x", "since": "", "token": ""}']
)
def test_a_damaged_word_about_the_holder_is_no_obstacle(run: Path, content: str) -> None:
    (run / HOLDER).write_text(content)
    with RunLock(run):
        assert holder_of(run) is not None


def test_the_holder_says_that_it_is_there_and_notices_if_another_one_took_over(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = threading.Event()
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(lock.os, "utime", lambda path, *_: touched.set() if path == run / HOLDER else None)
    with RunLock(run) as held:
        assert touched.wait(60)
        held.check_kept()
        write_holder(run, "elsewhere", 1)
        held._beats.join()
        with pytest.raises(RunLockedError, match="taken over"):
            held.check_kept()
    assert (run / HOLDER).is_file(), "it is the other one's now"


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no locks."""

    class NoLock(filelock.FileLock):
        def acquire(self, *args: Any, **kwargs: Any) -> Any:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "FileLock", NoLock)


@pytest.mark.usefixtures("without_locks")
def test_without_locks_of_the_system_one_process_alone_makes_the_file(run: Path) -> None:
    with RunLock(run):
        with pytest.raises(RunLockedError, match=f"process {os.getpid()}"):
            RunLock(run).__enter__()
        assert holder_of(run) is not None
    assert list(run.iterdir()) == []
    # One that is gone: on this machine by its number, on another one by its silence.
    for host, pid, silence in ((socket.gethostname(), gone_pid(), 0.0), ("elsewhere", 1, lock.SILENT_SECONDS + 1)):
        (run / LOCK).write_text("")
        write_holder(run, host, pid, silence)
        assert holder_of(run) is None
        with RunLock(run):
            pass
    (run / LOCK).write_text("")
    write_holder(run, "elsewhere", 1)
    with pytest.raises(RunLockedError, match="elsewhere"):
        RunLock(run).__enter__()


@pytest.mark.usefixtures("without_locks")
def test_of_two_that_find_the_same_dead_holder_one_takes_the_run(run: Path) -> None:
    (run / LOCK).write_text("")
    write_holder(run, socket.gethostname(), gone_pid())
    dead = Holder.read(run)
    assert dead is not None
    late = RunLock(run)
    with RunLock(run):
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        with pytest.raises(RunLockedError, match=f"process {os.getpid()}"):
            late._clear_away(dead)
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    with pytest.raises(RunLockedError, match="another process"):
        late._clear_away(dead)
