"""What all tests share: no network, no files from elsewhere, small settings, and ways to run the command line."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

# 600 synthetic digits and a tiny network: a run takes a second or two.
TINY_DATA = ["--data.dataset", "synthetic", "--data.train_size", "600", "--data.val_size", "100"]
TINY_RUN = [
    *TINY_DATA,
    *("--batch-size", "100", "--epochs", "2", "--device", "cpu"),
    *("--model.network.channels", "[4,8,8]", "--trainer.enable_progress_bar", "false"),
]


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test in an empty folder, without data from elsewhere, and refuse connections to other machines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests have no network, but {address[0]} was asked for")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line within this process: returns exit status, output and errors."""
    from mnist_cnn.cli import main

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = main(arguments)
        except SystemExit as stop:  # --help
            status = int(stop.code or 0)
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run


def run_process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in the folder `cwd`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "mnist_cnn", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
