"""Checkpoints for tests, written without training."""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer

from mnist_cnn.classifier import ImageClassifier
from mnist_cnn.networks import CNN, Network


def write_checkpoint(path: Path, network: Network | None = None, dataset: str = "mnist", **provenance: Any) -> Path:
    """Write a checkpoint of a network with random weights, as if trained on `dataset`."""
    torch.manual_seed(0)
    classifier = ImageClassifier(network or CNN(channels=(4, 8)))
    names = provenance.pop("class_names", [str(label) for label in range(classifier.network.num_classes)])
    classifier.provenance = {"dataset": dataset, "stand_in_for": None, "class_names": names, **provenance}
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(classifier)
    path.parent.mkdir(parents=True, exist_ok=True)
    trainer.save_checkpoint(path, weights_only=True)
    return path
