"""A run whose files cannot be written any more ends in a sentence; what it had saved is kept and goes on exactly."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest
from tensorboard.summary.writer.record_writer import RecordWriter

from mnist_cnn.training.storage import ended_in_a_sentence
from tests.support.commands import TINY_RUN, Cli

RUN = Path("lightning_logs/version_0")


class FullDisk:
    """A disk on which a while later no event can be written.

    Args:
        events: How many can be written before.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, events: int) -> None:
        write = RecordWriter.write

        def write_some(writer: Any, data: bytes) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(writer, data)

        self.left = events
        monkeypatch.setattr(RecordWriter, "write", write_some)


def test_a_disk_that_is_full_at_the_first_event_leaves_no_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = threading.excepthook
    FullDisk(monkeypatch, events=0)
    status, _, err = cli("fit", *TINY_RUN)
    assert status == 1
    assert "version_0: no space is left on the disk" in err
    assert "ended before there was a last.ckpt" in err
    assert "Traceback" not in err
    assert not Path("lightning_logs").exists()
    assert threading.excepthook is hook


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_was_saved(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0
    before = {path: path.read_bytes() for path in (RUN / "checkpoints").iterdir()}
    with monkeypatch.context() as patched:
        FullDisk(patched, events=0)
        status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", "--trainer.enable_progress_bar", "false")
    assert status == 1
    assert "Traceback" not in err
    assert {path: path.read_bytes() for path in (RUN / "checkpoints").iterdir()} == before
    assert not [path for path in RUN.glob("[!.]*") if path.is_file() and not path.stat().st_size]
    command = err.strip().splitlines()[-1].split()
    assert command[:2] == ["mnist-cnn", "fit"]
    status, out, err = cli(*command[1:], "--epochs", "3")
    assert status == 0, err
    assert "Resumed" in out


def test_a_checkpoint_that_cannot_be_written_names_the_command_that_goes_on(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    save, saved = torch.save, []

    def save_some(checkpoint: Any, file: Any) -> None:
        saved.append(checkpoint)
        if len(saved) > 2:  # best.ckpt and last.ckpt of the first epoch
            raise OSError(errno.ENOSPC, "No space left on device")
        save(checkpoint, file)

    monkeypatch.setattr(torch, "save", save_some)
    status, _, err = cli("fit", *TINY_RUN)
    assert status == 1
    assert "cannot be written (No space left on device); what was there before is kept" in err
    assert f"--ckpt_path {RUN}" in err
    assert sorted(path.name for path in (RUN / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "No such file", "/nowhere/labels.csv"), TimeoutError("late")]
)
def test_an_error_of_other_files_or_connections_is_not_taken_for_the_runs(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(type(error)) as caught, ended_in_a_sentence(tmp_path):
        raise error
    assert caught.value is error
