"""Checkpoints for tests, written without training."""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer

from mnist_cnn.networks import CNN, Network
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.provenance import Provenance
from mnist_cnn.training.classifier import ImageClassifier


def contents_of(path: Path) -> dict[str, Any]:
    """All that a checkpoint holds."""
    return Checkpoint.read(path).contents


def write_checkpoint(path: Path, network: Network | None = None, dataset: str = "mnist", **provenance: Any) -> Path:
    """Write a checkpoint of a network with random weights, as if trained on `dataset`."""
    torch.manual_seed(0)
    classifier = ImageClassifier(network or CNN(channels=(4, 8)))
    names = provenance.pop("class_names", [str(label) for label in range(classifier.network.num_classes)])
    classifier.provenance = Provenance.from_plain({"dataset": dataset, "class_names": names, **provenance})
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(classifier)
    path.parent.mkdir(parents=True, exist_ok=True)
    trainer.save_checkpoint(path, weights_only=True)
    return path


def assert_equal(first: Any, second: Any) -> None:
    """Compare what two checkpoints hold, to the bit."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list | tuple):
        for a, b in zip(first, second, strict=True):
            assert_equal(a, b)
    else:
        assert first == second
