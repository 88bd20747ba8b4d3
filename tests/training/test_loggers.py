import csv
from pathlib import Path

from mnist_cnn.training.loggers import MetricsCSVLogger


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
