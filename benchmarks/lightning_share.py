"""What the Trainer adds to a plain loop, and what validation adds to a run.

    python benchmarks/lightning_share.py

An epoch as `mnist-cnn fit` runs it, with curves, progress bar and checkpoints, against the bare loop of the same
steps: the same batches, network, optimiser and schedule, and nothing else. Validation is taken out of the first and
given as a share of the whole run. Both sides work in the same process.
"""

import shutil
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from measuring import build, fit, in_turns, parse, ratio, seconds, show, spread, write

CONFIGS = ("base.yaml", "fast.yaml")


def main() -> None:
    options = parse(__doc__, 5)
    figures: dict[str, Any] = {}
    for config in CONFIGS:
        loop = bare_loop(config)
        sides = {
            "trainer": lambda config=config: trainer(config),
            "bare loop": lambda loop=loop: seconds(loop),
        }
        results = in_turns(sides, options.rounds)
        times = {**results, "trainer": [result["epochs"][-1] for result in results["trainer"]]}
        figures[config] = {
            **{side: spread(values) for side, values in times.items()},
            "ratio": ratio(times["trainer"], times["bare loop"]),
            "validation_share": spread([result["validation"] / result["fit"] for result in results["trainer"]]),
        }
        for side in times:
            show(f"{config}: {side}, an epoch", figures[config][side], "s")
        show(f"{config}: trainer / bare loop", figures[config]["ratio"], "times", digits=3)
        show(f"{config}: validation's share of the run", figures[config]["validation_share"], "%", 100, 1)
    write("lightning_share", figures, options)


def trainer(config: str) -> dict[str, Any]:
    """What Stopwatch says of a run of one epoch."""
    root = Path(tempfile.mkdtemp())
    try:
        return fit(config, 0, root, "--epochs", "1")
    finally:
        shutil.rmtree(root)


def bare_loop(config: str) -> Callable[[], None]:
    """The steps of an epoch of a config as a plain loop."""
    import torch
    import torch.nn.functional as F
    from torch.optim.lr_scheduler import LambdaLR

    from mnist_cnn.optim.optimizers import build_optimizer
    from mnist_cnn.training.trainer import suitable_precision

    classifier, batches, settings = build(config)
    steps = min(len(batches), settings["trainer"].get("limit_train_batches", len(batches)))
    optimizer = build_optimizer(classifier.network, classifier.optimizer_settings)
    device = batches.images.device
    is_mixed = settings["trainer"]["precision"] == "auto" and suitable_precision("auto") == "bf16-mixed"

    def train() -> None:
        schedule = LambdaLR(optimizer, lambda step: classifier.schedule_settings.factor(step, steps, 1))
        for images, labels in islice(batches, steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=is_mixed):
                logits = classifier(images)
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=classifier.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    return train


if __name__ == "__main__":
    main()
