"""The curves of a run as a CSV file, which survives kills and resumes."""

import csv
import errno
import io
import os
import shutil
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn

from mnist_cnn.files import append, put_on_disk, written_whole
from mnist_cnn.runs.curves import Rows


class MetricsCSVLogger(Logger):
    """Writes every logged scalar to `metrics.csv`: a row for each call, a column for each name.

    Lightning's CSVLogger deletes the file that it finds, so a resumed run would lose its curves.

    Args:
        run_dir: The run's directory.
        goes_on: Whether the run has rows already; a new one may start from a checkpoint of another.
    """

    def __init__(self, run_dir: Path, goes_on: bool = True) -> None:
        super().__init__()
        self._goes_on = goes_on
        self.path = run_dir / "metrics.csv"
        self._columns = ["epoch", "step"]
        self.rows_written = 0
        self._is_on_disk = True

    @property
    def name(self) -> str:
        """Name of the folder of all runs."""
        return self.path.parent.parent.name

    @property
    def version(self) -> str:
        """Name of the run's directory."""
        return self.path.parent.name

    @property
    def log_dir(self) -> str:
        """The run's directory."""
        return str(self.path.parent)

    @property
    @rank_zero_experiment
    def experiment(self) -> "MetricsCSVLogger":
        """This logger."""
        return self

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: hyperparameters stand in the run's config.yaml."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row.

        Raises:
            OSError: if it cannot be written, or the file that holds the rows before is gone.
        """
        row = {"step": step, **metrics}
        if new := [name for name in row if name not in self._columns]:
            self._columns += new
        if self.rows_written == 0:
            self._write([row])
        elif new:
            self._rewrite(Rows.read(self.path).rows[: self.rows_written])
        if self.rows_written:
            append(self.path, self._as_text([row]))
        self.rows_written += 1
        self._is_on_disk = False

    @rank_zero_only
    def put_on_disk(self) -> None:
        """Have the system put the rows onto the disk, as a checkpoint that counts them is about to be."""
        if not self._is_on_disk:
            put_on_disk(self.path)
            self._is_on_disk = True

    @rank_zero_only
    def keep_rows(self, count: int) -> None:
        """Go on behind the first `count` rows of the file, dropping those after them.

        What is wrong with the file is a warning, and the file is kept beside the one that goes on.
        """
        if not self._goes_on:
            return
        found = Rows.read(self.path)
        rows = found.rows[:count]
        problem = found.problem
        if not problem and len(rows) < count:
            problem = f"{self.path} has {len(rows)} of the {count} rows that were in it when the checkpoint was written"
        if problem and len(rows) < count:
            rank_zero_warn(f"{problem}; what is missing is missing in the curves{self._put_aside()}")
        self._columns = list(found.columns) if rows else ["epoch", "step"]
        if rows:
            self._rewrite(rows)
        self.rows_written = len(rows)

    def _put_aside(self) -> str:
        """Keep a copy of the file that is there."""
        kept = self.path.with_name("metrics-damaged.csv")
        if not self.path.is_file() or kept.exists():
            return ""
        with written_whole(kept) as part:
            shutil.copyfile(self.path, part)
        return f", and the file as it was is kept as {kept.name}"

    def _rewrite(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write header and rows to a new file and put it in the old one's place."""
        if len(rows) < self.rows_written:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        self._write(rows)

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        with written_whole(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            file.write(self._as_text(rows, with_header=True))

    def _as_text(self, rows: Sequence[Mapping[str, Any]], with_header: bool = False) -> str:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns, restval="")
        if with_header:
            writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
