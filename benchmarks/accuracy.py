"""Test accuracy of a config over several seeds: trains, tests, and prints mean and spread.

    python benchmarks/accuracy.py configs/base.yaml --seeds 0 1 2 3 4

Runs go to `lightning_logs` folders below --output and are kept: a seed whose test.json is there is not run again, and
one that was stopped goes on from its last checkpoint. The tested checkpoint is selected by validation loss, and the
test set is read once for each seed, by `mnist-cnn test`. Further flags are handed to `mnist-cnn fit`.
"""

import argparse
import csv
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "mnist_cnn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/runs"), help="where the runs go")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), help="where the CSV file goes")
    options, extra = parser.parse_known_args()
    rows = [run_seed(options.config, seed, options.output / options.config.stem, extra) for seed in options.seeds]
    options.results.mkdir(parents=True, exist_ok=True)
    with (options.results / f"{options.config.stem}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    accuracies = [100 * row["test_accuracy"] for row in rows]
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else float("nan")
    print(f"{options.config.stem}: {len(rows)} seeds, test accuracy {statistics.mean(accuracies):.3f} % ", end="")
    print(f"(standard deviation {spread:.3f}, from {min(accuracies):.2f} to {max(accuracies):.2f})")
    print(f"seconds for the whole of fit: median {statistics.median(row['fit_seconds'] for row in rows):.0f}")


def run_seed(config: Path, seed: int, output: Path, extra: list[str]) -> dict[str, Any]:
    """Train and test with one seed, or take up what is already there, and return a row of the table."""
    root = output / f"seed_{seed}"
    run_dir = root / "lightning_logs" / "version_0"
    place = ["--trainer.default_root_dir", str(root)]
    seconds_file = root / "fit_seconds.txt"
    if not seconds_file.exists():
        resume = ["--ckpt_path", "last"] if (run_dir / "checkpoints" / "last.ckpt").exists() else []
        start = time.perf_counter()
        fit = [*COMMAND, "fit", "--config", str(config), "--seed_everything", str(seed)]
        subprocess.run([*fit, *place, *resume, *extra], check=True)
        # The time of a run that was resumed is not that of the whole job.
        seconds_file.write_text("nan" if resume else f"{time.perf_counter() - start:.1f}")
    if not (run_dir / "test.json").exists():
        subprocess.run([*COMMAND, "test", "--ckpt_path", "best", *place], check=True)
    result = json.loads((run_dir / "test.json").read_text())
    return {
        "config": config.stem,
        "seed": seed,
        "test_accuracy": result["metrics"]["test/accuracy"],
        "test_loss": result["metrics"]["test/loss"],
        "fit_seconds": float(seconds_file.read_text()),
        "dataset": result["dataset"],
        "precision": result["precision"],
        "processor": _processor(),
        "torch": result["versions"]["torch"],
        "pytorch_lightning": result["versions"]["pytorch_lightning"],
        "python": result["versions"]["python"],
    }


def _processor() -> str:
    """Name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


if __name__ == "__main__":
    main()
