from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, Trainer

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN
from mnist_cnn.training.checkpoints import LastCheckpoint
from mnist_cnn.training.classifier import ImageClassifier


def trainer(root: Path, epochs: int = 1, **settings: Any) -> Trainer:
    callbacks = [LastCheckpoint(), *settings.pop("callbacks", [])]
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        default_root_dir=root,
        callbacks=callbacks,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )


def tiny_data(**settings: Any) -> MNISTDataModule:
    return MNISTDataModule("synthetic", train_size=600, val_size=100, batch_size=100, **settings)


def tiny_classifier(**settings: Any) -> ImageClassifier:
    torch.manual_seed(0)
    return ImageClassifier(CNN(channels=(4, 8, 8)), **settings)


class LearningRates(Callback):
    """Notes the learning rate of each step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, *args: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def test_learns_synthetic_digits_to_above_95_percent(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = MNISTDataModule("synthetic", train_size=6000, val_size=1000, batch_size=100)
    fit = trainer(tmp_path, epochs=2)
    fit.fit(ImageClassifier(CNN(), lr=5e-3), datamodule=data)
    assert fit.callback_metrics["val/accuracy"] > 0.95
    tested = trainer(tmp_path).test(fit.lightning_module, datamodule=data, verbose=False)
    assert tested[0]["test/accuracy"] > 0.95


def test_two_runs_with_one_seed_give_identical_weights(tmp_path: Path) -> None:
    weights = []
    for _ in range(2):
        classifier = tiny_classifier()
        trainer(tmp_path, epochs=2).fit(classifier, datamodule=tiny_data(rotation=10, erasing=0.5))
        weights.append(classifier.state_dict())
        torch.rand(7)  # whatever else draws random numbers in between must not matter
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_mixed_samples_are_trained_on_by_their_shares_and_counted_by_the_larger_one() -> None:
    classifier = tiny_classifier(label_smoothing=0.1).eval()  # without dropout
    images, labels = synthetic_digits(range(6))
    others, shares = labels.flip(0), torch.tensor([0.9, 0.6, 0.5, 0.3, 1.0, 0.0])
    one, other = F.one_hot(labels, 10) * shares[:, None], F.one_hot(others, 10) * (1 - shares)[:, None]
    loss = classifier.training_step((images, one + other), 0)
    of_each = [
        F.cross_entropy(classifier(images), target, label_smoothing=0.1, reduction="none")
        for target in (labels, others)
    ]
    assert torch.allclose(loss, (shares * of_each[0] + (1 - shares) * of_each[1]).mean(), atol=1e-6)
    larger = (one + other).argmax(dim=1)
    right = (classifier(images).argmax(dim=1) == larger).float().mean()
    assert float(classifier.train_accuracy.compute()) == pytest.approx(float(right))


class HandWritten(ImageClassifier):
    """A user's own step, as tutorials write it."""

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        images, labels = batch
        self.seen = labels
        return F.cross_entropy(self(images), labels)


