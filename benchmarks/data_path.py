"""The cost of the data path: its share of a training step, and images a second against a DataLoader.

    python benchmarks/data_path.py

The share is that of the batches and augmentation of configs/base.yaml in a step of its network (batch 256). Against the
torch DataLoader with per-image torchvision transforms, which runs without workers, as by default, and with one for each
core, both sides give normalised float32 batches of 256, once with the same random affine map and once without.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch.nn.functional as F
from measuring import build, in_turns, parse, ratio, seconds, show, spread, write
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.batches import TrainingBatches
from mnist_cnn.optim.optimizers import build_optimizer
from mnist_cnn.training.memory import freed_memory_kept

BATCH = 256
STEPS = 20
MEAN, STD = 0.1307, 0.3081


def main() -> None:
    options = parse(__doc__, 7)
    with freed_memory_kept():
        figures = share_of_a_step(options.rounds)
        figures |= against_data_loader(options.rounds)
    write("data_path", figures, options)


def share_of_a_step(rounds: int) -> dict[str, Any]:
    """Time of batches and augmentation, as a part of that of whole steps."""
    classifier, batches, _ = build("base.yaml", batch_size=BATCH)
    optimizer = build_optimizer(classifier.network, classifier.optimizer_settings)

    def data() -> None:
        for _ in islice(batches, STEPS):
            pass

    def steps() -> None:
        for batch, answers in islice(batches, STEPS):
            loss = F.cross_entropy(classifier(batch), answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    times = in_turns({"data": lambda: seconds(data), "steps": lambda: seconds(steps)}, rounds)
    figures = {
        "data_seconds_per_step": spread([time / STEPS for time in times["data"]]),
        "seconds_per_step": spread([time / STEPS for time in times["steps"]]),
        "share": ratio(times["data"], times["steps"]),
    }
    show("batches and augmentation", figures["data_seconds_per_step"], "ms", 1000)
    show("whole step of the base network", figures["seconds_per_step"], "ms", 1000)
    show("share of the data path", figures["share"], "%", 100)
    return figures


class PerImage(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's data sets give them: one at a time, through Pillow and transforms."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index, 0].numpy())), int(self.labels[index])


def against_data_loader(rounds: int) -> dict[str, Any]:
    """Images a second of both, with a random affine map and without."""
    figures: dict[str, Any] = {}
    batches = build("base.yaml", batch_size=BATCH)[1]
    images, labels = batches.images, batches.labels
    convert = [transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))]
    # The same map as ours: the same amounts (8.5 degrees are a shear of 0.15) and interpolation.
    affine = transforms.RandomAffine(
        12, (0.1, 0.1), (0.88, 1.12), 8.5, interpolation=transforms.InterpolationMode.BILINEAR
    )
    for name, first, amounts in (
        ("with a random affine map", [affine], {"rotation": 12, "shift": 0.1, "scale": 0.12, "shear": 0.15}),
        ("without", [], {}),
    ):
        data = PerImage(images.cpu(), labels.cpu(), transforms.Compose([*first, *convert]))
        ours = TrainingBatches(images, labels, BATCH, augmentation=Augmentation(**amounts))
        sides = {"ours": lambda ours=ours: rate(normalised(ours), len(images))}
        for workers in (0, os.cpu_count() or 1):
            loader = DataLoader(data, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
            # Without workers the rate is the same all along, and a part of an epoch tells it.
            count = len(images) if workers else 20 * BATCH
            sides[f"DataLoader, {workers} workers"] = lambda loader=loader, count=count: rate(loader, count)
        rates = in_turns(sides, rounds)
        figures[name] = {side: spread(values) for side, values in rates.items()}
        for side, found in list(figures[name].items()):
            show(f"{name}: {side}", found, "/s", digits=0)
            if side != "ours":
                gain = figures[name][f"ours / {side}"] = ratio(rates["ours"], rates[side])
                show(f"{name}: ours / {side}", gain, "times", digits=1)
    return figures


def normalised(batches: TrainingBatches) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches as the network takes them, since those of the DataLoader are."""
    for images, labels in batches:
        yield (images.float() / 255 - MEAN) / STD, labels


def rate(batches: Iterable[Any], count: int) -> float:
    """Images a second over the first `count` images."""

    def take() -> None:
        for _ in islice(batches, -(-count // BATCH)):
            pass

    return count / seconds(take)


if __name__ == "__main__":
    main()
