from pathlib import Path

import numpy as np
import pytest
import torch

import mnist_cnn
from mnist_cnn.data import reformed
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.own.forming import formed_array
from mnist_cnn.data.own.source import Form
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from tests.support.commands import Cli
from tests.support.datasets import ColouredBars, whole, write_dataset
from tests.support.pictures import seven


@pytest.mark.parametrize("size", [14, (20, 9), (40, 28), 28, None])
@pytest.mark.parametrize("channels", [1, 3, None])
def test_images_are_brought_into_a_form_as_own_ones_are(
    size: int | tuple[int, int] | None, channels: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reformed, "BLOCK_IMAGES", 7)
    write_dataset(tmp_path, train=20, test=20)
    dataset = find_dataset("mnist", Reading(image_size=size, channels=channels))
    images, labels = whole(dataset, tmp_path, "test")
    before, of_before = whole(find_dataset("mnist"), tmp_path, "test")
    height, width = (size, size) if isinstance(size, int) else size or (28, 28)
    assert dataset.image_shape == images.shape[1:] == (channels or 1, height, width)
    assert torch.equal(labels, of_before)
    expected = [formed_array(np.asarray(image[0]), Form(*dataset.image_shape)) for image in before]
    assert np.array_equal(images.numpy(), np.stack(expected))


def test_a_data_set_that_has_the_form_already_is_itself() -> None:
    for reading in (Reading(), Reading(image_size=28, channels=1, layout="digit"), Reading(test_size=7)):
        assert find_dataset("mnist", reading) is find_dataset("mnist")


def test_colour_becomes_grey_and_all_else_stays(tmp_path: Path) -> None:
    bars = ColouredBars()
    grey = reformed.reformed(bars, Reading(channels=1, layout="picture"))
    assert grey.image_shape == (1, 12, 10)
    assert grey.layout == "picture"
    assert (grey.title, grey.class_names, grey.sizes) == (bars.title, bars.class_names, bars.sizes)
    images, _ = whole(grey, tmp_path, "test", 5)
    colour = whole(bars, tmp_path, "test", 5)[0].double()
    luminance = (colour * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1)
    assert (images[:, 0] - luminance).abs().max() < 1


def test_each_pixel_counts_when_images_become_smaller(tmp_path: Path) -> None:
    write_dataset(tmp_path, train=1, test=50)
    small, _ = whole(find_dataset("mnist", Reading(image_size=7)), tmp_path, "test")
    large, _ = whole(find_dataset("mnist"), tmp_path, "test")
    means = large.double().mean(dim=(1, 2, 3))
    assert torch.allclose(small.double().mean(dim=(1, 2, 3)), means, atol=0.05 * float(means.max()))


def test_another_layout_alone_changes_no_pixel_and_no_fingerprint() -> None:
    found = []
    for layout in (None, "picture"):
        module = MNISTDataModule("synthetic", train_size=50, val_size=10, layout=layout)
        module.setup("fit")
        found.append((module.fingerprints, module.source.layout, module.train_dataloader().images[:]))
    assert found[0][0] == found[1][0]
    assert [layout for _, layout, _ in found] == ["digit", "picture"]
    assert torch.equal(found[0][2], found[1][2])


@pytest.mark.slow
def test_a_data_set_by_name_goes_all_the_way_in_another_size_and_in_colour(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "digits", "emnist_digits")  # whose files have no published checksums
    monkeypatch.setenv("MNIST_CNN_DATA", str(tmp_path / "digits"))
    quiet = ["--device", "cpu", "--trainer.enable_progress_bar", "false"]
    data = ["--data.dataset", "emnist_digits", "--data.image_size", "14", "--data.channels", "3"]
    status, out, err = cli("fit", *data, "--data.val_size", "60", "--epochs", "1", "--batch-size", "80", *quiet)
    assert status == 0, err
    assert "240 training and 60 validation images" in out
    status, out, err = cli("fit", "--ckpt_path", "last", "--epochs", "2", *quiet)
    assert status == 0, err
    status, out, err = cli("test", *quiet)
    assert status == 0, err
    seven().save("seven.png")
    status, out, err = cli("figures")
    assert status == 0, err
    assert mnist_cnn.load("best").image_shape == (3, 14, 14)
    status, out, err = cli("predict", "seven.png")
    assert status == 0, err
    assert out.splitlines()[1].split()[1] in set("0123456789")
