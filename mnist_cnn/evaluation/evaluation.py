"""Evaluation: what a network's answers are worth, computed once for whoever prints, draws or keeps it."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torchmetrics.functional.classification.calibration_error import multiclass_calibration_error
from torchmetrics.functional.classification.confusion_matrix import multiclass_confusion_matrix

from mnist_cnn.evaluation.calibration import BINS, Calibration


class Evaluation:
    """Answers to images whose classes are known.

    Args:
        probabilities: Of each class for each image (N, classes), a tensor or an array.
        labels: True class of each image (N,).
        class_names: Names of the classes, by label.

    Attributes:
        predicted: The likeliest class of each image (N,).
        confidences: Its probability (N,).
        correct: Whether it is the true one (N,).
    """

    def __init__(self, probabilities: Any, labels: Any, class_names: Sequence[str]) -> None:
        self.probabilities = torch.as_tensor(probabilities).detach().float().cpu()
        self.labels = torch.as_tensor(labels).cpu()
        self.class_names = list(class_names)
        self.confidences, self.predicted = self.probabilities.max(dim=1)
        self.correct = self.predicted == self.labels

    @property
    def accuracy(self) -> float:
        """Share of right answers, from 0 to 1."""
        return float(self.correct.float().mean())

    @cached_property
    def counts(self) -> Tensor:
        """How often each class was taken for each (classes, classes), true classes in rows."""
        return multiclass_confusion_matrix(self.predicted, self.labels, len(self.class_names), validate_args=False)

    @property
    def class_accuracies(self) -> Tensor:
        """Share of right answers among the images of each class (classes,); 0 where there are none."""
        return self.counts.diag() / self.counts.sum(dim=1).clamp(min=1)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error: the mean distance of claimed probability and truth."""
        classes = len(self.class_names)
        error = multiclass_calibration_error(self.probabilities, self.labels, classes, n_bins=BINS, validate_args=False)
        return float(error)

    @cached_property
    def calibration(self) -> Calibration:
        """Answers by the probability that they claim."""
        return Calibration.of(self.confidences, self.correct)

    @cached_property
    def mistakes(self) -> Tensor:
        """Indices of the images with wrong answers, the surest answers first."""
        wrong = (~self.correct).nonzero()[:, 0]
        return wrong[self.confidences[wrong].argsort(descending=True, stable=True)]
