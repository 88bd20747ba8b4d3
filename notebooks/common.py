"""What the notebooks share: training without files left behind, answers for many images, quiet output."""

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

# The clone's own data folder, wherever a notebook is started from.
os.environ.setdefault("MNIST_CNN_DATA", str(Path(__file__).parent.parent / "data"))

from mnist_cnn.callbacks.loggers import MetricsCSVLogger
from mnist_cnn.classifier import ImageClassifier
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.report import read_curves
from mnist_cnn.trainer import Trainer, keep_freed_memory

Curves = dict[str, tuple[list[float], list[float]]]

# Lightning's remarks on the machine would stand between the lines of a lesson.
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", ".*does not have many workers.*")
warnings.filterwarnings("ignore", ".*LeafSpec.*")
warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
keep_freed_memory()


def train(classifier: ImageClassifier, data: MNISTDataModule, epochs: int, precision: Any = "auto") -> Curves:
    """Train a classifier, and return its learning curves: epochs and values of loss and accuracy, by name."""
    with tempfile.TemporaryDirectory() as folder:
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
    return float((probabilities.argmax(dim=1) == labels).float().mean())


def confusion_counts(probabilities: Tensor, labels: Tensor) -> Tensor:
    """How often each class was taken for each (classes, classes), true classes in rows; probabilities (N, classes)."""
    classes = probabilities.shape[1]
    pairs = classes * labels + probabilities.argmax(dim=1)  # one number for each pair of classes
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def surest_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Indices of the images with wrong answers, the surest answers first; probabilities (N, classes)."""
    highest, predicted = probabilities.max(dim=1)
    wrong = (predicted != labels).nonzero()[:, 0]
    return wrong[highest[wrong].argsort(descending=True)]


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers in a network or layer."""
    return sum(parameter.numel() for parameter in network.parameters())