def test_mixing_is_deterministic_kept_in_the_checkpoint_and_works_with_steps_of_ones_own(tmp_path: Path) -> None:
    amounts: dict[str, Any] = {"mixup": 0.2, "cutmix": 1.0, "crop": 2, "cutout": 5}
    weights = []
    for _ in range(2):
        classifier = tiny_classifier()
        fit = trainer(tmp_path, limit_train_batches=2, limit_val_batches=1)
        fit.fit(classifier, datamodule=tiny_data(**amounts))
        weights.append(classifier.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    fit.save_checkpoint(tmp_path / "kept.ckpt")
    kept = torch.load(tmp_path / "kept.ckpt", weights_only=True)["datamodule_hyper_parameters"]
    assert {name: kept[name] for name in amounts} == amounts
    own = HandWritten(CNN(channels=(4, 8, 8)))
    trainer(tmp_path, limit_train_batches=2, limit_val_batches=1).fit(own, datamodule=tiny_data(mixup=0.2))
    assert own.seen.shape == (100, 10)


def test_normalises_with_the_statistics_of_the_training_images(tmp_path: Path) -> None:
    classifier, data = tiny_classifier(), tiny_data()
    trainer(tmp_path).fit(classifier, datamodule=data)
    (mean,), (std,) = data.pixel_statistics()
    assert (float(classifier.mean), float(classifier.std)) == pytest.approx((mean, std))
    images, _ = synthetic_digits(range(5))
    classifier.eval()
    by_hand = classifier.network((images.float() / 255 - classifier.mean) / classifier.std)
    assert torch.equal(classifier(images), by_hand)


def test_predict_proba_gives_probabilities_without_dropout_and_leaves_the_mode() -> None:
    classifier = ImageClassifier(CNN(dropout=0.9))
    images, _ = synthetic_digits(range(5))
    first, again = classifier.predict_proba(images), classifier.predict_proba(images)
    assert classifier.training
    assert torch.equal(first, again)
    assert not first.requires_grad
    torch.testing.assert_close(first.sum(1), torch.ones(5))
    torch.testing.assert_close(first, classifier.eval()(images).softmax(1))


def test_label_smoothing_counts_in_training_and_not_in_evaluation() -> None:
    classifier = tiny_classifier(label_smoothing=0.3).eval()
    images, labels = synthetic_digits(range(50))
    logits = classifier(images)
    smoothed = F.cross_entropy(logits, labels, label_smoothing=0.3)
    torch.testing.assert_close(classifier.training_step((images, labels), 0), smoothed)
    classifier.validation_step((images, labels), 0)
    plain = classifier.val_metrics.compute_and_reset()["val/loss"]
    torch.testing.assert_close(plain, F.cross_entropy(logits, labels).detach())


def test_checkpoints_are_plain_and_survive_being_loaded_and_saved_again(tmp_path: Path) -> None:
    data = tiny_data()
    first = trainer(tmp_path / "first")
    classifier = tiny_classifier(optimizer="sgd", lr=0.05)
    first.fit(classifier, datamodule=data)
    path = tmp_path / "first" / "checkpoints" / "last.ckpt"
    images, _ = synthetic_digits(range(20))
    expected = classifier.predict_proba(images)
    for generation in range(3):
        torch.load(path, weights_only=True)
        loaded = ImageClassifier.load_from_checkpoint(path)
        assert torch.equal(loaded.predict_proba(images), expected)
        assert loaded.hparams["optimizer"] == "sgd"
        assert loaded.hparams["network"]["init_args"]["channels"] == [4, 8, 8]
        assert loaded.provenance is not None
        assert loaded.provenance.dataset == "synthetic"
        again = trainer(tmp_path)
        again.strategy.connect(loaded)
        path = tmp_path / f"generation_{generation}.ckpt"
        again.save_checkpoint(path)


def test_checkpoints_stay_plain_whatever_the_settings_came_as(tmp_path: Path) -> None:
    data = MNISTDataModule("synthetic", tmp_path, train_size=600, val_size=100, batch_size=100)  # type: ignore[arg-type]
    trainer(tmp_path).fit(tiny_classifier(lr=np.float64(0.01)), datamodule=data)
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"]["lr"] == 0.01
    assert "data_dir" not in checkpoint["datamodule_hyper_parameters"]


def test_a_checkpoint_that_names_a_foreign_class_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).fit(tiny_classifier(), datamodule=tiny_data())
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["network"] = {"class_path": "subprocess.Popen", "init_args": {"args": ["true"]}}
    torch.save(checkpoint, tmp_path / "bad.ckpt")
    with pytest.raises(UserError, match=r"subprocess\.Popen"):
        ImageClassifier.load_from_checkpoint(tmp_path / "bad.ckpt")


@pytest.mark.parametrize(
    ("settings", "steps"),
    [({}, 12), ({"accumulate_grad_batches": 4}, 4), ({"limit_train_batches": 3}, 6), ({"max_steps": 5}, 5)],
)
def test_one_cycle_ends_with_the_run(tmp_path: Path, settings: dict[str, Any], steps: int) -> None:
    rates = LearningRates()
    fit = trainer(tmp_path, epochs=2, callbacks=[rates], **settings)
    fit.fit(tiny_classifier(lr=1.0, schedule="one_cycle", warmup=0.3), datamodule=tiny_data())
    assert fit.global_step == steps
    assert rates.rates[0] == pytest.approx(1 / 25)
    assert min(rates.rates) == pytest.approx(1 / 25 / 10_000)
    assert rates.rates[-1] == min(rates.rates)
    assert max(rates.rates) == pytest.approx(1.0)


