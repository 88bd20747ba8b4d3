"""Figures: `mnist-cnn figures`, and the pictures in TensorBoard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from mnist_cnn import figures, introspection
from mnist_cnn.networks import CNN, MLP, GlobalPoolCNN, MiniVGG, TwoLayerCNN
from mnist_cnn.report import read_curves
from tests.checkpoints import write_checkpoint
from tests.conftest import TINY_RUN
from tests.data.idx import write_dataset
from tests.test_images import seven

Cli = Callable[..., tuple[int, str, str]]
OF_RESULTS = {"confusion_matrix", "examples", "mistakes", "saliency", "reliability"}


def texts_of(figure: Any) -> str:
    """All that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


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


def test_own_pictures_and_svg(cli: Cli, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x.ckpt", dataset="synthetic")
    seven().save("photo.jpg")
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt", "--images", "photo.jpg", "--format", "svg")
    assert status == 0
    assert "learning curves left out" in err
    assert (Path("figures") / "feature_maps_photo.svg").read_text().startswith("<?xml")
    assert not list(Path("figures").glob("feature_maps_0*"))


def test_without_the_data_what_needs_none_is_drawn_and_the_rest_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_cnn import report
    from mnist_cnn.errors import DatasetAbsentError

    def nothing(*args: Any) -> None:
        raise DatasetAbsentError("MNIST is not there")

    monkeypatch.setattr(report, "obtain", nothing)
    write_checkpoint(tmp_path / "x.ckpt")
    status, _, err = cli("figures", "--ckpt_path", "x.ckpt")
    assert status == 0
    assert "figures of test images left out: MNIST is not there" in err
    assert {path.stem for path in Path("figures").iterdir()} == {"kernels"}


def test_clothes_are_named_on_the_figures(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mnist_cnn import report

    monkeypatch.setattr(report, "obtain", lambda *args: None)  # the files are made for this test
    write_dataset(tmp_path / "data", "fashion_mnist")
    names = ["T-shirt/top", *"bcdefghij"]
    write_checkpoint(tmp_path / "x.ckpt", dataset="fashion_mnist", class_names=names)
    assert cli("figures", "--ckpt_path", "x.ckpt", "--format", "svg")[0] == 0
    assert (Path("figures") / "feature_maps_T-shirt-top.svg").exists()


def test_confusion_matrix_shows_counts_and_names() -> None:
    figure = figures.confusion_matrix([[5, 2], [0, 7]], ["cat", "dog"], "pets")
    written = texts_of(figure).splitlines()
    assert {"5", "2", "7", "cat", "dog", "predicted class", "true class", "pets"} <= set(written)
    assert "0" not in [text.get_text() for text in figure.axes[0].texts]
    (image,) = figure.axes[0].images
    assert np.asarray(image.get_array())[0] == pytest.approx([0, 100 * 2 / 7])  # the diagonal is left pale


def test_examples_name_truth_and_prediction_and_colour_mistakes() -> None:
    figure = figures.example_sheet(np.zeros((3, 28, 28)), ["1", "2", "3"], ["1", "7", "3"], "sheet")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["[T] 1   [P] 1", "[T] 2   [P] 7", "[T] 3   [P] 3"]
    colours = [axes.title.get_color() for axes in figure.axes]
    assert colours[1] == figures.ORANGE
    assert colours[0] == colours[2] == "black"


def test_reliability_shows_the_share_of_right_answers_in_each_range() -> None:
    sure = np.array([0.55, 0.55, 0.95, 0.95, 0.95, 0.95])
    figure = figures.reliability_diagram(sure, [True, False, True, True, True, False], "answers")
    line = next(line for line in figure.axes[0].lines if line.get_label() == "this network")
    assert np.asarray(line.get_data()) == pytest.approx(np.array([[0.55, 0.95], [0.5, 0.75]]))
    expected = 100 * (2 * abs(0.5 - 0.55) + 4 * abs(0.75 - 0.95)) / 6
    assert f"calibration error {expected:.2f} %" in figure.axes[0].get_title()


def test_curves_are_read_with_epochs_counted_from_one(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0
    curves = read_curves(Path("lightning_logs/version_0/metrics.csv"))
    assert set(curves) == {"train/loss", "train/accuracy", "val/loss", "val/accuracy"}
    assert curves["val/loss"][0] == [1, 2]
    assert read_curves(Path("absent.csv")) == {}


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (CNN(channels=(4, 8, 16)), [(4, 14, 14), (8, 7, 7), (16, 3, 3)]),
        (CNN(channels=(4, 8), inplace=True, batch_norm=True), [(4, 14, 14), (8, 7, 7)]),
        (TwoLayerCNN(8), [(8, 26, 26), (8, 12, 12)]),
        (GlobalPoolCNN((4, 8)), [(4, 26, 26), (8, 24, 24)]),
        (MiniVGG((4, 8)), [(4, 28, 28), (4, 14, 14), (8, 14, 14), (8, 7, 7)]),
        (nn.Sequential(nn.Conv2d(1, 3, 5), nn.Flatten(), nn.Linear(3 * 24 * 24, 2)), [(3, 24, 24)]),
        (MLP(), []),
    ],
)
def test_feature_maps_of_any_network(network: nn.Module, shapes: list[tuple[int, ...]]) -> None:
    maps = introspection.feature_maps(network.eval(), torch.randn(2, 1, 28, 28))
    assert [tuple(output.shape[1:]) for _, output in maps] == shapes
    assert all(not module._forward_hooks for module in network.modules())


def test_feature_maps_are_the_blocks_outputs() -> None:
    network, images = CNN(channels=(4, 8), inplace=True).eval(), torch.randn(2, 1, 28, 28)
    maps = introspection.feature_maps(network, images)
    torch.testing.assert_close(maps[0][1], network.blocks[0](images))
    torch.testing.assert_close(maps[1][1], network.blocks(images))


def test_kernels_are_the_first_layers_weights() -> None:
    network = CNN(channels=(5, 6))
    assert torch.equal(introspection.first_kernels(network)[1], network.blocks[0][0].weight[:, 0])  # type: ignore[index]
    dense = MLP((100,))
    title, templates = introspection.first_kernels(dense)
    assert templates.shape == (64, 28, 28)
    assert "64 of the 100" in title


def test_saliency_of_a_linear_network_is_its_weights() -> None:
    network = MLP([])
    images = torch.randn(3, 1, 28, 28)
    answers = network(images).argmax(1)
    weights = next(iter(network.parameters())).detach()[answers].reshape(3, 28, 28)
    torch.testing.assert_close(introspection.saliency(network, images), weights)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_features_are_what_the_output_layer_sees() -> None:
    network, images = MLP((7,)), torch.randn(3, 1, 28, 28)
    features = introspection.last_features(network.eval(), images)
    weights, biases = list(network.parameters())[-2:]
    torch.testing.assert_close(features @ weights.T + biases, network(images))


def events_of(folder: Path) -> Any:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    return events


def test_tensorboard_shows_the_network_while_it_is_trained(cli: Cli) -> None:
    pictures = ["--pictures.times", "2", "--pictures.largest_share", "1", "--epochs", "4"]
    # The share counts from the start, and a tiny run is short: time stands still for it otherwise.
    from mnist_cnn.callbacks import pictures as module

    module.FIRST_COST_SECONDS, before = 0.0, module.FIRST_COST_SECONDS
    try:
        assert cli("fit", *TINY_RUN, *pictures)[0] == 0
    finally:
        module.FIRST_COST_SECONDS = before
    events = events_of(Path("lightning_logs/version_0"))
    tags = {"network/kernels", "network/feature_maps", "results/confusion", "results/mistakes"}
    assert tags <= set(events.Tags()["images"])
    assert {f"precision_recall/{digit}" for digit in range(10)} <= set(events.Tags()["tensors"])
    assert len(events.Images("network/kernels")) <= 2


def test_pictures_never_take_more_than_their_share_and_can_be_switched_off(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0  # too short for any
    assert cli("fit", *TINY_RUN, "--pictures.enabled", "false", "--pictures.largest_share", "1")[0] == 0
    for run in ("version_0", "version_1"):
        assert "network/kernels" not in events_of(Path("lightning_logs") / run).Tags()["images"]


def test_after_a_test_the_projector_shows_what_the_output_layer_sees(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0
    for _ in range(2):  # a second test replaces the first one's files
        assert cli("test", "--device", "cpu")[0] == 0
    folder = Path("lightning_logs/version_0/projector")
    assert "sprite" in (folder / "projector_config.pbtxt").read_text()
    (features,) = folder.rglob("tensors.tsv")
    rows = features.read_text().splitlines()
    assert len(rows) == 2000
    assert len(rows[0].split("\t")) == 32
    assert len(next(folder.rglob("metadata.tsv")).read_text().splitlines()) == 2000
