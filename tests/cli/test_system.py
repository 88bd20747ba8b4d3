"""What the system refuses ends a command in a sentence that names the file; what was there stays, results are shown."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mnist_cnn import files
from mnist_cnn.cli import listings
from mnist_cnn.training import results
from tests.support.checkpoints import write_checkpoint
from tests.support.commands import TINY_RUN, Cli, run_program
from tests.support.pictures import seven

LONG = "x" * 5000
REFUSALS = [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES, errno.EDQUOT]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    seven().save("seven.png")
    return write_checkpoint(tmp_path / "lightning_logs/version_0/checkpoints/best.ckpt", dataset="synthetic")


@pytest.fixture(params=REFUSALS, ids=[errno.errorcode[number] for number in REFUSALS])
def refusal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk on which no file becomes whole."""

    def refuse(path: Path) -> None:
        raise OSError(request.param, os.strerror(request.param), str(path))

    monkeypatch.setattr(files, "put_on_disk", refuse)


def assert_one_line(err: str, expected: str) -> None:
    assert expected in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2


def test_every_refusal_is_a_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in [*REFUSALS, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EBUSY]:

        def refuse(arguments: Any, number: int = number) -> int:
            raise OSError(number, os.strerror(number), "some/file")

        monkeypatch.setattr(listings, "list_configs", refuse)
        status, _, err = cli("configs")
        assert status == 1
        assert_one_line(err, "mnist-cnn: error: some/file: ")


def test_answers_that_cannot_be_written_are_printed(cli: Cli, checkpoint: Path, refusal: None) -> None:
    for name in ("answers.csv", "answers.json"):
        status, out, err = cli("predict", "seven.png", "--output", name)
        assert status == 1
        assert "seven.png" in out
        assert f"error: {name}: " in err
        assert "the answers are printed instead" in err
        assert not Path(name).exists()


def test_inputs_and_copies_that_cannot_be_written_are_named(cli: Cli, checkpoint: Path, refusal: None) -> None:
    status, out, err = cli("predict", "seven.png", "--save_inputs", "inputs")
    assert status == 1
    assert "seven.png" in out, "the answer is there all the same"
    assert f"inputs{os.sep}seven.png: " in err
    assert not list(Path("inputs").iterdir())
    status, _, err = cli("configs", "--copy", "base")
    assert status == 1
    assert_one_line(err, "error: base.yaml: ")
    assert not Path("base.yaml").exists()


def test_a_figure_that_cannot_be_written_is_named(cli: Cli, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files, "put_on_disk", full)
    status, _, err = cli("figures", "--data.data_dir", "nowhere")
    assert status == 1
    assert f"figures{os.sep}" in err.splitlines()[-1]
    assert "no space is left on the disk" in err.splitlines()[-1]
    assert not list(Path("figures").iterdir())


def test_metrics_that_cannot_be_kept_are_printed(cli: Cli, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(results, "write_json", refuse)
    arguments = ["--data.dataset", "synthetic", "--device", "cpu", "--trainer.limit_test_batches", "1"]
    status, out, err = cli("test", *arguments, "--pictures.enabled", "false", "--trainer.enable_progress_bar", "false")
    assert status == 1
    assert "test/accuracy" in out
    assert "Written to" not in out
    assert_one_line(err, "test.json: the disk can only be read")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["predict", "seven.png", "--output", "folder.csv"], "folder.csv: that is a folder; a file is needed"),
        (["predict", "seven.png", "--output", "seven.png/a.csv"], "seven.png is a file, where a folder is needed"),
        (["predict", "seven.png", "--output", "/dev/null/a.csv"], "/dev/null is a file"),
        (["predict", "seven.png", "--save_inputs", "/dev/null/inputs"], "/dev/null is a file"),
        (["predict", "seven.png", "--output", f"{LONG}.csv"], "the name is longer"),
        (["predict", "seven.png", "--output", f"{'x' * 256}.csv"], "the name is longer"),
        (["predict", "seven.png", "--output", "a\0b.csv"], "NUL"),
        (["predict", "seven.png", "--ckpt_path", LONG], "the name is longer"),
        (["predict", "seven.png", "--ckpt_path", "~nosuchuser/best.ckpt"], "no such file"),
        (["predict", LONG], "too long"),
        (["figures", "--output", "seven.png/figures"], "seven.png is a file"),
        (["figures", "--output", LONG], "the name is longer"),
        (["export", "--output", "folder.onnx"], "that is a folder"),
        (["export", "--output", "/dev/null/model.onnx"], "/dev/null is a file"),
        (["fit", "--data.dataset", "synthetic", "--trainer.default_root_dir", "/dev/null"], "no run can be kept"),
        (["fit", "--data.dataset", "mnist", "--data.data_dir", LONG], "the name is longer"),
    ],
)
def test_paths_that_cannot_be_are_noticed_before_the_work(
    cli: Cli, checkpoint: Path, arguments: list[str], expected: str
) -> None:
    Path("folder.csv").mkdir()
    Path("folder.onnx").mkdir()
    status, out, err = cli(*arguments)
    assert status in (1, 2)
    assert out == ""
    assert_one_line(err, expected)
    assert len(err) < 500


def test_the_longest_name_is_written(cli: Cli, checkpoint: Path) -> None:
    name = "n" * 251 + ".csv"
    assert cli("predict", "seven.png", "--output", name)[0] == 0
    assert Path(name).exists()


def test_a_working_folder_that_was_deleted_is_named() -> None:
    program = (
        "import os, sys; from mnist_cnn.cli.main import main; "
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); sys.exit(main(['datasets']))"
    )
    result = run_program(program)
    assert result.returncode == 1
    assert_one_line(result.stderr, "the working folder was deleted")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_ends_in_a_sentence() -> None:
    program = (
        "import sys; from mnist_cnn.cli.main import main; sys.stdout = open('/dev/full', 'w'); sys.exit(main(['-h']))"
    )
    result = run_program(program)
    assert result.returncode == 1
    assert "the output cannot be written: no space is left on the disk" in result.stderr


def test_a_run_folder_that_is_deleted_during_the_run_is_named(cli: Cli) -> None:
    arguments = ["--trainer.callbacks=tests.support.interruptions.DeleteAt", "--trainer.callbacks.step=8"]
    status, _, err = cli("fit", *TINY_RUN, *arguments)
    assert status == 1
    assert_one_line(err, "was deleted while it was trained")
    assert not Path("lightning_logs").exists()
    shutil.rmtree("lightning_logs", ignore_errors=True)
