"""Running the command line in tests: small settings, and processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
Cli = Callable[..., tuple[int, str, str]]

# 600 synthetic digits and a tiny network: a run takes a second or two.
TINY_DATA = ["--data.dataset", "synthetic", "--data.train_size", "600", "--data.val_size", "100"]
TINY_RUN = [
    *TINY_DATA,
    *("--batch-size", "100", "--epochs", "2", "--device", "cpu"),
    *("--model.network.channels", "[4,8,8]", "--trainer.enable_progress_bar", "false"),
]


def run_process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in the folder `cwd`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "mnist_cnn", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def run_program(program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with this project to be imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
