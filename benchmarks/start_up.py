"""How long the commands take to start, and how much of it is the libraries'.

    python benchmarks/start_up.py

Each is a fresh process, from the command to its end, or to the first training step. `import ...` is the time that the
libraries take by themselves: what a command takes beyond them is this project's own. Files are in the system's cache.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from measuring import (
    ROOT,
    STOPWATCH_FILE,
    in_turns,
    mnist_cnn,
    obtain_mnist,
    parse,
    run,
    seconds,
    show,
    spread,
    stopwatch_arguments,
)
from measuring import write as write_figures

REFERENCE = ROOT / "lightning_logs" / "reference" / "checkpoints" / "best.ckpt"
PICTURE = ROOT / "docs" / "images" / "digit.png"


def main() -> None:
    options = parse(__doc__, 5)
    obtain_mnist()
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        mnist_cnn("export", "--ckpt_path", str(REFERENCE), "--output", str(onnx))
        picture = make_picture(Path(folder))
        python, command = [sys.executable, "-c"], [sys.executable, "-m", "mnist_cnn"]
        sides = {
            "import torch": lambda: seconds(lambda: run([*python, "import torch"])),
            "import torch, pytorch_lightning, torchmetrics": lambda: seconds(
                lambda: run([*python, "import torch, pytorch_lightning, torchmetrics"])
            ),
            "mnist-cnn --help": lambda: seconds(lambda: run([*command, "--help"])),
            "mnist-cnn fit --help": lambda: seconds(lambda: run([*command, "fit", "--help"])),
            "mnist-cnn predict with a .ckpt": lambda: seconds(
                lambda: run([*command, "predict", str(picture), "--ckpt_path", str(REFERENCE)])
            ),
            "mnist-cnn predict with a .onnx": lambda: seconds(
                lambda: run([*command, "predict", str(picture), "--ckpt_path", str(onnx)])
            ),
            "mnist-cnn fit, to the first step of base.yaml": lambda: to_first_step(Path(folder)),
            "reading MNIST's training images from .gz": read_training_images,
        }
        times = in_turns(sides, options.rounds)
    figures = {name: spread(values) for name, values in times.items()}
    for name, found in figures.items():
        show(name, found, "s")
    write_figures("start_up", {"seconds": figures}, options)


def make_picture(folder: Path) -> Path:
    """A picture of a digit."""
    from PIL import Image

    from mnist_cnn.data.synthetic import synthetic_digits

    path = folder / "digit.png"
    Image.fromarray(synthetic_digits(range(1))[0][0, 0].numpy()).save(path)
    return path


def to_first_step(folder: Path) -> float:
    """Seconds from the command to the end of its first training step."""
    from mnist_cnn.data.registry import default_data_dir

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
    from mnist_cnn.data.registry import default_data_dir, find_dataset

    return seconds(lambda: find_dataset("mnist").read(default_data_dir(None), "train"))


if __name__ == "__main__":
    main()
