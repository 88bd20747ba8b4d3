"""The pictures in TensorBoard."""

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.support.commands import TINY_RUN, Cli


def events_of(folder: Path) -> Any:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    return events


def test_tensorboard_shows_the_network_while_it_is_trained(cli: Cli) -> None:
    pictures = ["--pictures.times", "2", "--pictures.largest_share", "1", "--epochs", "4"]
    # The share counts from the start, and a tiny run is short: time stands still for it otherwise.
    from mnist_cnn.training import tensorboard as module

    module.FIRST_COST_SECONDS, before = 0.0, module.FIRST_COST_SECONDS
    try:
        assert cli("fit", *TINY_RUN, *pictures)[0] == 0
    finally:
        module.FIRST_COST_SECONDS = before
    events = events_of(Path("lightning_logs/version_0"))
    tags = {"weights/kernels", "val_pictures/feature_maps", "val_pictures/confusion", "val_pictures/mistakes"}
    assert tags <= set(events.Tags()["images"])
    assert {f"precision_recall/{digit}" for digit in range(10)} <= set(events.Tags()["tensors"])
    assert len(events.Images("weights/kernels")) <= 2


def test_pictures_never_take_more_than_their_share_and_can_be_switched_off(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0  # too short for any
    assert cli("fit", *TINY_RUN, "--pictures.enabled", "false", "--pictures.largest_share", "1")[0] == 0
    for run in ("version_0", "version_1"):
        assert "weights/kernels" not in events_of(Path("lightning_logs") / run).Tags()["images"]


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


@pytest.mark.parametrize("name", ["Convolutional", "Odd"])
def test_a_network_of_any_kind_is_trained_drawn_as_far_as_possible_and_tested(cli: Cli, name: str) -> None:
    network = ["--network", f"tests.support.networks.{name}"]
    pictures = ["--pictures.times", "2", "--pictures.largest_share", "1", "--epochs", "4"]
    data = [flag for flag in TINY_RUN if "channels" not in flag and flag != "[4,8,8]"]
    status, _, err = cli("fit", *data, *pictures, *network)
    assert status == 0, err
    assert ("shows no graph" in err) == (name == "Odd")
    status, _, err = cli("test", "--device", "cpu", *network)
    assert status == 0, err
    is_shown = Path("lightning_logs/version_0/projector").exists()
    assert is_shown == (name == "Convolutional")
    assert is_shown == ("shows no projector" not in err)
