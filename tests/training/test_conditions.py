"""What changes the results of a resumed run, and is no setting, is kept and said."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.data.datamodule import MNISTDataModule
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
    changed = {"processes": 2, "batches per epoch": 3, "threads": 64, "torch": "1.0", "training images": "0"}
    torch.save({**contents, "conditions": {**contents["conditions"], **changed}}, LAST)
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
            "training images: others than before",
        ),
        f"torch: 1.0 -> {torch.__version__}",
    }


def test_checkpoints_of_earlier_versions_have_no_conditions() -> None:
    old = Path(__file__).parent.parent / "fixtures" / "averaged" / "checkpoints" / "last.ckpt"
    assert Checkpoint.read(old).conditions == {}
    assert changed_conditions({}, {"processes": 1}) == []


def test_the_fingerprint_tells_images_and_labels_apart() -> None:
    def module() -> MNISTDataModule:
        data = MNISTDataModule("synthetic", train_size=40, val_size=20)
        data.setup("fit")
        return data

    same = module().fingerprint()
    assert module().fingerprint() == same
    changed = []
    for part, place in ((0, (7, 0, 14, 14)), (1, (3,))):
        data = module()
        values = data._images["train"][part]
        values[place] = (values[place] + 1) % 10
        changed.append(data.fingerprint())
    assert len({same, *changed}) == 3
