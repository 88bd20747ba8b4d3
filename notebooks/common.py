"""What the notebooks share: training without files left behind, answers for many images, quiet output."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

# The clone's own data folder, wherever a notebook is started from.
os.environ.setdefault("MNIST_CNN_DATA", str(Path(__file__).parent.parent / "data"))

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.evaluation.evaluation import Evaluation
from mnist_cnn.runs.folders import read_curves
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.training.loggers import MetricsCSVLogger
from mnist_cnn.training.memory import freed_memory_kept
from mnist_cnn.training.quiet import quiet
from mnist_cnn.training.trainer import Trainer

Curves = dict[str, tuple[list[float], list[float]]]


def train(classifier: ImageClassifier, data: MNISTDataModule, epochs: int, precision: Any = "auto") -> Curves:
    """Train a classifier, and return its learning curves: epochs and values of loss and accuracy, by name."""
    with quiet(), freed_memory_kept(), tempfile.TemporaryDirectory() as folder:
        logger = MetricsCSVLogger(Path(folder))
        trainer = Trainer(
            max_epochs=epochs,
            logger=logger,
            precision=precision,  # "auto": the fastest that this machine computes well in
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(classifier, datamodule=data)
        return read_curves(logger.path)


def answer(classifier: ImageClassifier, images: Tensor) -> Tensor:
    """Probabilities (N, classes) of images (N, 1, H, W)."""
    return torch.cat([classifier.predict_proba(batch).cpu() for batch in images.split(1000)])


def accuracy(probabilities: Tensor, labels: Tensor) -> float:
    """Share of right answers, from 0 to 1: probabilities (N, classes), labels (N,)."""
    return Evaluation(probabilities, labels, [str(label) for label in range(probabilities.shape[1])]).accuracy


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers in a network or layer."""
    return sum(parameter.numel() for parameter in network.parameters())
