import csv
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from mnist_cnn.data.published import PublishedDataset
from mnist_cnn.runs.folders import find_checkpoint, list_runs
from mnist_cnn.training.csv_logger import MetricsCSVLogger
from mnist_cnn.training.loggers import RunTensorBoardLogger
from mnist_cnn.training.run import fit
from tests.support.commands import TINY_RUN, Cli
from tests.support.datasets import published_dataset
from tests.training.test_run import SETTINGS


class Service(Logger):
    """Somebody else's logger, with a folder and an identifier of its own, as W&B's and MLflow's have."""

    name, version = "mnist", "k3v9x1"
    save_dir = "service"

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.parameters: Any = None

    @property
    @rank_zero_experiment
    def experiment(self) -> "Service":
        return self

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.seen |= metrics.keys()

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.parameters = params


def fitted(logger: Any, **trainer: Any) -> list[str]:
    """Train with a logger; the names of the files that are left, without events and the lock."""
    fit(**{**SETTINGS, "trainer": {**SETTINGS["trainer"], "logger": logger, "max_epochs": 1, **trainer}})
    return sorted(
        str(path)
        for path in Path().rglob("*")
        if path.is_file() and not path.name.startswith((".", "events.out.tfevents"))
    )


RUN = ["checkpoints/best.ckpt", "checkpoints/last.ckpt", "config.yaml", "metrics.csv"]


@pytest.mark.parametrize("logger", [[Service(), Service()], False], ids=["two", "none"])
def test_a_run_has_its_directory_whatever_logs_it(logger: Any) -> None:
    assert fitted(logger) == [f"lightning_logs/version_0/{name}" for name in RUN]
    for one in logger or []:
        assert {"train/loss", "val/accuracy"} <= one.seen
        assert one.parameters["lr"] == 0.01
    fitted(logger, max_epochs=2, callbacks=[ModelCheckpoint(monitor="val/loss", filename="mine")])
    runs = list_runs(Path())
    assert (runs[-1] / "checkpoints" / "mine.ckpt").is_file()
    assert find_checkpoint("last", Path()) == runs[-1] / "checkpoints" / "last.ckpt"
    longer = {**SETTINGS["trainer"], "logger": logger, "max_epochs": 3}
    result = fit(**{**SETTINGS, "trainer": longer}, ckpt_path="last")
    assert (result.directory, len(list_runs(Path()))) == (runs[-1], 2)
    assert [row["epoch"] for row in rows(runs[-1] / "metrics.csv") if row["val/loss"]] == ["0", "1", "2"]


def test_lightnings_own_loggers_write_into_the_run() -> None:
    files = fitted([CSVLogger("."), TensorBoardLogger("."), CSVLogger("elsewhere")])
    others = ["csv/hparams.yaml", "csv/metrics.csv", "hparams.yaml"]
    assert files == [
        *[f"elsewhere/lightning_logs/version_0/{name}" for name in ("hparams.yaml", "metrics.csv")],
        *sorted(f"lightning_logs/version_0/{name}" for name in RUN + others),
    ]


def test_a_trial_run_keeps_nothing() -> None:
    assert fitted(Service(), fast_dev_run=True) == []
    assert not list(Path().iterdir())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_new_columns_are_added_without_losing_rows(tmp_path: Path) -> None:
    logger = MetricsCSVLogger(tmp_path / "run")
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.log_metrics({"accuracy": 0.5, "loss": 0.9}, step=2)
    assert rows(logger.path) == [
        {"epoch": "", "step": "1", "loss": "1.0", "accuracy": ""},
        {"epoch": "", "step": "2", "loss": "0.9", "accuracy": "0.5"},
    ]


def test_going_on_drops_what_was_written_after_the_checkpoint_and_a_torn_line(tmp_path: Path) -> None:
    first = MetricsCSVLogger(tmp_path / "run")
    for step in range(5):
        first.log_metrics({"loss": float(step)}, step=step)
    with first.path.open("a") as file:
        file.write(",5")  # the process was killed in the middle of a line
    resumed = MetricsCSVLogger(tmp_path / "run")
    resumed.keep_rows(3)
    resumed.log_metrics({"loss": 30.0, "extra": 1.0}, step=3)
    assert [row["loss"] for row in rows(resumed.path)] == ["0.0", "1.0", "2.0", "30.0"]
    assert resumed.rows_written == 4


def test_a_checkpoint_without_rows_starts_the_file_anew(tmp_path: Path) -> None:
    first = MetricsCSVLogger(tmp_path / "run")
    first.log_metrics({"loss": 1.0}, step=1)
    resumed = MetricsCSVLogger(tmp_path / "run")
    resumed.keep_rows(0)
    resumed.log_metrics({"loss": 2.0}, step=1)
    assert [row["loss"] for row in rows(resumed.path)] == ["2.0"]


def test_tensorboard_shows_training_and_validation_first(tmp_path: Path) -> None:
    logger = RunTensorBoardLogger(tmp_path / "lightning_logs" / "version_0")
    logger.log_hyperparams({"lr": 0.1})
    logger.log_metrics({"train/loss_step": 1.0, "lr": 0.1, "epoch": 0}, step=1)
    logger.log_metrics({"val/loss": 1.0, "val_class/3": 0.5, "epoch": 0}, step=1)
    logger.finalize("success")
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    tags = events.Tags()
    # Its pages are in the order of these names.
    assert sorted(tags["scalars"]) == ["train/loss_step", "train/lr", "val/loss", "val_class/3"]
    layout = str(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    assert "train/loss" in layout
    assert "val/loss" in layout


def test_hparams_shows_first_what_runs_are_compared_by(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {name: (["http://127.0.0.1:9/x"], "0") for files in published_dataset().files.values() for name in files}
    monkeypatch.setattr(PublishedDataset, "published", lambda dataset: nowhere)
    data = ["--data.dataset", "mnist", "--data.stand_in", "synthetic", "--name", "wide"]
    assert cli("fit", *TINY_RUN, *data, "--epochs", "1", "--lr", "0.02", "--dropout", "0.3")[0] == 0
    events = EventAccumulator("lightning_logs/version_0")
    events.Reload()

    def content(tag: str) -> HParamsPluginData:
        return HParamsPluginData.FromString(events.summary_metadata[f"_hparams_/{tag}"].plugin_data.content)

    # As TensorBoard sorts them.
    infos = sorted(content("experiment").experiment.hparam_infos, key=lambda info: (not info.differs, info.name))
    first = [info.name for info in infos][:6]
    assert first == ["data", "dropout", "epochs", "lr", "name", "network"]
    values = content("session_start_info").session_start_info.hparams
    assert [values[name].number_value for name in ("dropout", "epochs", "lr")] == [0.3, 1, 0.02]
    assert [values[name].string_value for name in ("data", "name", "network")] == [
        "synthetic (stand-in for mnist)",
        "wide",
        "CNN",
    ]
    assert "weight_decay" in values
