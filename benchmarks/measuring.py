"""What the measurements of time share: turns, medians, a stopwatch for training runs, and conditions.

A figure of time means little by itself: processors differ, and so does the same one from minute to minute. Whatever is
compared here is therefore measured in turns within one run, and given as medians with their spread and conditions.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
STOPWATCH_FILE = "STOPWATCH_FILE"  # environment variable that tells Stopwatch where to write


def parse(description: str | None, rounds: int, add: Callable[[argparse.ArgumentParser], Any] | None = None) -> Any:
    """The options that every measurement has, and those that `add` adds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"turns of each side (default {rounds})")
    parser.add_argument("--threads", type=int, help="threads of torch; by default one for each core")
    parser.add_argument("--output", type=Path, help="JSON file for the figures; by default in benchmarks/results")
    if add:
        add(parser)
    options = parser.parse_args()
    if options.threads:  # for this process and all that it starts, before torch is imported
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    return options


def in_turns(sides: Mapping[str, Callable[[], Any]], rounds: int, warm_up: bool = True) -> dict[str, list[Any]]:
    """Call all of `sides` in turns: once to warm up, then `rounds` times, every other round in reverse order."""
    results: dict[str, list[Any]] = {name: [] for name in sides}
    for side in sides.values() if warm_up else ():
        side()
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            results[name].append(sides[name]())
    return results


def seconds(function: Callable[[], Any]) -> float:
    """How long a call takes, the work of an accelerator included."""
    synchronise()
    start = time.perf_counter()
    function()
    synchronise()
    return time.perf_counter() - start


def synchronise() -> None:
    """Wait for the accelerator, if there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def own_process() -> ProcessPoolExecutor:
    """A process that stays, for one side of a comparison: what one does to its allocator does not help the other."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, mean, standard deviation and extremes."""
    return {
        "median": statistics.median(values),
        "mean": statistics.mean(values),
        "stdev": statistics.stdev(values) if len(values) > 1 else 0.0,
        "lowest": min(values),
        "highest": max(values),
        "runs": len(values),
    }


def ratio(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """How many times as long the first takes as the second, turn by turn."""
    return spread([one / other for one, other in zip(slow, fast, strict=True)])


def show(name: str, figures: Mapping[str, float], unit: str, scale: float = 1.0, digits: int = 2) -> None:
    """Print a figure with its spread."""
    middle, low, high = (scale * figures[key] for key in ("median", "lowest", "highest"))
    print(f"{name:52} {middle:9.{digits}f} {unit:5} ({low:.{digits}f} to {high:.{digits}f}, {figures['runs']} runs)")


def write(name: str, figures: Mapping[str, Any], options: Any) -> Path:
    """Write figures and their conditions as JSON, and return the file."""
    path = options.output or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"conditions": conditions(), **figures}, indent=2) + "\n")
    print(f"\n{conditions_line()}\nWritten to {os.path.relpath(path)}")
    return path


def conditions() -> dict[str, Any]:
    """Hardware and versions."""
    import pytorch_lightning
    import torch

    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pytorch_lightning": pytorch_lightning.__version__,
        "date": date.today().isoformat(),
    }


def conditions_line() -> str:
    """Hardware and versions in a line."""
    found = conditions()
    where = found["accelerator"] or f"{found['processor']}, {found['threads']} thread(s)"
    return f"{where}; Python {found['python']}, torch {found['torch']}, pytorch-lightning {found['pytorch_lightning']}"


def processor() -> str:
    """Name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def mnist_cnn(*arguments: str) -> None:
    """Run a command of the project in this process, without its output.

    Raises:
        RuntimeError: with the output, if it fails.
    """
    from mnist_cnn.cli.main import main

    with tempfile.TemporaryFile("w+") as output:
        stdout, stderr = os.dup(1), os.dup(2)
        try:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            status = main(list(arguments))
        finally:
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            os.close(stdout)
            os.close(stderr)
        if status:
            output.seek(0)
            raise RuntimeError(f"mnist-cnn {' '.join(arguments)} ended with {status}:\n{output.read()}")


def fit(config: str, seed: int, root: Path, *arguments: str) -> dict[str, float]:
    """Train in this process with a config of the project, and return what Stopwatch measured."""
    file = root / "stopwatch.json"
    os.environ[STOPWATCH_FILE] = str(file)
    place = ["--seed_everything", str(seed), "--trainer.default_root_dir", str(root)]
    mnist_cnn("fit", "--config", str(ROOT / "configs" / config), *place, *stopwatch_arguments(), *arguments)
    return json.loads(file.read_text())


def obtain_mnist() -> None:
    """Download MNIST if it is not there."""
    from mnist_cnn.data.registry import default_data_dir, find_dataset

    find_dataset("mnist").obtain(default_data_dir(None))


def stopwatch_arguments() -> list[str]:
    """Arguments for `mnist-cnn fit` that add the stopwatch."""
    return ["--trainer.callbacks=stopwatch.Stopwatch"]


def build(config: str, **data: Any) -> tuple[Any, Any, Any]:
    """The classifier of a config, its training batches with the settings `data` changed, and the config itself."""
    import torch
    import yaml

    from mnist_cnn.data.datamodule import MNISTDataModule
    from mnist_cnn.networks import build_network
    from mnist_cnn.training.classifier import ImageClassifier

    settings = yaml.safe_load((ROOT / "configs" / config).read_text())
    module = MNISTDataModule(**{**settings["data"], **data})
    module.prepare_data()
    module.setup("fit")
    batches = module.train_dataloader()
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    batches.images, batches.labels = batches.images.to(device), batches.labels.to(device)
    network = build_network(settings["model"].pop("network"))
    return ImageClassifier(network, **settings["model"]).to(device), batches, settings


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        RuntimeError: with its output, if it fails.
    """
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result
