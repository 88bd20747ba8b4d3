"""Where one of several processes is lost, the others end with a line."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_cnn.errors import LostProcessError
from mnist_cnn.training import processes
from mnist_cnn.training.processes import watched

GLOO = "[gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:14214. GLHF!"


def trainer_with(*children: Any, rank: int = 0, size: int = 2) -> Any:
    launcher = SimpleNamespace(procs=list(children))
    return SimpleNamespace(world_size=size, global_rank=rank, strategy=SimpleNamespace(launcher=launcher))


@pytest.fixture
def killed() -> Iterator[Any]:
    """A process that was killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.kill()
        process.wait()
        yield process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 60.0)


def test_a_lost_connection_names_the_process_and_how_to_go_on(tmp_path: Path, killed: Any) -> None:
    with pytest.raises(LostProcessError, match=r"^process 1 of 2 was ended by SIGKILL, .* had kept no checkpoint yet$"):
        fail(trainer_with(killed), tmp_path, GLOO)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(LostProcessError, match=r"go on with:\n  mnist-cnn fit --config .* --ckpt_path .*last.ckpt"):
        fail(trainer_with(killed), tmp_path, GLOO)


def fail(trainer: Any, run_dir: Path, message: str) -> None:
    with watched(trainer, run_dir):
        raise RuntimeError(message)


def test_the_other_processes_leave_the_word_to_the_first_and_other_errors_stay(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        fail(trainer_with(rank=1), tmp_path, GLOO)
    for trainer, message in ((trainer_with(), "sizes do not fit"), (trainer_with(size=1), GLOO)):
        with pytest.raises(RuntimeError):
            fail(trainer, tmp_path, message)


def test_a_process_that_waits_in_vain_is_ended(
    tmp_path: Path, killed: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    over = threading.Event()

    def end(status: int) -> None:
        ended.append(status)
        over.set()

    monkeypatch.setattr(processes.os, "_exit", end)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.01)
    before = processes.subprocess_script._launch_process_observer
    with watched(trainer_with(killed), tmp_path):
        assert over.wait(60)
    assert ended[0] == 1
    assert "mnist-cnn: error: process 1 of 2 was ended by SIGKILL" in capfd.readouterr().err
    assert processes.subprocess_script._launch_process_observer is before


def test_processes_that_end_as_they_were_told_to_are_not_lost(
    tmp_path: Path, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "first_signal", lambda: 2)
    ended = threading.Event()
    monkeypatch.setattr(processes.os, "_exit", lambda status: ended.set())
    processes._watch(trainer_with(killed), tmp_path, 0, threading.Event())
    assert not ended.is_set()
