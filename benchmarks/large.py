"""Images that are larger than memory: speed of training and resident memory, against the same images held in memory.

    python benchmarks/large.py --count 1000000

Makes colour images of 32x32 (random ones: only their bytes matter here), writes them as an .npy file, and trains a
network on so many batches of them, in turns from the disk and in memory, each in a process of its own. Resident memory
is the peak of the whole process, torch and network included, as the system reports it.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import in_turns, parse, ratio, run, show, spread, write

SIDE, CLASSES, BATCH = 32, 10, 256
BLOCK = 10_000
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def main() -> None:
    options = parse(__doc__, 3, _options)
    if options.side:
        print(json.dumps(train(options)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder) / "images.npy"
        generate(file, options.count)
        command = [sys.executable, __file__, "--count", str(options.count), "--steps", str(options.steps)]
        sides = {
            side: lambda side=side: json.loads(run([*command, "--side", side, "--file", str(file)]).stdout)
            for side in ("disk", "memory")
        }
        found = in_turns(sides, options.rounds, warm_up=False)
    rates = {side: [turn["images_per_second"] for turn in turns] for side, turns in found.items()}
    figures: dict[str, Any] = {"images": options.count, "batches": options.steps}
    for side, turns in found.items():
        figures[side] = {"images_per_second": spread(rates[side]), "peak_gb": max(turn["peak_gb"] for turn in turns)}
        show(f"{side}: images a second", figures[side]["images_per_second"], "/s", digits=0)
        print(f"{side}: peak resident memory {figures[side]['peak_gb']:.2f} GB")
    figures["disk / memory"] = ratio(rates["disk"], rates["memory"])
    show("speed from the disk, as a part of that in memory", figures["disk / memory"], "times")
    write("large", figures, options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000_000, help="images (default 1,000,000: 3 GB)")
    parser.add_argument("--steps", type=int, default=400, help="batches of 256 that are timed (default 400)")
    parser.add_argument("--folder", type=Path, help="where the file is written; by default the system's temporary one")
    parser.add_argument("--side", choices=("disk", "memory"), help=argparse.SUPPRESS)  # in the processes it starts
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)


def generate(file: Path, count: int) -> None:
    """Write random images, some thousand at a time."""
    import numpy as np

    random = np.random.default_rng(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, SIDE, SIDE)}
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, count, BLOCK):
            shape = (min(BLOCK, count - start), 3, SIDE, SIDE)
            stream.write(random.integers(0, 256, shape, dtype=np.uint8).data)


def train(options: Any) -> dict[str, float]:
    """Train on the images, and say how fast that was and how much memory it took."""
    import torch

    from mnist_cnn.data.augmentation import Augmentation
    from mnist_cnn.data.batches import TrainingBatches
    from mnist_cnn.data.on_disk import opened
    from mnist_cnn.networks import CNN
    from mnist_cnn.training.classifier import ImageClassifier

    images = opened(options.file, in_memory=options.side == "memory")
    labels = torch.randint(CLASSES, (options.count,), generator=torch.Generator().manual_seed(0))
    classifier = ImageClassifier(CNN(num_classes=CLASSES, in_channels=3))
    optimizer = torch.optim.SGD(classifier.parameters(), lr=1e-3)
    batches = TrainingBatches(images, labels, BATCH, augmentation=Augmentation(flip=0.5))
    begin, seen, epoch = 0.0, 0, 0
    while seen < options.steps:
        batches.set_epoch(epoch)
        epoch += 1
        for batch, answers in batches:
            if not seen:  # the first batch waits for the order and the first window, once in an epoch
                begin = time.perf_counter()
            loss = torch.nn.functional.cross_entropy(classifier(batch), answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += 1
            if seen == options.steps:
                break
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e9
    return {"images_per_second": seen * BATCH / seconds, "peak_gb": peak}


if __name__ == "__main__":
    main()
