import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from mnist_cnn.evaluation.evaluation import Evaluation
from mnist_cnn.evaluation.metrics import EvaluationMetrics


def some() -> Evaluation:
    random = torch.Generator().manual_seed(0)
    probabilities = (3 * torch.randn(200, 3, generator=random)).softmax(dim=1)
    return Evaluation(probabilities, torch.randint(3, (200,), generator=random), ["a", "b", "c"])


def test_counts_accuracy_and_mistakes_are_of_the_same_answers() -> None:
    found = some()
    for true in range(3):
        for answer in range(3):
            both = (found.labels == true) & (found.predicted == answer)
            assert int(found.counts[true, answer]) == int(both.sum())
    assert found.accuracy == pytest.approx(int(found.counts.diag().sum()) / 200)
    assert len(found.mistakes) == 200 - int(found.counts.diag().sum())
    assert not found.correct[found.mistakes].any()
    confidences = found.confidences[found.mistakes].tolist()
    assert confidences == sorted(confidences, reverse=True)
    assert found.class_accuracies.tolist() == pytest.approx((found.counts.diag() / found.counts.sum(1)).tolist())


def test_the_diagrams_ranges_give_the_calibration_error_that_a_test_writes() -> None:
    found = some()
    bins = found.calibration
    by_ranges = float((bins.counts / 200 * (bins.accuracies - bins.confidences).abs()).sum())
    assert found.calibration_error == pytest.approx(by_ranges, abs=1e-6)
    expected = multiclass_calibration_error(found.probabilities, found.labels, 3, n_bins=15)
    assert found.calibration_error == pytest.approx(float(expected))
    metrics = EvaluationMetrics("test", found.class_names)
    metrics.update(torch.zeros(200), found.probabilities.log(), found.labels)
    assert found.calibration_error == pytest.approx(
        float(metrics.compute_and_reset()["test/calibration_error"]), abs=1e-6
    )


def test_answers_that_claim_certainty_stand_apart() -> None:
    found = Evaluation([[1.0, 0.0], [0.99, 0.01], [0.5, 0.5]], [0, 1, 0], ["a", "b"]).calibration
    assert found.counts.tolist() == [0] * 7 + [1] + [0] * 6 + [1, 1]
    assert found.accuracies[-2:].tolist() == [0, 1]
