"""Damaged files of a run: a resume, a test and figures go on and say so, or say what is wrong and how it goes on."""

import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from mnist_cnn.errors import UserError
from mnist_cnn.runs.lock import RunLock
from mnist_cnn.runs.results import TestRecord
from mnist_cnn.runs.settings import resumes_of, settings_of_run
from mnist_cnn.training.csv_logger import MetricsCSVLogger
from mnist_cnn.training.results import RunConfig
from tests.support.checkpoints import contents_of
from tests.support.commands import TINY_RUN, Cli

RUN = Path("lightning_logs/version_0")
LAST = RUN / "checkpoints" / "last.ckpt"
DAMAGES = {
    "empty": b"",
    "one_key": b"trainer:\n",
    "wrong_type": b"trainer: 5\n",
    "a_list": b"- 1\n- 2\n",
    "no_text": b"\xff\xfe\xfd\x00trainer",
    "half": b"trainer:\n  max_epochs: 2\n  precis",
    "nothing": b"\0" * 500,
}
QUIET = ["--trainer.enable_progress_bar", "false", "--device", "cpu"]


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    from mnist_cnn.cli.main import main

    root = tmp_path_factory.mktemp("damaged")
    assert main(["fit", *TINY_RUN, "--trainer.default_root_dir", str(root)]) == 0
    return root


@pytest.fixture
def run(shared_run: Path) -> Path:
    """A copy of the run in the working folder."""
    shutil.copytree(shared_run / "lightning_logs", "lightning_logs")
    return RUN


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_config_is_named_with_the_way_out_and_nothing_is_touched(run: Path, damage: str) -> None:
    (run / "config.yaml").write_bytes(DAMAGES[damage])
    with pytest.raises(UserError, match=r"version_0/config\.yaml .*--epochs N"):
        settings_of_run(LAST)


