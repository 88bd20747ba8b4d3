"""Cost of an image in training, against batch size, threads, processes, width of the network, and size of the data.

    python benchmarks/scaling.py

Each is one epoch of configs/base.yaml over 10,240 images, or over as many repeated (data 2x and 4x), validation left
out, and all of them take turns: the data sizes in a process that stays, all others in a new one each time.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import (
    ROOT,
    STOPWATCH_FILE,
    build,
    in_turns,
    own_process,
    parse,
    run,
    show,
    spread,
    stopwatch_arguments,
    write,
)

IMAGES = 10_240
VARIANTS: dict[str, list[str]] = {
    "batch 64": ["--batch-size", "64"],
    "batch 256": [],
    "batch 1024": ["--batch-size", "1024"],
    "1 thread": [],
    "2 processes of 1 thread": ["--trainer.strategy", "ddp", "--trainer.devices", "2", "--batch-size", "128"],
    "half as wide": ["--model.network.channels", "[12,24,48]"],
    "twice as wide": ["--model.network.channels", "[48,96,192]"],
}
REPEATED = (1, 2, 4)


def main() -> None:
    options = parse(__doc__, 3)
    own = own_process()
    folder = Path(tempfile.mkdtemp())
    try:
        sides = {name: lambda name=name: microseconds(name, folder) for name in VARIANTS}
        for times in REPEATED:
            sides[f"data {times}x"] = lambda times=times: own.submit(microseconds_of_repeated, times, folder).result()
        results = in_turns(sides, options.rounds, warm_up=False)
    finally:
        shutil.rmtree(folder)
    figures = {name: spread(values) for name, values in results.items()}
    for name, found in figures.items():
        show(f"an image, {name}", found, "us", digits=0)
    write("scaling", {"images": IMAGES, "microseconds_per_image": figures}, options)


def microseconds(name: str, folder: Path) -> float:
    """Microseconds for each image in an epoch over IMAGES images, as one of VARIANTS."""
    file = folder / "stopwatch.json"
    threads = {"OMP_NUM_THREADS": "1"} if "1 thread" in name else {}
    environment = {**os.environ, **threads, STOPWATCH_FILE: str(file), "PYTHONPATH": str(Path(__file__).parent)}
    root = Path(tempfile.mkdtemp(dir=folder))
    size = ["--epochs", "1", "--data.train_size", str(IMAGES), "--trainer.default_root_dir", str(root)]
    command = [sys.executable, "-m", "mnist_cnn", "fit", "--config", str(ROOT / "configs" / "base.yaml")]
    run([*command, "--device", "cpu", *size, *stopwatch_arguments(), *VARIANTS[name]], env=environment)
    return 1e6 * json.loads(file.read_text())["epochs"][0] / IMAGES


def microseconds_of_repeated(times: int, folder: Path) -> float:
    """Microseconds for each image in an epoch over IMAGES images, repeated."""
    from stopwatch import Stopwatch

    from mnist_cnn.data.batches import TrainingBatches
    from mnist_cnn.data.datamodule import MNISTDataModule
    from mnist_cnn.training.memory import freed_memory_kept
    from mnist_cnn.training.trainer import Trainer

    class Repeated(MNISTDataModule):
        def train_dataloader(self) -> TrainingBatches:
            batches = super().train_dataloader()
            batches.images, batches.labels = batches.images.repeat(times, 1, 1, 1), batches.labels.repeat(times)
            return batches

        def training_batches_per_epoch(self) -> int:
            return times * super().training_batches_per_epoch()

    os.environ[STOPWATCH_FILE] = str(folder / "stopwatch.json")
    classifier, _, settings = build("base.yaml")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_model_summary", "enable_progress_bar"), False)
    trainer = Trainer(max_epochs=1, accelerator="cpu", limit_val_batches=0, callbacks=[Stopwatch()], **quiet)
    with freed_memory_kept():
        trainer.fit(classifier, datamodule=Repeated(**{**settings["data"], "train_size": IMAGES}))
    return 1e6 * json.loads((folder / "stopwatch.json").read_text())["epochs"][0] / (IMAGES * times)


if __name__ == "__main__":
    main()
