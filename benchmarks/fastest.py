"""The way to 99 % on MNIST: accuracy against seconds of training, for the usual start, a published one-epoch recipe and
configs/fast.yaml.

    python benchmarks/fastest.py                    # 20 seeds of the two fast ones, one of the usual start
    python benchmarks/fastest.py --rounds 3 --usual 0

The two fast ones have a process of their own each, and take turns; the usual start follows. Counted is training alone,
from the first step to the last: reading and preparing data come before, and validation and tests are left out on every
side. (configs/fast.yaml is given as a whole too, with its validation and checkpoints.) The first turn of the two is not
counted; it warms them up. The baselines are written from their descriptions, and run as described: in float32, with
torch's defaults.
"""

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
from measuring import (
    ROOT,
    fit,
    in_turns,
    mnist_cnn,
    obtain_mnist,
    own_process,
    parse,
    ratio,
    seconds,
    show,
    spread,
    write,
)

PLOT = ROOT / "docs" / "images" / "fastest.png"
OURS = "fast.yaml"


def main() -> None:
    options = parse(__doc__, 20, _add_options)
    obtain_mnist()
    seeds = {"published recipe": 0, OURS: 0}
    published, ours, usual = own_process(), own_process(), own_process()

    def turn(name: str, process: Any, function: Any) -> dict[str, Any]:
        seeds[name] += 1  # seed 1 warms up
        result: dict[str, Any] = process.submit(function, seeds[name] - 2 if seeds[name] > 1 else 999).result()
        print(f"{name:20} {result['training']:7.2f} s  {100 * result['accuracy']:.2f} %", flush=True)
        return result

    sides = {
        "published recipe": lambda: turn("published recipe", published, published_recipe),
        OURS: lambda: turn(OURS, ours, our_recipe),
    }
    results = in_turns(sides, options.rounds)
    starts = [usual.submit(usual_start, seed, options.usual_epochs).result() for seed in range(options.usual)]
    times = {name: [run["training"] for run in runs] for name, runs in results.items()}
    print()
    figures: dict[str, Any] = {"runs": results, "usual start": starts}
    for name, runs in results.items():
        figures[name] = {
            "training_seconds": spread(times[name]),
            "test_accuracy": spread([run["accuracy"] for run in runs]),
        }
        show(f"{name}: training", figures[name]["training_seconds"], "s")
        show(f"{name}: test accuracy", figures[name]["test_accuracy"], "%", 100)
        print(f"{'':52} {100 * figures[name]['test_accuracy']['mean']:9.2f} % in the mean")
    figures["fit_seconds"] = spread([run["fit"] for run in results[OURS]])
    show(f"{OURS}: with validation and checkpoints", figures["fit_seconds"], "s")
    figures["ratio"] = ratio(times["published recipe"], times[OURS])
    show("published recipe / fast.yaml", figures["ratio"], "times")
    for start in starts:
        print("usual start:", ", ".join(f"{s:.0f} s {100 * a:.2f} %" for s, a in start))
    write("fastest", figures, options)
    plot(figures, PLOT)


def _add_options(parser: Any) -> None:
    parser.add_argument("--usual", type=int, default=1, help="seeds of the usual start, which takes minutes each")
    parser.add_argument("--usual-epochs", type=int, default=3, help="epochs of the usual start")


def our_recipe(seed: int) -> dict[str, float]:
    """`mnist-cnn fit --config configs/fast.yaml`, then `mnist-cnn test`."""
    root = Path(tempfile.mkdtemp())
    try:
        times = fit("fast.yaml", seed, root)
        run = root / "lightning_logs" / "version_0"
        mnist_cnn("test", "--ckpt_path", str(run / "checkpoints" / "best.ckpt"))
        result = json.loads((run / "test.json").read_text())
    finally:
        shutil.rmtree(root)
    return {
        "seed": seed,
        "training": times["training"],
        "fit": times["fit"],
        "accuracy": result["metrics"]["test/accuracy"],
    }


def published_recipe(seed: int) -> dict[str, float]:
    """One epoch of 60,000 images: batch 256, Adam with a one-cycle schedule, images held as a normalised tensor."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    images, labels = _normalised("train")
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * 5 * 5, 256), nn.ReLU(), nn.Linear(256, 10)),
    ).to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.7, 0.9))
    batches = -(-len(images) // 256)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=batches, cycle_momentum=False)

    def train() -> None:
        order = torch.randperm(len(images), device=images.device)
        for batch in order.split(256):
            loss = F.cross_entropy(network(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    return {"seed": seed, "training": seconds(train), "accuracy": _test(network)}


def usual_start(seed: int, epochs: int) -> list[tuple[float, float]]:
    """DataLoader with ToTensor and Normalize, two convolutions, dropout, Adadelta; (seconds, accuracy) by epoch."""
    import torch
    import torch.nn.functional as F
    from PIL import Image
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    images, labels = _read("train")
    convert = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])

    class Digits(Dataset):
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> Any:
            return convert(Image.fromarray(images[index, 0].numpy())), int(labels[index])

    torch.manual_seed(seed)
    device = _device()
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)),
    ).to(device)
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    loader = DataLoader(Digits(), batch_size=64, shuffle=True)

    def train() -> None:
        for batch, answers in loader:
            loss = F.cross_entropy(network(batch.to(device)), answers.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

    curve, passed = [], 0.0
    for _ in range(epochs):
        network.train()
        passed += seconds(train)
        curve.append((passed, _test(network)))
        print(f"{'usual start':20} {passed:7.2f} s  {100 * curve[-1][1]:.2f} %", flush=True)
    return curve


def _device() -> Any:
    import torch

    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")


def _read(split: Any) -> tuple[Any, Any]:
    from mnist_cnn.data.registry import default_data_dir, find_dataset

    return find_dataset("mnist").read(default_data_dir(None), split)


def _normalised(split: str) -> tuple[Any, Any]:
    images, labels = _read(split)
    return ((images.float() / 255 - 0.1307) / 0.3081).to(_device()), labels.to(_device())


def _test(network: Any) -> float:
    import torch

    images, labels = _normalised("test")
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(batch).argmax(dim=1) for batch in images.split(1000)])
    return float((answers == labels).float().mean())


def plot(figures: dict[str, Any], path: Path) -> None:
    """Draw test accuracy against seconds of training; a diamond stands at the median and the mean of each side."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    for number, start in enumerate(figures["usual start"]):
        label = "usual start: DataLoader, Adadelta (a point an epoch)" if number == 0 else None
        axes.plot(*zip(*[(s, 100 * a) for s, a in start], strict=True), "o-", color="0.5", label=label)
    for (name, runs), colour in zip(figures["runs"].items(), ("tab:orange", "tab:blue"), strict=True):
        times, accuracies = [run["training"] for run in runs], [100 * run["accuracy"] for run in runs]
        label = f"{name}: {len(runs)} seeds, mean {statistics.mean(accuracies):.2f} %"
        axes.plot(times, accuracies, "o", color=colour, alpha=0.5, label=label)
        axes.plot(statistics.median(times), statistics.mean(accuracies), "D", color=colour, markeredgecolor="black")
    axes.axhline(99, color="0.8", linewidth=1, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("seconds of training")
    axes.set_ylabel("test accuracy, %")
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3, which="both")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    print(f"Drawn to {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
