"""Small runs whose results were written down: a change of structure must give the same, to the last bit.

    python -m tests.support.recorded     # records them anew, where results are meant to change

`tests/fixtures/recorded.json` holds what came out, and where: other processors and other releases of torch round
differently, so that elsewhere the figures are compared as numbers.
"""

import csv
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
RECORD = FIXTURES / "recorded.json"
# Runs that version 0.1.0 wrote before the package had rooms: one stopped within its second epoch, one finished.
STOPPED, FINISHED = FIXTURES / "averaged", FIXTURES / "perceptron"

TINY = [
    *("--data.dataset", "synthetic", "--data.train_size", "600", "--data.val_size", "100", "--data.batch_size", "100"),
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1"),
]
CONVOLUTIONS = ["--model.network.channels", "[4,8,8]"]
AUGMENTED = ["--data.rotation", "12", "--data.shift", "0.1", "--data.scale", "0.12", "--data.shear", "0.15"]
AVERAGED = [
    *(*CONVOLUTIONS, "--model.network.batch_norm", "true", "--model.network.dropout", "0.2"),
    *("--model.ema_decay", "0.9", "--data.erasing", "0.3", "--data.elastic", "1", "--data.flip", "0.5"),
]
CASES: dict[str, list[str]] = {
    "base": [*CONVOLUTIONS, *AUGMENTED, "--model.lr", "0.005"],
    "fast": [
        *(*CONVOLUTIONS, "--model.network.dropout", "0", "--model.network.border", "2", "--model.optimizer", "muon"),
        *("--model.lr", "0.1", "--model.momentum", "0.7", "--model.weight_decay", "0", "--model.schedule", "linear"),
        *("--model.warmup", "0", "--model.label_smoothing", "0.1"),
    ],
    "averaged": AVERAGED,
    "frozen": ["--model.network", "tests.support.networks.Pretrained", "--model.freeze_epochs", "1"],
    "perceptron": ["--model.network", "MLP", "--model.network.hidden_units", "[8]", "--model.optimizer", "sgd"],
}


def run_all(folder: Path) -> dict[str, Any]:
    """Run all cases in a process of their own, on one thread, and return what came out.

    On one thread, as the number of threads decides in which order is added up.
    """
    program = f"import pathlib; from tests.support import recorded; recorded.run_here(pathlib.Path({str(folder)!r}))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"{result.stdout}{result.stderr}")
    return json.loads((folder / "results.json").read_text())


def run_here(folder: Path) -> None:
    """Run all cases in this process, and write what came out to `results.json`."""
    results = {}
    for name in [*CASES, "resumed"]:
        (folder / name).mkdir()
        os.chdir(folder / name)
        results[name] = go_on() if name == "resumed" else run_case(name)
    (folder / "results.json").write_text(json.dumps(results))


def run_case(name: str) -> dict[str, Any]:
    """Train and test one of `CASES` in the working folder, which is empty, and return what came out."""
    foreign = [flag for flag in CASES[name][:2] if "tests." in flag]
    command("fit", *TINY, "--trainer.max_epochs", "2", *CASES[name])
    tested = ["--model.network", *foreign] if foreign else []
    command("test", *tested, "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu")
    run = Path("lightning_logs/version_0")
    result = json.loads((run / "test.json").read_text())["metrics"]
    return {"weights": digest(run / "checkpoints" / "last.ckpt"), "curves": curves(run), "test": result}


def go_on() -> dict[str, Any]:
    """Resume `STOPPED` to the end of its two epochs in the working folder, and return what came out."""
    run = copy_run(STOPPED, Path())
    command("fit", "--ckpt_path", "last")
    return {"weights": digest(run / "checkpoints" / "last.ckpt"), "curves": curves(run)}


def copy_run(run: Path, root: Path) -> Path:
    """Put a run where it is the newest one below `root`, and return its directory."""
    target = root / "lightning_logs" / "version_0"
    shutil.copytree(run, target)
    return target


def conditions() -> dict[str, str]:
    """Where results are the same to the bit."""
    return {
        "torch": torch.__version__,
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


def digest(checkpoint: Path) -> str:
    """A checksum of the weights, their names and shapes in a checkpoint."""
    found = hashlib.sha256()
    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    for name, value in weights.items():
        found.update(f"{name} {tuple(value.shape)} {value.dtype} ".encode())
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()


def curves(run: Path) -> dict[str, list[float]]:
    """The values of each column in a run's metrics.csv."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


def command(*arguments: str) -> None:
    """Run the command line in this process."""
    from mnist_cnn.cli.main import main

    if status := main(arguments):
        raise RuntimeError(f"mnist-cnn {' '.join(arguments)} ended with {status}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = run_all(Path(made))
    RECORD.write_text(json.dumps({"conditions": conditions(), **found}, indent=1) + "\n")
    print(f"Written to {RECORD}")