def test_given_settings_win_over_those_of_the_checkpoint_when_resuming(tmp_path: Path) -> None:
    trainer(tmp_path).fit(tiny_classifier(lr=0.01, schedule="constant", warmup=0), datamodule=tiny_data())
    rates = LearningRates()
    resumed = trainer(tmp_path, epochs=2, callbacks=[rates])
    changed = tiny_classifier(lr=0.002, weight_decay=0.3, momentum=0.5, schedule="constant", warmup=0)
    resumed.fit(changed, datamodule=tiny_data(), ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    assert rates.rates == pytest.approx([0.002] * 6)
    group = resumed.optimizers[0].param_groups[0]
    assert (group["weight_decay"], group["betas"]) == (0.3, (0.5, 0.999))


def test_weight_averaging_validates_and_keeps_the_averages(tmp_path: Path) -> None:
    fit = trainer(tmp_path, epochs=2)
    fit.fit(tiny_classifier(ema_decay=0.9, lr=0.01, schedule="constant", warmup=0), datamodule=tiny_data())
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    average, current = checkpoint["state_dict"], checkpoint["current_model_state"]
    name = "network.head.3.weight"
    assert not torch.equal(average[name], current[name])
    loaded = ImageClassifier.load_from_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    assert torch.equal(loaded.state_dict()[name], average[name])
    validated = trainer(tmp_path).validate(loaded, datamodule=tiny_data(), verbose=False)
    assert validated[0]["val/loss"] == pytest.approx(checkpoint["metrics"]["val/loss"])


def test_the_number_of_classes_must_be_that_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"num_classes=7, but synthetic has 10"):
        trainer(tmp_path).fit(ImageClassifier(CNN(num_classes=7)), datamodule=tiny_data())


def test_works_with_any_loaders_too(tmp_path: Path) -> None:
    dataset = torch.utils.data.TensorDataset(*synthetic_digits(range(200)))
    loader = torch.utils.data.DataLoader(dataset, batch_size=50)
    fit = trainer(tmp_path, epochs=2)
    fit.fit(tiny_classifier(), loader, loader)
    assert fit.global_step == 8
    assert 0 <= fit.callback_metrics["val/accuracy"] <= 1


def test_stand_in_and_real_data_do_not_mix(tmp_path: Path) -> None:
    first = trainer(tmp_path)
    data = tiny_data()
    first.fit(tiny_classifier(), datamodule=data)
    path = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)

    checkpoint["provenance"] = {"dataset": "mnist", "stand_in_for": None, "class_names": list("0123456789")}
    torch.save(checkpoint, path)
    absent = MNISTDataModule("mnist", "nowhere", stand_in="synthetic", train_size=600, val_size=100, batch_size=100)
    absent.prepare_data = lambda: None  # type: ignore[method-assign]
    with pytest.raises(UserError, match="trained on mnist, which is absent now"):
        trainer(tmp_path, epochs=2).fit(tiny_classifier(), datamodule=absent, ckpt_path=path)

    checkpoint["provenance"] = {"dataset": "other", "stand_in_for": "synthetic", "class_names": list("0123456789")}
    torch.save(checkpoint, path)
    with pytest.raises(UserError, match="in the place of synthetic, which is there now"):
        trainer(tmp_path, epochs=2).fit(tiny_classifier(), datamodule=data, ckpt_path=path)


def test_labels_out_of_range_are_explained(tmp_path: Path) -> None:
    images, labels = synthetic_digits(range(8))
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels + 5), batch_size=8)
    with pytest.raises(UserError, match="labels must be from 0 to num_classes - 1 = 9"):
        trainer(tmp_path, limit_val_batches=0).fit(tiny_classifier(), batches)


@pytest.mark.parametrize("shape", [(28, 28), (3, 28, 28), (2, 3, 28, 28)])
def test_images_of_another_shape_are_refused_with_the_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"B, 1, H, W"):
        tiny_classifier().predict_proba(torch.zeros(shape))


def test_arrays_are_images_too() -> None:
    classifier, (images, _) = tiny_classifier(), synthetic_digits(range(3))
    assert torch.equal(classifier.predict_proba(images.numpy()), classifier.predict_proba(images))


class TrainingLosses(Callback):
    """Notes the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.means: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        self.losses.append(float(pl_module.last_loss))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.means.append(float(pl_module.train_loss.compute()))


def test_training_curves_are_of_each_epoch_by_itself(tmp_path: Path) -> None:
    watch = TrainingLosses()
    trainer(tmp_path, epochs=3, callbacks=[watch]).fit(tiny_classifier(), datamodule=tiny_data())
    for epoch, mean in enumerate(watch.means):  # 6 steps an epoch
        assert mean == pytest.approx(np.mean(watch.losses[6 * epoch : 6 * epoch + 6]), rel=1e-5)


def test_a_schedule_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    class Mine(ImageClassifier):
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.5)
            schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    rates = LearningRates()
    trainer(tmp_path, callbacks=[rates]).fit(Mine(CNN(channels=(4, 8, 8))), datamodule=tiny_data())
    assert rates.rates[:3] == [0.5, 0.25, 0.125]
