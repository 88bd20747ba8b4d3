"""How long the commands take, and how much of it is `import torch`.

    python benchmarks/start_up.py

Each is a fresh process, from the command to its end, or to the first training step, all in turns. `fit`, `validate`
and `test` are whole commands with configs/fast.yaml and MNIST, training included. Files are in the system's cache.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import (
    ROOT,
    STOPWATCH_FILE,
    in_turns,
    mnist_cnn,
    obtain_mnist,
    parse,
    ratio,
    run,
    seconds,
    show,
    spread,
    stopwatch_arguments,
)
from measuring import write as write_figures

from mnist_cnn.data.registry import default_data_dir

REFERENCE = ROOT / "lightning_logs" / "reference" / "checkpoints" / "best.ckpt"
PICTURE = ROOT / "docs" / "images" / "digit.png"
TORCH = "import torch"
FAST = ["--config", str(ROOT / "configs" / "fast.yaml"), "--trainer.enable_progress_bar", "false"]


def main() -> None:
    options = parse(__doc__, 5)
    obtain_mnist()
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        mnist_cnn("export", "--ckpt_path", str(REFERENCE), "--output", str(onnx))
        times = in_turns(sides_in(Path(folder), onnx), options.rounds)
    figures = {name: spread(values) for name, values in times.items()}
    for name, found in figures.items():
        show(name, found, "s")
    print()
    ratios = {name: ratio(values, times[TORCH]) for name, values in times.items() if name != TORCH}
    for name, found in ratios.items():
        show(name, found, f"x {TORCH}")
    write_figures("start_up", {"seconds": figures, "times_import_torch": ratios}, options)


def sides_in(folder: Path, onnx: Path) -> dict[str, Any]:
    """What is timed, by name; runs go to `folder`."""
    data = ["--data.data_dir", str(default_data_dir(None).resolve())]

    best = ["--ckpt_path", "lightning_logs/version_0/checkpoints/best.ckpt", "--trainer.enable_progress_bar", "false"]

    def python(program: str) -> Callable[[], float]:
        return lambda: seconds(lambda: run([sys.executable, "-c", program]))

    def command(*arguments: str) -> Callable[[], float]:
        return lambda: seconds(lambda: run([sys.executable, "-m", "mnist_cnn", *arguments], cwd=folder))

    return {
        TORCH: python(TORCH),
        "import torch, pytorch_lightning, torchmetrics": python("import torch, pytorch_lightning, torchmetrics"),
        "mnist-cnn --help": command("--help"),
        "mnist-cnn fit --help": command("fit", "--help"),
        "mnist-cnn fit --config fast": command("fit", *FAST, *data),
        "mnist-cnn validate": command("validate", *best, *data),
        "mnist-cnn test": command("test", *best, *data),
        "mnist-cnn predict with a .ckpt": command("predict", str(PICTURE), "--ckpt_path", str(REFERENCE)),
        "mnist-cnn predict with a .onnx": command("predict", str(PICTURE), "--ckpt_path", str(onnx)),
        "mnist-cnn fit, to the first step of base.yaml": lambda: to_first_step(folder),
        "reading MNIST's training images from .gz": read_training_images,
    }


def to_first_step(folder: Path) -> float:
    """Seconds from the command to the end of its first training step."""
    file = folder / "stopwatch.json"
    environment = {**os.environ, STOPWATCH_FILE: str(file), "PYTHONPATH": str(Path(__file__).parent)}
    data = ["--data.data_dir", str(default_data_dir(None).resolve())]
    config = ["--config", str(ROOT / "configs" / "base.yaml")]
    arguments = [*config, *data, "--trainer.max_steps", "1", *stopwatch_arguments()]
    start = time.time()
    run([sys.executable, "-m", "mnist_cnn", "fit", *arguments], cwd=folder, env=environment)
    return json.loads(file.read_text())["first_step"] - start


def read_training_images() -> float:
    """Seconds for reading, checking and unpacking 60,000 images and labels."""
    from mnist_cnn.data.registry import find_dataset

    return seconds(lambda: find_dataset("mnist").read(default_data_dir(None), "train"))


if __name__ == "__main__":
    main()
