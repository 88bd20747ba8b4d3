"""What all tests share: no network, no files from elsewhere, and a way to run the command line."""

import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several workers with a thread for each core would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if threading.current_thread() is threading.main_thread():
    # A shell has its jobs in the background ignore these, and what the tests start would do so too.
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run each test in an empty folder, without data from elsewhere, and refuse connections to other machines."""
    monkeypatch.chdir(tmp_path)
    for name in ("MNIST_CNN_DATA", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MNIST_CNN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("COLUMNS", "120")  # wherever the tests run
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests have no network, but {address[0]} was asked for")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(autouse=True)
def without_what_is_no_news() -> Iterator[None]:
    """Silence what the program silences too, where tests use its parts by themselves."""
    from mnist_cnn.training.quiet import silence

    with warnings.catch_warnings():
        silence()
        yield


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line within this process: returns exit status, output and errors."""
    from mnist_cnn.cli.main import main

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = main(arguments)
        except SystemExit as stop:  # --help
            status = int(stop.code or 0)
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run
