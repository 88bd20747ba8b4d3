"""The shipped network on pictures of digits, and the shipped run itself."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mnist_cnn
from mnist_cnn.data.photographs import PICTURES, write_pictures
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.inference.pictures import to_network_input
from mnist_cnn.runs.results import TestRecord
from tests.support.checkpoints import contents_of
from tests.support.commands import ROOT, Cli
from tests.support.pictures import seven

REFERENCE = ROOT / "lightning_logs" / "reference"
CHECKPOINT = REFERENCE / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    """Synthetic digits (N, 28, 28) laid out as MNIST's are, with their labels: those that are clear to the network."""
    images, labels = synthetic_digits(range(160))
    large = [Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC) for image in images[:, 0].numpy()]
    laid_out = np.stack([to_network_input(picture) for picture in large])
    probabilities = mnist_cnn.load(CHECKPOINT).predict_proba(laid_out[:, None])
    is_clear = probabilities[np.arange(len(labels)), labels] > 0.9
    assert is_clear.mean() > 0.85, "the network was trained on MNIST, and synthetic digits are much like it"
    return laid_out[is_clear], labels.numpy()[is_clear]


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PICTURES))
def test_pictures_of_every_kind_are_answered_in_97_of_100_cases(
    kind: str, digits: tuple[Any, Any], tmp_path: Path
) -> None:
    images, labels = digits
    answers = mnist_cnn.load(CHECKPOINT).predict(write_pictures(images, kind, tmp_path))
    accuracy = float(np.mean([answer.index for answer in answers] == labels))
    assert accuracy == 1.0 if kind in ("as it is", "inverted") else accuracy >= 0.97


def test_the_shipped_network_answers_where_there_are_no_runs(cli: Cli) -> None:
    seven().save("photo.jpg")
    status, out, err = cli("predict", "photo.jpg")
    assert status == 0
    assert out.splitlines()[1].split()[:2] == ["photo.jpg", "7"]
    assert "reference" in err


def test_the_newest_run_answers_where_there_are_runs(cli: Cli) -> None:
    shutil.copytree(REFERENCE, "lightning_logs/version_0")
    seven().save("photo.jpg")
    assert "version_0" in cli("predict", "photo.jpg")[2]


def test_the_shipped_run_is_of_the_base_config_on_mnist_small_and_tells_of_no_machine() -> None:
    config = yaml.safe_load((REFERENCE / "config.yaml").read_text())
    base = yaml.safe_load((ROOT / "configs" / "base.yaml").read_text())
    for part in ("trainer", "data"):
        assert {name: config[part][name] for name in base[part]} == base[part]
    assert {name: config["model"][name] for name in base["model"] if name != "network"} == {
        name: value for name, value in base["model"].items() if name != "network"
    }
    assert CHECKPOINT.stat().st_size < 2_000_000
    assert contents_of(CHECKPOINT)["provenance"]["dataset"] == "mnist"
    result = json.loads((REFERENCE / "test.json").read_text())
    assert result["metrics"]["test/accuracy"] > 0.995
    assert (REFERENCE / "metrics.csv").exists()
    assert list(REFERENCE.glob("events.out.tfevents.*"))
    assert sum(file.stat().st_size for file in REFERENCE.rglob("*")) < 2_500_000
    for file in REFERENCE.rglob("*"):
        if file.is_file():
            assert b"/tmp" not in file.read_bytes(), file
            assert b"/home" not in file.read_bytes(), file


def test_tensorboard_shows_something_complete_in_a_fresh_clone() -> None:
    events = EventAccumulator(str(REFERENCE), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    assert len(events.Scalars("val/loss")) == 16
    assert set(tags["images"]) == {
        *("val_pictures/confusion", "val_pictures/feature_maps", "val_pictures/mistakes", "weights/kernels"),
    }
    assert {f"precision_recall/{digit}" for digit in range(10)} <= set(tags["tensors"])
    assert {"block1", "block2", "block3", "head"} <= {node.name.split("/")[0] for node in events.Graph().node}
    # It is of the network that comes along.
    with (REFERENCE / "metrics.csv").open(newline="") as file:
        losses = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
    assert [point.value for point in events.Scalars("val/loss")] == pytest.approx(losses)
    assert events.Images("weights/kernels")[0].step == contents_of(CHECKPOINT)["global_step"]
    folder = REFERENCE / "projector"
    for name in ("metadata", "tensors"):
        (file_of,) = folder.rglob(f"{name}.tsv")
        assert len(file_of.read_text().splitlines()) == 2000
    assert (
        next(folder.rglob("sprite.png")).relative_to(folder).as_posix()
        in (folder / "projector_config.pbtxt").read_text()
    )


def test_the_test_result_that_comes_along_is_of_the_network_that_comes_along() -> None:
    record = TestRecord.read(REFERENCE)
    assert record is not None
    assert not record.is_stale
