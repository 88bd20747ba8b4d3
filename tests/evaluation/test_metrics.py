import pytest
import torch
import torch.nn.functional as F

from mnist_cnn.evaluation.metrics import EvaluationMetrics, tags_of


def test_metrics_over_uneven_batches_are_those_of_all_images_by_hand() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(157, 3, generator=random)
    labels = torch.randint(3, (157,), generator=random)
    losses = F.cross_entropy(logits, labels, reduction="none")
    metrics = EvaluationMetrics("val", ["a", "b/c", "d"])
    for part in torch.arange(157).split(50):
        metrics.update(losses[part], logits[part], labels[part])
    found = {name: float(value) for name, value in metrics.compute_and_reset().items()}

    predicted = logits.argmax(1)
    right = predicted == labels
    recalls = [right[labels == c].float().mean().item() for c in range(3)]
    precisions = [right[predicted == c].float().mean().item() for c in range(3)]
    f1 = sum(2 * p * r / (p + r) for p, r in zip(precisions, recalls, strict=True)) / 3
    confidence = logits.softmax(1).amax(1)
    calibration = 0.0
    for low in torch.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            gap = (confidence[inside].mean() - right[inside].float().mean()).abs()
            calibration += float(gap * inside.sum() / 157)

    assert found == pytest.approx(
        {
            "val/loss": losses.mean().item(),
            "val/accuracy": right.float().mean().item(),
            "val/f1_macro": f1,
            "val/calibration_error": calibration,
            "val_class/a": recalls[0],
            "val_class/b-c": recalls[1],
            "val_class/d": recalls[2],
        },
        abs=1e-5,
    )


def test_nothing_is_left_over_for_the_next_epoch() -> None:
    metrics = EvaluationMetrics("val", ["a", "b"])
    logits = torch.tensor([[5.0, 0.0], [5.0, 0.0]])
    metrics.update(torch.ones(2), logits, torch.tensor([1, 1]))
    assert metrics.compute_and_reset()["val/accuracy"] == 0
    metrics.update(torch.zeros(2), logits, torch.tensor([0, 0]))
    again = metrics.compute_and_reset()
    assert again["val/accuracy"] == 1
    assert again["val/loss"] == 0


def test_classes_whose_names_differ_in_a_slash_alone_are_kept_apart() -> None:
    names = ["a/b", "a-b", "c/d", "c//d", "c/-d", "a-b (2)"]
    tags = tags_of(names)
    assert len(set(tags)) == len(names)
    assert not any("/" in tag for tag in tags)
    assert (tags[1], tags[2], tags[5]) == ("a-b", "c-d", "a-b (2)")


def test_a_class_without_images_has_no_accuracy() -> None:
    metrics = EvaluationMetrics("test", ["a", "b", "c"])
    metrics.update(torch.zeros(2), torch.tensor([[0.0, 1, 0], [1, 0, 0]]), torch.tensor([1, 1]))
    found = metrics.compute_and_reset()
    assert [name for name in found if name.startswith("test_class/")] == ["test_class/b"]
    assert float(found["test_class/b"]) == 0.5
