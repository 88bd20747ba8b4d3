import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.training.checkpoints import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("write failed")])
def test_a_failed_write_keeps_the_previous_file_and_leaves_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)

    def disk_full(checkpoint: dict[str, Any], file: Any) -> None:
        file.write(b"half of it")
        raise failure

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(UserError, match=r"last.ckpt cannot be written .* is kept"):
        AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_whole_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    save = torch.save
    seen: list[Any] = []

    def look_while_writing(checkpoint: dict[str, Any], file: Any) -> None:
        save(checkpoint, file)
        seen.append(torch.load(path, weights_only=True))

    monkeypatch.setattr(torch, "save", look_while_writing)
    AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert seen == [{"step": 1}]
    assert torch.load(path, weights_only=True) == {"step": 2}


def test_the_best_loss_is_known_again_in_a_moved_folder_and_not_in_another_run(tmp_path: Path) -> None:
    old = BestCheckpoint()
    old.dirpath = str(tmp_path / "old")
    old.best_model_score = torch.tensor(0.5)
    old.best_model_path = str(tmp_path / "old" / "best.ckpt")
    state = old.state_dict()

    moved = BestCheckpoint()
    moved.dirpath = str(tmp_path / "moved")
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "best.ckpt").touch()
    moved.load_state_dict(state)
    assert moved.best_model_path == str(tmp_path / "moved" / "best.ckpt")
    assert moved.best_model_score == 0.5
    assert list(moved.best_k_models) == [moved.best_model_path]

    branched = BestCheckpoint()
    branched.dirpath = str(tmp_path / "new")
    branched.load_state_dict(state)
    assert branched.best_model_path == ""
    assert not branched.best_k_models


def test_a_negative_interval_is_refused() -> None:
    with pytest.raises(UserError, match="every_n_train_steps=-1"):
        LastCheckpoint(every_n_train_steps=-1)
