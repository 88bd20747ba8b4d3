"""Loaders from elsewhere: what range their pixels have, and labels beside images in prediction."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.training.foreign import ForeignPixels
from tests.training.test_classifier import tiny_classifier, tiny_data, trainer


def loader(images: Tensor, labels: Tensor) -> Any:
    return DataLoader(TensorDataset(images, labels), batch_size=50)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    return synthetic_digits(range(100))


def test_floats_from_0_to_1_are_trained_on_and_tested_as_the_bytes_that_they_were(
    tmp_path: Path, digits: tuple[Tensor, Tensor]
) -> None:
    images, labels = digits
    found = []
    for given in (images, images.float() / 255):
        classifier, batches = tiny_classifier(), loader(given, labels)
        trainer(tmp_path).fit(classifier, batches, batches)
        metrics = trainer(tmp_path).test(classifier, batches, verbose=False)[0]
        predicted = torch.cat(trainer(tmp_path).predict(classifier, batches))  # type: ignore[arg-type]
        found.append((classifier.network.state_dict(), metrics, predicted, classifier.predict_proba(given)))
    torch.testing.assert_close(*found)


def test_it_is_said_once(tmp_path: Path, digits: tuple[Tensor, Tensor]) -> None:
    batches = loader(digits[0] / 255, digits[1])
    with pytest.warns(UserWarning, match="the images are from 0 to 1") as said:
        trainer(tmp_path).fit(tiny_classifier(), batches, batches)
    assert sum("from 0 to 1" in str(warning.message) for warning in said) == 1


@pytest.mark.parametrize("kind", ["fit", "validate", "test", "predict"])
def test_normalised_images_are_refused_in_a_sentence(tmp_path: Path, digits: tuple[Tensor, Tensor], kind: str) -> None:
    batches = loader((digits[0] / 255 - 0.1307) / 0.3081, digits[1])
    with pytest.raises(UserError, match=r"from -0\.4242 to .*leave Normalize"):
        getattr(trainer(tmp_path), kind)(tiny_classifier(), batches)


def test_the_first_batch_that_is_not_black_decides_for_all() -> None:
    pixels, grey = ForeignPixels(), torch.full((2, 1, 28, 28), 200.0)
    for images in (0 * grey, grey, grey / 255):
        assert torch.equal(pixels(images, "train"), images)
    with pytest.warns(UserWarning, match="from 0 to 1"):
        assert torch.equal(pixels(grey / 255, "validate"), grey / 255 * 255)


def test_the_range_is_told_also_by_a_trainer_that_had_the_datas_own_loaders_before(
    tmp_path: Path, digits: tuple[Tensor, Tensor]
) -> None:
    classifier, lightning = tiny_classifier(), trainer(tmp_path)
    lightning.fit(classifier, datamodule=tiny_data(rotation=10))
    expected, found = (
        lightning.test(classifier, loader(images, digits[1]), verbose=False)[0]
        for images in (digits[0], digits[0].float() / 255)
    )
    assert found == pytest.approx(expected)


def test_the_datas_own_floats_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.training.foreign.pixel_factor", None)
    trainer(tmp_path).fit(tiny_classifier(), datamodule=tiny_data(rotation=10))


class Batches(Callback):
    """Notes the first pixels of each training batch."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.seen.append(batch[0].flatten(1).float().sum(1))


def seen_in(tmp_path: Path, **settings: Any) -> list[Tensor]:
    batches = Batches()
    trainer(tmp_path, epochs=2, callbacks=[batches], **settings).fit(tiny_classifier(), datamodule=tiny_data())
    return batches.seen


def test_overfitting_sees_the_same_batches_in_every_epoch(tmp_path: Path) -> None:
    one, two, again, other = seen_in(tmp_path, overfit_batches=2, limit_val_batches=1)
    assert torch.equal(one, again)
    assert torch.equal(two, other)
    assert not torch.equal(one, two)


def test_reloaded_loaders_go_on_as_those_before_would(tmp_path: Path) -> None:
    expected, found = seen_in(tmp_path), seen_in(tmp_path, reload_dataloaders_every_n_epochs=1)
    assert all(torch.equal(*pair) for pair in zip(expected, found, strict=True))


def test_the_test_images_are_predicted_with_the_data_module(tmp_path: Path) -> None:
    classifier, data = tiny_classifier(), tiny_data()
    predicted: Any = trainer(tmp_path, limit_predict_batches=1).predict(classifier, datamodule=data)
    images = data.source.read(data.data_dir, "test")[0]
    first = predicted[0]
    torch.testing.assert_close(first, classifier.predict_proba(images[: len(first)]))
