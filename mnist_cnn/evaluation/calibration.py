"""Whether answers that claim a probability are right that often."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Ranges of probability that are compared; the number that most papers take (Guo et al., 2017).
BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Answers by the probability that they claim: in `BINS` ranges of equal width, each with its lower end.

    Those that claim exactly 1 stand apart, as torchmetrics' calibration error counts them.

    Attributes:
        counts: Number of answers in each range (BINS + 1,).
        accuracies: Share of right answers in each range (BINS + 1,); 0 where it is empty.
        confidences: Mean probability that the answers in each range claim (BINS + 1,); 0 where it is empty.
    """

    counts: Tensor
    accuracies: Tensor
    confidences: Tensor

    @classmethod
    def of(cls, confidences: Tensor, correct: Tensor) -> "Calibration":
        """Sort answers: their probabilities (N,) and whether they were right (N,)."""
        limits = torch.linspace(0, 1, BINS + 1, dtype=confidences.dtype)
        which = torch.bucketize(confidences, limits, right=True) - 1
        counts = torch.bincount(which, minlength=BINS + 1)
        divisor = counts.clamp(min=1)
        accuracies = torch.bincount(which, correct.double(), minlength=BINS + 1) / divisor
        return cls(counts, accuracies, torch.bincount(which, confidences.double(), minlength=BINS + 1) / divisor)
