"""What changes the results of a resumed run, and is no setting, is kept and said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.conditions import changed_conditions
from tests.support.checkpoints import contents_of
from tests.support.commands import TINY_RUN, Cli

LAST = Path("lightning_logs/version_0/checkpoints/last.ckpt")


@pytest.fixture
def run(cli: Cli) -> dict[str, Any]:
    """A finished run: the conditions in its checkpoint."""
    assert cli("fit", *TINY_RUN, "--epochs", "1")[0] == 0
    return contents_of(LAST)["conditions"]


def test_a_resume_names_what_is_otherwise_and_nothing_else(cli: Cli, run: dict[str, Any]) -> None:
    assert (run["processes"], run["threads"], run["batches per epoch"]) == (1, torch.get_num_threads(), 6)
    status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "2")
    assert status == 0
    assert [line for line in err.splitlines() if "Changed" in line] == ["Changed  trainer.max_epochs: 1 -> 2"]
    contents = contents_of(LAST)
    changed = {"processes": 2, "batches per epoch": 3, "threads": 64, "torch": "1.0"}
    fingerprint = contents["provenance"]["fingerprint"]
    others = {**contents["provenance"], "fingerprint": "0"}
    torch.save({**contents, "conditions": {**contents["conditions"], **changed}, "provenance": others}, LAST)
    flags = [
        "--trainer.gradient_clip_val",
        "1",
        "--trainer.limit_val_batches",
        "1",
        "--trainer.precision",
        "bf16-mixed",
    ]
    status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", *flags)
    assert status == 0
    said = {line.removeprefix("Changed  ") for line in err.splitlines() if line.startswith("Changed")}
    assert said == {
        *("trainer.max_epochs: 2 -> 3", "trainer.gradient_clip_val: None -> 1"),
        *("trainer.limit_val_batches: None -> 1", "precision: 32-true -> bf16-mixed", "processes: 2 -> 1"),
        *(
            "batches per epoch: 3 -> 6",
            f"threads: 64 -> {torch.get_num_threads()}",
            f"fingerprint of the training images: 0 -> {fingerprint}",
        ),
        f"torch: 1.0 -> {torch.__version__}",
    }


def test_checkpoints_of_earlier_versions_have_no_conditions() -> None:
    old = Path(__file__).parent.parent / "fixtures" / "averaged" / "checkpoints" / "last.ckpt"
    assert Checkpoint.read(old).conditions == {}
    assert changed_conditions({}, {"processes": 1}) == []


def test_a_resume_on_changed_images_says_so(cli: Cli) -> None:
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        for number in range(20):
            path = Path("pets", label, f"{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (12, 12), dtype=np.uint8)).save(path)
    quiet = ("--trainer.enable_progress_bar", "false")
    assert cli("fit", "--data.dataset", "pets", "--epochs", "1", *quiet)[0] == 0
    kept = Checkpoint.read(LAST).provenance.fingerprint
    assert f"# Training images: pets, fingerprint {kept}\n" in Path("lightning_logs/version_0/config.yaml").read_text()
    Path("pets").rename("moved")
    _, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "2", "--data.dataset", "moved", *quiet)
    assert "fingerprint" not in err
    assert "the network was trained on" not in err
    for path in Path("moved/cat").iterdir():  # all, as some are held out for a test
        Image.fromarray(np.zeros((12, 12), np.uint8)).save(path)
    status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", *quiet)
    now = Checkpoint.read(LAST).provenance.fingerprint
    assert status == 0
    assert f"Changed  fingerprint of the training images: {kept} -> {now}" in err
    assert cli("test", *quiet)[0] == 0
    found = json.loads(Path("lightning_logs/version_0/test.json").read_text())
    assert found["trained_on"]["fingerprint"] == now
    assert len(found["fingerprint"]) == len(now)
