"""Test accuracy and cost of the configs over several seeds: trains, tests, and prints the table of docs/results.md.

    python benchmarks/recipes.py                                   # everything that can be trained here; many hours
    python benchmarks/recipes.py mnist_mlp base --seeds 0 1 2
    python benchmarks/recipes.py cifar10 --data.dataset cifar10_jpeg.tar.gz        # a recipe on other data of its kind
    python benchmarks/recipes.py --table                           # prints the table of what was measured before

Runs go to `lightning_logs` folders below --output and are kept: a seed that was trained and tested is not run again,
and one that was stopped goes on from its last checkpoint. The tested checkpoint is selected by validation loss, and the
test set is read once for each seed, by `mnist-cnn test`. Every result replaces its row in the CSV file, where those of
other recipes, seeds and data sets stay, so that several of these commands may run at once. Unknown flags go to
`mnist-cnn fit`; runs with other flags need another --output.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from filelock import FileLock
from measuring import ROOT, processor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RESULTS = ROOT / "benchmarks" / "results" / "recipes.csv"

# The published test accuracy of each recipe, in percent, where there is one.
PUBLISHED = {
    "base": "",
    "mnist_linear": "",
    "mnist_mlp": "98",
    "mnist_mlp_tuned": "",
    "mnist_mlp_deep": "98",
    "mnist_cnn_two_layer": "98",
    "mnist_cnn_two_layer_tuned": "",
    "mnist_small_cnn": "98.50",
    "mnist_small_cnn_tuned": "",
    "mnist_medium_cnn": "98.33",
    "mnist_medium_cnn_tuned": "",
    "mnist_cnn_dropout": "",
    "mnist_cnn_dropout_tuned": "",
    "mnist_cnn_batchnorm": "",
    "mnist_cnn_batchnorm_tuned": "",
    "mnist_cnn_gap": "",
    "mnist_cnn_gap_tuned": "",
    "fashion_mlp": "87.94",
    "fashion_mlp_tuned": "",
    "fashion_cnn": "82.34",
    "fashion_cnn_tuned": "",
    "fashion_vgg16": "94.67",
    "cifar10": "",
}
NOT_TRAINED = {"fashion_vgg16": "not trained here: it takes its ImageNet weights and an accelerator"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    trainable = [name for name in PUBLISHED if name not in NOT_TRAINED]
    parser.add_argument("recipes", nargs="*", default=trainable, metavar="RECIPE", help="all that can be trained here")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, help="threads that each run may use; by default one for each core")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "runs", help="where the runs go")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options, extra = parser.parse_known_args()
    if unknown := set(options.recipes) - set(PUBLISHED):
        parser.error(f"no such recipe: {', '.join(sorted(unknown))}; choose from {', '.join(PUBLISHED)}")
    if not options.table:
        for name in options.recipes:
            for seed in options.seeds:
                record(run(name, seed, options.output / name / f"seed_{seed}", options.threads, extra))
    print(table(read_results()))


def run(name: str, seed: int, root: Path, threads: int | None, extra: list[str]) -> dict[str, Any]:
    """Train and test with one seed, or take up what is already there, and return a row of the CSV file."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if threads else None
    run_dir = root / "lightning_logs" / "version_0"
    place = ["--trainer.default_root_dir", str(root)]
    seconds_file = root / "fit_seconds.txt"

    def mnist_cnn(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "mnist_cnn", *arguments], check=True, env=environment)

    if not seconds_file.exists():
        resume = ["--ckpt_path", "last"] if (run_dir / "checkpoints" / "last.ckpt").exists() else []
        start = time.perf_counter()
        mnist_cnn("fit", "--config", str(config_of(name)), "--seed_everything", str(seed), *place, *resume, *extra)
        # The time of a run that was resumed is not that of the whole job.
        seconds_file.write_text("" if resume else f"{time.perf_counter() - start:.1f}")
    if not (run_dir / "test.json").exists():
        mnist_cnn("test", "--ckpt_path", "best", *place)
    return {"recipe": name, "seed": seed, **measured(run_dir), "fit_seconds": seconds_file.read_text()} | {
        "threads": threads or os.cpu_count()
    }


