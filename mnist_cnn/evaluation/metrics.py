"""The evaluation metrics, computed by torchmetrics over all images and all processes."""

from collections.abc import Sequence

from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.aggregation import MeanMetric, SumMetric
from torchmetrics.classification.accuracy import MulticlassAccuracy
from torchmetrics.classification.calibration_error import MulticlassCalibrationError
from torchmetrics.classification.f_beta import MulticlassF1Score
from torchmetrics.classification.stat_scores import MulticlassStatScores

from mnist_cnn.evaluation.calibration import BINS


class EvaluationMetrics(nn.Module):
    """Loss, accuracy, accuracy of each class, macro F1 and calibration error of one stage.

    Args:
        stage: Prefix of the names: "val" or "test".
        class_names: Names of the classes, by label.

    Attributes:
        images_seen: How many images the latest results are of.
    """

    def __init__(self, stage: str, class_names: Sequence[str]) -> None:
        super().__init__()
        self.stage, self.class_names = stage, class_names
        classes = len(class_names)
        self.loss = MeanMetric()
        self.count = SumMetric()
        self.images_seen = 0
        # Of predicted labels; sharing one count of hits and misses, which the collection finds out by itself.
        self.of_labels = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
                "f1_macro": MulticlassF1Score(classes, average="macro", validate_args=False),
                "per_class": MulticlassAccuracy(classes, average="none", validate_args=False),
                "counts": MulticlassStatScores(classes, average="none", validate_args=False),
            }
        )
        self.calibration = MulticlassCalibrationError(classes, n_bins=BINS, validate_args=False)

    def update(self, losses: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Take a batch in: the loss of each image (B,), logits (B, classes) and labels (B,)."""
        self.loss.update(losses)
        self.count.update(len(labels))
        self.of_labels.update(logits.argmax(dim=1), labels)
        self.calibration.update(logits.softmax(dim=1), labels)

    def compute_and_reset(self) -> dict[str, Tensor]:
        """Combine the batches of all processes: scalars by name, such as "val/accuracy" and "val_class/7".

        Classes without images have no accuracy.
        """
        of_labels = self.of_labels.compute()
        per_class, images = of_labels.pop("per_class"), of_labels.pop("counts")[:, -1]
        result = {f"{self.stage}/loss": self.loss.compute()}
        result |= {f"{self.stage}/{name}": value for name, value in of_labels.items()}
        result[f"{self.stage}/calibration_error"] = self.calibration.compute()
        of_classes = zip(tags_of(self.class_names), per_class, images, strict=True)
        result |= {f"{self.stage}_class/{name}": value for name, value, count in of_classes if count}
        self.images_seen = int(self.count.compute())
        for metric in (self.loss, self.count, self.of_labels, self.calibration):
            metric.reset()
        return result


def tags_of(class_names: Sequence[str]) -> list[str]:
    """Names of classes within those of curves: a slash ("T-shirt/top") would open another group in TensorBoard.

    Those that are the same without it are numbered.
    """
    taken = {name for name in class_names if "/" not in name}
    tags: list[str] = []
    for name in class_names:
        tag = plain = name.replace("/", "-")
        number = 1
        while tag != name and tag in taken:
            number += 1
            tag = f"{plain} ({number})"
        taken.add(tag)
        tags.append(tag)
    return tags


def combined_state(metric: Metric) -> dict[str, Tensor]:
    """The state of a metric over all processes, as plain tensors."""
    with metric.sync_context():
        return {name: value.clone() for name, value in metric.metric_state.items()}  # type: ignore[union-attr]
