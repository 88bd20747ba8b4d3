from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.generated import SyntheticDigits
from mnist_cnn.data.published import PublishedDataset
from mnist_cnn.errors import DatasetAbsentError, UserError
from tests.support.datasets import write_dataset


def test_training_and_validation_images_do_not_overlap() -> None:
    data = MNISTDataModule("synthetic", train_size=400, val_size=100)
    data.prepare_data()
    data.setup("fit")
    batches = data.train_dataloader(), data.val_dataloader()
    train, val = ({image.tobytes() for image in part.images[:].numpy()} for part in batches)
    assert (len(train), len(val)) == (400, 100)
    assert not train & val


def test_runs_with_different_seeds_are_validated_on_the_same_images() -> None:
    loaders = []
    for seed in (1, 2):
        data = MNISTDataModule("synthetic", train_size=400, val_size=100, seed=seed)
        data.setup("fit")
        loaders.append((torch.cat([x for x, _ in data.val_dataloader()]), next(iter(data.train_dataloader()))[0]))
    assert torch.equal(loaders[0][0], loaders[1][0])
    assert not torch.equal(loaders[0][1], loaders[1][1])


def test_validation_images_do_not_depend_on_the_number_of_training_images(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    whole, part = (MNISTDataModule("mnist", str(tmp_path), val_size=50, train_size=size) for size in (None, 100))
    for data in (whole, part):
        data.setup("fit")
    assert torch.equal(whole.val_dataloader().images[:], part.val_dataloader().images[:])
    assert part.sizes() == {"train": 100, "val": 50}
    counts = [torch.bincount(data.train_dataloader().labels, minlength=10) for data in (part, whole)]
    shares = counts[0] / counts[1]
    assert shares.std() < 0.05, "each class has its share"


def test_only_testing_reads_the_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = SyntheticDigits.read

    def recording(self: Any, data_dir: Path, split: Any, limit: int | None = None) -> Any:
        read.append(split)
        return original(self, data_dir, split, limit)

    monkeypatch.setattr(SyntheticDigits, "read", recording)
    data = MNISTDataModule("synthetic", train_size=100, val_size=100)
    for stage in ("fit", "validate"):
        data.setup(stage)
    assert read == ["train"]
    data.setup("test")
    assert read == ["train", "test"]


def test_data_folder_is_argument_then_variable_then_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MNISTDataModule().data_dir == Path("data")
    monkeypatch.setenv("MNIST_CNN_DATA", "/variable")
    assert MNISTDataModule().data_dir == Path("/variable")
    assert MNISTDataModule(data_dir="/argument").data_dir == Path("/argument")


def test_a_stand_in_is_used_loudly_where_the_data_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PublishedDataset, "obtain", _no_network)
    data = MNISTDataModule("mnist", stand_in="synthetic", train_size=100, val_size=50)
    data.prepare_data()
    data.setup("fit")
    assert "STAND-IN DATA: this run uses synthetic digits, not MNIST" in capsys.readouterr().err
    assert (data.dataset_in_use, data.stand_in_for) == ("synthetic", "mnist")
    assert len(data.train_dataloader().images) == 100


def test_without_a_stand_in_absent_data_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublishedDataset, "obtain", _no_network)
    with pytest.raises(DatasetAbsentError):
        MNISTDataModule("mnist").prepare_data()


def test_a_stand_in_is_not_used_where_the_data_are_there(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    data = MNISTDataModule("mnist", str(tmp_path), stand_in="synthetic", val_size=50)
    data.setup("fit")
    assert (data.dataset_in_use, data.stand_in_for) == ("mnist", None)
    assert data.stand_in_notice() is None
    assert len(data.train_dataloader().images) == 250


def test_pixel_statistics_are_those_of_the_training_images() -> None:
    data = MNISTDataModule("synthetic", train_size=500, val_size=100)
    data.setup("fit")
    grey = data.train_dataloader().images[:].double() / 255
    (mean,), (std,) = data.pixel_statistics()
    assert (mean, std) == pytest.approx((grey.mean().item(), grey.std(correction=0).item()), rel=1e-9)


def test_sizes_that_cannot_be_met_are_explained(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    with pytest.raises(UserError, match=r"val_size=300 take at least 301 images, but mnist has 300"):
        MNISTDataModule("mnist", str(tmp_path), val_size=300).setup("fit")
    with pytest.raises(UserError, match="batch_size=0"):
        MNISTDataModule(batch_size=0)


def _no_network(*args: Any) -> None:
    raise DatasetAbsentError("no network")
