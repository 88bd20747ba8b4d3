"""Images a second of a trained network: its checkpoint, run by torch, and its ONNX file, run by onnxruntime.

    python benchmarks/inference.py --threads 1

Both answer with probabilities for uint8 images that are laid out already, one at a time and 1024 at a time.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from measuring import ROOT, in_turns, mnist_cnn, parse, seconds, show, spread, write

REFERENCE = ROOT / "lightning_logs" / "reference" / "checkpoints" / "best.ckpt"
REPEATS = {1: 300, 1024: 4}


def main() -> None:
    options = parse(__doc__, 9)
    import torch

    import mnist_cnn as package

    if options.threads and hasattr(os, "sched_setaffinity"):  # onnxruntime makes a thread for each core that it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
        torch.set_num_threads(options.threads)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        mnist_cnn("export", "--ckpt_path", str(REFERENCE), "--output", str(file))
        networks = {"checkpoint": package.load(REFERENCE), "onnx": package.load(file)}
        for batch, repeats in REPEATS.items():
            images = np.random.default_rng(0).integers(0, 256, (batch, 1, 28, 28), dtype=np.uint8)

            def answer(name: str, images: np.ndarray = images, repeats: int = repeats) -> float:
                network = networks[name]
                return seconds(lambda: [network.predict_proba(images) for _ in range(repeats)]) / repeats

            for name, times in in_turns(
                {name: lambda name=name: answer(name) for name in networks}, options.rounds
            ).items():
                rates = spread([batch / time for time in times])
                figures[f"{name}, batch {batch}"] = {"seconds": spread(times), "images_per_second": rates}
                show(f"{name}, batch {batch}: time", spread(times), "ms", 1000, 3)
                show(f"{name}, batch {batch}", rates, "/s", digits=0)
    write("inference", figures, options)


if __name__ == "__main__":
    main()
