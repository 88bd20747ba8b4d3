from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from mnist_cnn.data import registry
from mnist_cnn.data.registry import dataset_names, find_dataset, register
from mnist_cnn.errors import UserError
from tests.support.commands import Cli
from tests.support.datasets import ColouredBars
from tests.support.pictures import seven


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a data set that this test alone knows, offered by an installed package."""
    entry = EntryPoint("bars", "tests.support.datasets:ColouredBars", registry.GROUP)
    registry.offered.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])
    yield "bars"
    registry.offered.cache_clear()


def test_a_data_set_is_registered_under_a_name_of_its_own() -> None:
    with pytest.raises(UserError, match="'mnist' is there already"):
        register("mnist", ColouredBars())
    with pytest.raises(UserError, match=r"'minst' is not known, .*choose one of mnist, fashion_mnist"):
        find_dataset("minst")


def test_a_data_set_of_another_package_is_known_by_its_name(cli: Cli, bars: str) -> None:
    assert bars in dataset_names()
    assert isinstance(find_dataset(bars), ColouredBars)
    status, out, _ = cli("datasets")
    assert status == 0
    assert "3: red, green, blue; images of 3x12x10" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("CNN", ["--model.network.channels", "[4,8]"]),
        ("MLP", []),
        ("GlobalPoolCNN", []),
        ("MiniVGG", []),
        ("ResNet", []),
    ],
)
def test_images_in_colour_and_of_another_size_go_all_the_way(
    cli: Cli, bars: str, network: str, settings: list[str], tmp_path: Path
) -> None:
    import mnist_cnn

    data = ["--data.dataset", bars, "--data.val_size", "80", "--batch-size", "40", "--data.shift", "0.1"]
    quiet = ["--device", "cpu", "--trainer.enable_progress_bar", "false"]
    run = ["--network", network, *settings, "--num-classes", "3", "--epochs", "4", "--lr", "0.01", *quiet]
    status, out, err = cli("fit", *data, *run)
    assert status == 0, err
    assert "coloured bars: 320 training and 80 validation images" in out
    status, out, err = cli("test", *quiet)
    assert status == 0, err
    accuracy = float(next(line.split()[1] for line in out.splitlines() if line.startswith("test/accuracy")))
    assert accuracy > 0.9
    classifier = mnist_cnn.load("best")
    assert classifier.image_shape == (3, 12, 10)
    assert classifier.class_names == ["red", "green", "blue"]
    images, labels = ColouredBars().read(tmp_path, "test")
    answers: Any = classifier.predict_proba(images.numpy()).argmax(axis=1)
    assert float((answers == labels.numpy()).mean()) == pytest.approx(accuracy, abs=1e-4)
    for command in (["figures"], ["export"]):
        status, out, err = cli(*command)
        assert status == 0, err
    seven().save("photo.png")
    for network_file in ("best", "model.onnx"):
        status, out, _ = cli("predict", "photo.png", "--ckpt_path", network_file)
        assert status == 0
        assert out.splitlines()[1].split()[1] in classifier.class_names
    exported = mnist_cnn.load("model.onnx")
    assert exported.image_shape == (3, 12, 10)
    assert (exported.predict_proba(images.numpy()).argmax(axis=1) == answers).all()