def config_of(name: str) -> Path:
    """The config of a recipe."""
    folder = ROOT / "configs"
    return folder / f"{name}.yaml" if (folder / f"{name}.yaml").exists() else folder / "recipes" / f"{name}.yaml"


def measured(run_dir: Path) -> dict[str, Any]:
    """What the files of a finished run say."""
    result = json.loads((run_dir / "test.json").read_text())
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    with (run_dir / "metrics.csv").open(newline="") as file:
        epochs = [row for row in csv.DictReader(file) if row["val/loss"]]
    best = min(epochs, key=lambda row: float(row["val/loss"]))
    checkpoint = torch.load(run_dir / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    weights = checkpoint.get("current_model_state", checkpoint["state_dict"])
    learnt = [v for key, v in weights.items() if key.startswith("network.") and "running_" not in key and v.ndim]
    return {
        "dataset": Path(result["dataset"]).name,  # of one's own data, which are a path, the place is nobody's business
        "test_accuracy": f"{result['metrics']['test/accuracy']:.4f}",
        "val_accuracy": f"{float(best['val/accuracy']):.4f}",
        "best_epoch": int(float(best["epoch"])) + 1,
        "epochs": len(epochs),
        "seconds_per_epoch": f"{seconds_per_epoch(run_dir):.2f}",
        "parameters": sum(tensor.numel() for tensor in learnt),
        "precision": config["trainer"]["precision"],
        "processor": processor(),
        **{name: result["versions"][name] for name in ("python", "torch", "pytorch_lightning", "mnist_cnn")},
    }


def seconds_per_epoch(run_dir: Path) -> float:
    """The median time from one validation to the next, so that a pause or a resume in between does not count."""
    events = EventAccumulator(str(run_dir), size_guidance={"scalars": 0})
    events.Reload()
    times = [event.wall_time for event in events.Scalars("val/loss")]
    return statistics.median(later - earlier for earlier, later in pairwise(times)) if len(times) > 1 else float("nan")


def record(row: dict[str, Any]) -> None:
    """Put a row into the CSV file, in the place of an earlier one of the same recipe, seed and data set."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(RESULTS.with_suffix(".lock")):
        new = {name: str(value) for name, value in row.items()}
        key = ("recipe", "dataset", "seed")
        rows = [new, *(old for old in read_results() if any(old[name] != new[name] for name in key))]
        rows.sort(key=lambda row: (list(PUBLISHED).index(row["recipe"]), row["dataset"], int(row["seed"])))
        part = RESULTS.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        part.replace(RESULTS)


def read_results() -> list[dict[str, str]]:
    """All rows of the CSV file."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def table(rows: list[dict[str, str]]) -> str:
    """The table of docs/results.md, in Markdown."""
    lines = ["| recipe | published % | ours % | seeds | parameters | epochs | s per epoch |", "| --- |" + " ---: |" * 6]
    for name, published in PUBLISHED.items():
        of_recipe = [row for row in rows if row["recipe"] == name]
        link = f"[{name}]({config_of(name).relative_to(ROOT)})"
        if name in NOT_TRAINED or not of_recipe:
            lines.append(f"| {link} | {published} | {NOT_TRAINED.get(name, 'not measured yet')} | | | | |")
            continue
        own = yaml.safe_load(config_of(name).read_text())["data"]["dataset"]
        for dataset in dict.fromkeys(row["dataset"] for row in of_recipe):
            what = link if dataset == own else f"{link} on {dataset}"
            lines.append(f"| {what} | {published} | {figures([r for r in of_recipe if r['dataset'] == dataset])} |")
    return "\n".join(lines)


def figures(rows: list[dict[str, str]]) -> str:
    """What the table says of a recipe on one data set: accuracy, seeds, parameters, epochs and their time."""
    accuracies = [100 * float(row["test_accuracy"]) for row in rows]
    spread = f" ± {statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
    times = [float(row["seconds_per_epoch"]) for row in rows if row["seconds_per_epoch"]]
    cells = [f"{statistics.mean(accuracies):.2f}{spread}", str(len(accuracies))]
    cells += [f"{int(rows[0]['parameters']):,}", rows[0]["epochs"], f"{statistics.median(times):.1f}" if times else ""]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
