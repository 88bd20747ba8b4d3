"""Training states that were altered: one line, from a resume too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.training.classifier import ImageClassifier
from tests.support.checkpoints import contents_of
from tests.support.commands import TINY_DATA, Cli

RUN = [*TINY_DATA, "--device", "cpu", "--trainer.enable_progress_bar", "false", "--batch-size", "100"]


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the last checkpoint of a tiny run holds."""
    from mnist_cnn.cli.main import main

    root = tmp_path_factory.mktemp("run")
    assert main(["fit", *RUN, "--epochs", "1", "--trainer.default_root_dir", str(root)]) == 0
    return contents_of(root / "lightning_logs/version_0/checkpoints/last.ckpt")


def _of_group(contents: dict[str, Any], **changes: Any) -> None:
    contents["optimizer_states"][0]["param_groups"][0].update(changes)


ALTERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "loops without a part": lambda contents: contents["loops"]["fit_loop"].pop("epoch_progress"),
    "loops with words": lambda contents: contents["loops"]["fit_loop"]["epoch_progress"]["total"].update(ready="one"),
    "no loops": lambda contents: contents.pop("loops"),
    "no optimiser": lambda contents: contents["optimizer_states"].clear(),
    "moments of other sizes": lambda contents: contents["optimizer_states"][0]["state"][0].update(
        exp_avg=torch.zeros(2, 3)
    ),
    "settings in words": lambda contents: _of_group(contents, eps="small"),
    "fewer parameters": lambda contents: _of_group(contents, params=[0]),
    "callbacks in words": lambda contents: contents["callbacks"]["TrainingCurves"].update(csv_rows="many"),
    "a schedule in words": lambda contents: contents["lr_schedulers"][0].update(last_epoch="last"),
}


@pytest.mark.parametrize("what", list(ALTERATIONS))
def test_an_altered_training_state_ends_a_resume_in_one_line(cli: Cli, last: dict[str, Any], what: str) -> None:
    from copy import deepcopy

    contents = deepcopy(last)
    ALTERATIONS[what](contents)
    torch.save(contents, "altered.ckpt")
    status, _, err = cli("fit", *RUN, "--ckpt_path", "altered.ckpt", "--epochs", "2")
    assert status == 1, err
    errors = [line for line in err.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert "Traceback" not in err
    assert not Path("lightning_logs/version_0/checkpoints").exists()


def test_lightnings_own_way_of_loading_looks_at_a_file_first(last: dict[str, Any]) -> None:
    contents = {**last, "epoch": "first"}
    torch.save(contents, "altered.ckpt")
    with pytest.raises(UserError, match="epoch is not a whole number"):
        ImageClassifier.load_from_checkpoint("altered.ckpt")