@pytest.mark.parametrize("damage", DAMAGES)
def test_given_how_long_to_train_the_run_goes_on_and_says_what_is_lost(
    run: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    (run / "config.yaml").write_bytes(DAMAGES[damage])
    assert settings_of_run(LAST, says_how_long=True) == ({}, {})
    err = capsys.readouterr().err
    assert "version_0/config.yaml" in err
    assert "the run's settings of the Trainer are lost" in err


def test_the_newest_resume_that_can_be_read_stands_for_a_damaged_config(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, epochs in ((1, 7), (2, 8), (10, 9)):
        (run / f"config-resume-{number}.yaml").write_text(f"trainer:\n  max_epochs: {epochs}\n")
    (run / "config.yaml").write_bytes(b"")
    assert settings_of_run(LAST)[0]["trainer"] == {"max_epochs": 9}
    (run / "config-resume-10.yaml").write_bytes(b"\xff")
    assert settings_of_run(LAST)[0]["trainer"] == {"max_epochs": 8}
    assert "the settings of its newest resume count" in capsys.readouterr().err


def test_a_resume_stops_at_a_damaged_config_until_it_is_told_how_long_to_train(cli: Cli, run: Path) -> None:
    (run / "config.yaml").write_bytes(DAMAGES["one_key"])
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    status, out, err = cli("fit", "--ckpt_path", "last")
    assert (status, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "lacks the settings of the Trainer" in err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    (run / "metrics.csv").write_bytes(b"\0" * 100)
    (run / "hparams.yaml").write_bytes(b"")
    (run / "config-resume-1.yaml").write_bytes(b"\xff\xff")
    (run / "test.json").write_bytes(b"{")
    status, out, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", *QUIET)
    assert status == 0, err
    assert "Traceback" not in err
    assert "warning" in err
    assert "metrics.csv is damaged" in err
    assert contents_of(LAST)["epoch"] == 2
    assert (run / "metrics-damaged.csv").read_bytes() == b"\0" * 100
    assert yaml.safe_load((run / "config-resume-2.yaml").read_text())["trainer"]["max_epochs"] == 3
    assert yaml.safe_load((run / "hparams.yaml").read_text())["lr"]
    assert (run / "metrics.csv").read_text().startswith("epoch,step")
    # The other commands need none of these files.
    for command in ("validate", "test"):
        status, _, err = cli(command, "--ckpt_path", "best", *QUIET)
        assert status == 0, err
    status, _, err = cli("figures", "--data.data_dir", "nowhere")
    assert status == 0, err


def test_figures_leave_out_curves_that_cannot_be_read(cli: Cli, run: Path) -> None:
    (run / "metrics.csv").write_bytes(b"\xff\xff")
    status, _, err = cli("figures", "--data.data_dir", "nowhere")
    assert status == 0, err
    assert "learning curves left out: lightning_logs/version_0/metrics.csv is damaged" in err


def test_configs_of_resumes_get_the_next_free_number() -> None:
    RUN.mkdir(parents=True)

    class Started:
        run_dir = RUN
        datamodule = None
        hparams: ClassVar[dict[str, Any]] = {}  # the module's

    names = ["config.yaml"]
    for number, text in enumerate(("a: 1\n", "a: 2\n", "a: 3\n", "a: 2\n")):
        RunConfig(text).on_train_start(Started(), Started())  # type: ignore[arg-type]
        names += [f"config-resume-{number}.yaml"] if 0 < number < 3 else []
    assert sorted(path.name for path in RUN.iterdir()) == sorted(names)
    (RUN / "config-resume-1.yaml").unlink()
    (RUN / "config.yaml").write_bytes(b"\xff")
    RunConfig("a: 4\n").on_train_start(Started(), Started())  # type: ignore[arg-type]
    assert [path.name for path in resumes_of(RUN)] == ["config-resume-2.yaml", "config-resume-3.yaml"]
    assert (RUN / "config-resume-2.yaml").read_text() == "a: 3\n"


def test_rows_that_are_missing_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    first = MetricsCSVLogger(tmp_path / "run")
    for step in range(3):
        first.log_metrics({"loss": float(step)}, step=step)
    resumed = MetricsCSVLogger(tmp_path / "run")
    with pytest.warns(UserWarning, match="has 3 of the 5 rows"):
        resumed.keep_rows(5)
    resumed.log_metrics({"loss": 5.0}, step=5)
    assert first.path.read_text().splitlines()[-2:] == [",2,2.0", ",5,5.0"]


def test_a_row_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = MetricsCSVLogger(tmp_path / "run")
    logger.log_metrics({"loss": 1.0}, step=1)
    before = logger.path.read_bytes()
    with monkeypatch.context() as patched:
        opened = Path.open

        def failing(path: Path, mode: str = "r", **kwargs: object) -> object:
            if mode != "a":
                return opened(path, mode, **kwargs)  # type: ignore[call-overload]
            with opened(path, "ab") as file:
                file.write(b",2,")  # a part of it, before the disk is full
            raise OSError(28, "No space left on device")

        patched.setattr(Path, "open", failing)
        with pytest.raises(OSError, match=r"metrics\.csv"):
            logger.log_metrics({"loss": 2.0}, step=2)
    assert logger.path.read_bytes() == before


def test_rows_of_a_file_that_is_gone_are_not_begun_anew(tmp_path: Path) -> None:
    logger = MetricsCSVLogger(tmp_path / "run")
    logger.log_metrics({"loss": 1.0}, step=1)
    shutil.rmtree(tmp_path / "run")
    for row in ({"loss": 2.0}, {"other": 2.0}):
        with pytest.raises(FileNotFoundError, match=r"metrics\.csv"):
            logger.log_metrics(row, step=2)
    assert not (tmp_path / "run").exists()


def test_a_run_that_another_process_trains_is_not_touched(cli: Cli, run: Path) -> None:
    with RunLock(run):
        before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        status, out, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", *QUIET)
        assert status == 1
        assert len(err.strip().splitlines()) == 1
        assert f"version_0 is being trained by process {os.getpid()} on" in err
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
        assert "Resumed" not in out
        # Another checkpoint than the last one begins a run of its own, and the others only read.
        assert cli("validate", "--ckpt_path", "last", *QUIET)[0] == 0
        (run / "checkpoints" / "last.ckpt").unlink()
        _, _, err = cli("fit", "--ckpt_path", "last")
        assert f"has no last.ckpt yet: process {os.getpid()} on" in err


def test_a_resume_that_replaces_the_tested_checkpoint_says_so(cli: Cli, run: Path) -> None:
    assert cli("test", "--pictures.enabled", "false", *QUIET)[0] == 0
    record = TestRecord.read(run)
    assert record is not None
    assert not record.is_stale
    status, _, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", "--lr", "0.02", *QUIET)
    assert status == 0, err
    assert record.is_stale, "the third epoch is the best"
    assert "test.json tells of an earlier best.ckpt" in err
    assert not [path for path in run.iterdir() if path.name == ".holder.json"]
