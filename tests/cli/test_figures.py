"""`mnist-cnn figures`."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.data.published import PublishedDataset
from mnist_cnn.errors import DatasetAbsentError
from mnist_cnn.networks import GlobalPoolCNN, ResNet
from tests.support.checkpoints import write_checkpoint
from tests.support.commands import TINY_RUN, Cli
from tests.support.datasets import write_dataset
from tests.support.networks import Convolutional, Odd
from tests.support.pictures import seven


def absent(*args: Any) -> None:
    """Look for a data set in vain."""
    raise DatasetAbsentError("MNIST is not there")


OF_RESULTS = {"confusion_matrix", "examples", "mistakes", "saliency", "reliability"}


def test_every_figure_is_written_from_a_checkpoint_and_its_run(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0
    status, out, err = cli("figures", "--output", "drawn")
    assert status == 0, err
    names = {path.stem for path in Path("drawn").glob("*.png")}
    digits = {f"feature_maps_{digit}" for digit in (0, 1, 2)}
    assert names == OF_RESULTS | digits | {"learning_curves", "kernels"}
    for path in Path("drawn").glob("*.png"):
        assert np.asarray(Image.open(path).convert("L")).std() > 5, f"{path} is empty"
        assert str(path) in out


@pytest.mark.slow
def test_own_pictures_and_svg(cli: Cli, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x.ckpt", dataset="synthetic")
    seven().save("photo.jpg")
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt", "--images", "photo.jpg", "--format", "svg")
    assert status == 0
    assert "learning curves left out" in err
    assert (Path("figures") / "feature_maps_photo.svg").read_text().startswith("<?xml")
    assert (Path("figures") / "saliency_photo.svg").exists()
    assert not list(Path("figures").glob("feature_maps_0*"))


def test_pictures_of_one_name_are_kept_apart_and_what_cannot_be_read_stops_no_other(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PublishedDataset, "obtain", absent)
    write_checkpoint(tmp_path / "x.ckpt")
    Path("other").mkdir()
    seven().save("photo.png")
    seven(120).save("other/photo.png")
    Path("bad.png").write_bytes(b"no picture")
    Image.new("L", (80, 80), 255).save("empty.png")
    long = f"{'a' * 240}.png"
    seven().save(long)
    pictures = ["photo.png", "bad.png", "empty.png", "other/photo.png", long]
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt", "--images", *pictures)
    assert status == 1
    assert "bad.png" in err
    assert "empty.png: no ink" in err
    assert {path.stem for path in Path("figures").iterdir()} == {
        "kernels",
        *(f"{kind}_{name}" for kind in ("feature_maps", "saliency") for name in ("photo", "photo-2", "a" * 80)),
    }


def test_without_the_data_what_needs_none_is_drawn_and_the_rest_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PublishedDataset, "obtain", absent)
    write_checkpoint(tmp_path / "x.ckpt")
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt")
    assert status == 0
    assert "figures of test images left out: MNIST is not there" in err
    assert {path.stem for path in Path("figures").iterdir()} == {"kernels"}


@pytest.mark.slow
def test_clothes_are_named_on_the_figures(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublishedDataset, "obtain", lambda *args: None)  # the files are made for this test
    write_dataset(tmp_path / "data", "fashion_mnist")
    names = ["T-shirt/top", *"bcdefghij"]
    write_checkpoint(tmp_path / "x.ckpt", dataset="fashion_mnist", class_names=names)
    assert cli("figures", "--ckpt_path", "x.ckpt", "--format", "svg")[0] == 0
    assert (Path("figures") / "feature_maps_T-shirt-top.svg").exists()


@pytest.mark.slow
@pytest.mark.parametrize("network", [Convolutional(), GlobalPoolCNN((4, 8)), ResNet((4, 8)), Odd()])
def test_a_network_of_any_kind_is_drawn_as_far_as_it_can_be(cli: Cli, tmp_path: Path, network: Any) -> None:
    write_checkpoint(tmp_path / "x.ckpt", network, dataset="synthetic")
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt")
    assert status == 0, err
    names = {path.stem for path in Path("figures").iterdir()}
    assert names >= OF_RESULTS
    assert ("kernels" in names) == (not isinstance(network, Odd))
    assert ("kernels left out: the network has none" in err) == isinstance(network, Odd)


def test_figures_of_own_data_are_drawn_from_their_path_and_after_a_move_from_the_new_one(cli: Cli) -> None:
    random = np.random.default_rng(0)
    for label in ("猫", "dog"):
        Path("pets", label).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path("pets", label, f"{number}.png"))
    flags = ("--data.image_size", "[10, 16]", "--epochs", "1", "--trainer.enable_progress_bar", "false")
    assert cli("fit", "--data.dataset", "pets", *flags)[0] == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of letters that no font has
        assert cli("figures", "--output", "first")[0] == 0
    drawn = {path.name for path in Path("first").iterdir()}
    assert {"confusion_matrix.png", "mistakes.png", "saliency.png", "feature_maps_猫.png"} <= drawn
    Path("pets").rename("moved")
    status, _, err = cli("figures", "--output", "second")
    assert status == 0
    assert "figures of test images left out: data set 'pets' is not known" in err
    assert cli("figures", "--output", "third", "--data.dataset", "moved")[0] == 0
    assert {path.name for path in Path("third").iterdir()} == drawn
