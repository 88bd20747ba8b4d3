from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchmetrics.aggregation import MeanMetric

from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.training.weighting import add_weighted, balanced_weights
from tests.training.test_classifier import tiny_classifier, tiny_data, trainer


def test_each_class_counts_as_much_as_any_other_and_an_image_one_on_average() -> None:
    counts = torch.tensor([90, 9, 0, 1])
    weights = balanced_weights(counts.tolist())
    assert weights.tolist() == pytest.approx([100 / (4 * 90), 100 / (4 * 9), 0, 25])
    assert (weights * counts).tolist() == pytest.approx([25, 25, 0, 25])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_the_loss_of_a_batch_is_the_weighted_mean_of_torch(smoothing: float, kind: str) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(50, 4), torch.randint(4, (50,))
    target = labels if kind == "labels" else torch.rand(50, 4).softmax(dim=1)
    weights = balanced_weights([90, 9, 5, 1])
    settings: Any = {"weight": weights, "label_smoothing": smoothing}
    metric = MeanMetric()
    loss = add_weighted(metric, F.cross_entropy(logits, target, reduction="none", **settings), target, weights)
    assert loss.item() == pytest.approx(F.cross_entropy(logits, target, **settings).item(), rel=1e-6)
    assert metric.compute().item() == pytest.approx(loss.item(), rel=1e-6)


def test_training_takes_weights_from_its_images_and_evaluation_none(tmp_path: Path) -> None:
    classifier, data = tiny_classifier(class_weights="balanced", label_smoothing=0.1), tiny_data()
    fit = trainer(tmp_path, limit_train_batches=2, limit_val_batches=1)
    fit.fit(classifier, datamodule=data)
    assert classifier.loss_weights is not None
    counts = torch.bincount(data.train_dataloader().labels, minlength=10)
    assert classifier.loss_weights.tolist() == pytest.approx((600 / (10 * counts)).tolist())
    images, labels = synthetic_digits(range(80), split="test")
    classifier.eval()  # without dropout
    loss = classifier.training_step((images, labels), 0)
    expected = F.cross_entropy(classifier(images), labels, weight=classifier.loss_weights, label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    plain = tiny_classifier()
    plain.load_state_dict(classifier.state_dict())
    plain.eval()
    losses = [
        trainer(tmp_path).validate(one, datamodule=data, verbose=False)[0]["val/loss"] for one in (plain, classifier)
    ]
    assert losses[0] == losses[1]
    fit.save_checkpoint(tmp_path / "kept.ckpt")
    kept = torch.load(tmp_path / "kept.ckpt", weights_only=True)
    assert kept["hyper_parameters"]["class_weights"] == "balanced"
    assert kept["datamodule_hyper_parameters"]["balance"] is False
    assert kept["state_dict"].keys() == plain.state_dict().keys()


def test_a_value_out_of_the_choice_and_loaders_of_another_kind_are_answered(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="class_weights='even': choose one of balanced"):
        tiny_classifier(class_weights="even")
    images, labels = synthetic_digits(range(20))
    loader: DataLoader[Any] = DataLoader(list(zip(images, labels, strict=True)), batch_size=10)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="leave class_weights out"):
        trainer(tmp_path).fit(tiny_classifier(class_weights="balanced"), loader)


def test_both_remedies_at_once_are_remarked(tmp_path: Path) -> None:
    fit = trainer(tmp_path, limit_train_batches=1, limit_val_batches=1)
    with pytest.warns(UserWarning, match="count double"):
        fit.fit(tiny_classifier(class_weights="balanced"), datamodule=tiny_data(balance=True))
