"""Files from anywhere: an answer as from the undamaged file, or one line that says why there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mnist_cnn
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.inference.export import export_onnx
from mnist_cnn.inference.found import find_pictures
from mnist_cnn.inference.given import answered, open_all
from mnist_cnn.networks import (
    CNN,
    MLP,
    VGG16,
    GlobalPoolCNN,
    MediumCNN,
    MiniVGG,
    Network,
    ResNet,
    SmallCNN,
    TwoLayerCNN,
)
from mnist_cnn.runs.checkpoint import Checkpoint
from tests.support.checkpoints import contents_of, write_checkpoint
from tests.support.hostile import checkpoints, onnx_files, own_data

PICTURE = np.zeros((28, 28), np.uint8)
PICTURE[6:22, 12:16] = 255


def answer(path: Path) -> tuple[tuple[str, float], ...]:
    """What the network in a file says of a picture of a one."""
    return mnist_cnn.load(path).predict(PICTURE)[0].top


def test_a_checkpoint_from_anywhere_gives_the_right_answer_or_one_line(tmp_path: Path) -> None:
    expected = answer(checkpoints.UNDAMAGED)
    refusals: list[str] = []
    for path in checkpoints.cases(40, 1, tmp_path):
        try:
            assert answer(path) == expected, path
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) > 25
    assert all(line.count("\n") == 0 and str(tmp_path) in line for line in refusals)
    assert not (tmp_path / checkpoints.CODE_RAN).exists()


def test_an_onnx_file_from_anywhere_gives_the_right_answer_or_one_line(tmp_path: Path) -> None:
    expected = answer(onnx_files.UNDAMAGED)
    assert answer(onnx_files.WITHOUT_CHECKSUM) == expected, "files of earlier versions are read"
    refusals: list[str] = []
    for path in onnx_files.cases(28, 1, tmp_path):
        try:
            assert answer(path) == expected, path
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert all(line.count("\n") == 0 and str(tmp_path) in line for line in refusals)


def test_no_flipped_bit_of_an_exported_network_goes_unnoticed(tmp_path: Path) -> None:
    original = onnx_files.UNDAMAGED.read_bytes()
    for place in range(0, len(original), 211):
        damaged = bytearray(original)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "model.onnx").write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.onnx"):
            mnist_cnn.load(tmp_path / "model.onnx")


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, Any]:
    """A checkpoint's contents, to be altered."""
    return contents_of(write_checkpoint(tmp_path / "good.ckpt"))


def problem(contents: dict[str, Any]) -> str:
    """What is said of a checkpoint with such contents."""
    torch.save(contents, "altered.ckpt")
    with pytest.raises(UserError) as caught:
        Checkpoint.read(Path("altered.ckpt"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("num_classes", 300_000_000, "network.head.3.weight has the sizes (10, 32), and (300000000, 32) are needed"),
        ("kernel_size", 10_001, "network.blocks.0.0.weight has the sizes"),
        ("channels", [8] * 2000, "hyper_parameters is not the settings of a model"),
        ("dropout", "much", "do not fit CNN"),
        ("nonsense", 1, "do not fit CNN"),
    ],
)
def test_a_network_is_never_built_larger_than_its_weights(
    contents: dict[str, Any], setting: str, value: Any, expected: str
) -> None:
    contents["hyper_parameters"]["network"]["init_args"][setting] = value
    assert expected in problem(contents)


def test_weights_that_are_no_numbers_are_refused(contents: dict[str, Any]) -> None:
    contents["state_dict"]["network.head.3.bias"][3] = float("nan")
    assert "weights that are no finite numbers (network.head.3.bias)" in problem(contents)
    contents["state_dict"]["network.head.3.bias"][3] = 0
    contents["state_dict"]["std"] = torch.tensor(0.0)
    assert "std is not above 0" in problem(contents)


def test_a_larger_file_is_read_where_the_user_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "large.ckpt", MLP((400,)))
    monkeypatch.setenv("MNIST_CNN_LARGEST_CHECKPOINT", "1")
    with pytest.raises(UserError, match=r"has 2 MB, and no more than 1 .* MNIST_CNN_LARGEST_CHECKPOINT=2"):
        Checkpoint.read(path)
    monkeypatch.setenv("MNIST_CNN_LARGEST_CHECKPOINT", "2")
    assert Checkpoint.read(path).network["class_path"] == "mnist_cnn.networks.MLP"
    monkeypatch.setenv("MNIST_CNN_LARGEST_CHECKPOINT", "much")
    with pytest.raises(UserError, match="MNIST_CNN_LARGEST_CHECKPOINT=much: a whole number of megabytes"):
        Checkpoint.read(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        CNN((4, 8), batch_norm=True, border=2),
        MLP((8,)),
        TwoLayerCNN(4),
        SmallCNN((4,)),
        MediumCNN((2, 3, 4)),
        GlobalPoolCNN((4, 4), padding=1, batch_norm=True, max_pool=True),
        MiniVGG((4,), 8, batch_norm=True),
        ResNet((4, 8), depth=[0, 1]),
        VGG16("none", image_size=32, hidden_units=8),
    ],
)
def test_every_network_passes_what_is_asked_of_an_exported_file(tmp_path: Path, network: Network) -> None:
    path = write_checkpoint(tmp_path / "network.ckpt", network)
    assert export_onnx(CheckpointClassifier(path), tmp_path / "network.onnx") < 1e-5
    expected = [label for label, _ in answer(path)]
    assert [label for label, _ in answer(tmp_path / "network.onnx")] == expected


def test_a_larger_onnx_file_is_read_where_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.inference.onnx_file.LARGEST_MEGABYTES", 0)
    with pytest.raises(UserError, match=r"no more than 0 are read .* MNIST_CNN_LARGEST_CHECKPOINT=1"):
        mnist_cnn.load(onnx_files.UNDAMAGED)
    monkeypatch.setenv("MNIST_CNN_LARGEST_CHECKPOINT", "1")
    assert mnist_cnn.load(onnx_files.UNDAMAGED).class_names


def test_files_of_many_images_from_anywhere_are_answered_or_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = mnist_cnn.load("reference")
    read, refusals = 0, []
    for path in own_data.cases(39, 1, tmp_path):
        paths, failures = find_pictures([str(path)])
        given, more = open_all(paths, network, Reading())
        for item, prediction in answered(network, given, 1):
            read += not prediction.is_error
            failures += [prediction.problem] if prediction.is_error else []
            assert item.name or prediction.is_error
        refusals += [*failures, *more, *(line for each in given for line in each.failures)]
    assert read > 12
    assert len(refusals) > 20
    for line in refusals:
        assert line.isprintable(), line
        assert len(line) < 800, line
    assert not (tmp_path / own_data.RAN).exists()
    assert not capfd.readouterr().err
