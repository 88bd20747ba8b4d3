"""What there is of all runs, side by side; read from their small files alone, without torch.

for run in overview(list_runs(Path())):
    print(run.title, run.val_accuracy, run.test_accuracy)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from mnist_cnn.configs import read_settings
from mnist_cnn.errors import UserError
from mnist_cnn.files import class_name, flatten
from mnist_cnn.runs.curves import Rows
from mnist_cnn.runs.folders import STAND_IN_FILE
from mnist_cnn.runs.lock import Holder, holder_of
from mnist_cnn.runs.names import name_of
from mnist_cnn.runs.results import TestRecord
from mnist_cnn.runs.settings import resumes_of

# Settings that say where and how a run was watched, and change nothing of what comes out.
NO_DIFFERENCES = ("data.data_dir", "trainer.default_root_dir", "trainer.enable_progress_bar", "trainer.logger")
SECTIONS = re.compile(r"^(model\.network\.init_args|model|data|trainer)\.")


@dataclass
class RunOverview:
    """A run in a few figures; None and empty where nothing is known.

    Attributes:
        folder: Its directory.
        name: The name that it was given.
        started: When it began.
        dataset: The data set that it was trained on.
        stand_in_for: The one that this stands in for.
        network: Name of the network's class.
        epochs: Epochs that are finished.
        planned_epochs: Epochs that it was to have.
        val_loss: Lowest validation loss of an epoch.
        val_accuracy: Validation accuracy of that epoch, from 0 to 1.
        test_accuracy: Accuracy on the test images, from 0 to 1.
        settings: All settings by their full names.
        differences: Settings that are others than the first run's: by name, that run's value and this one's.
        trained_by: The process that trains it at this moment.
        problems: What is wrong with its files.
    """

    folder: Path
    name: str = ""
    started: datetime | None = None
    dataset: str = ""
    stand_in_for: str = ""
    network: str = ""
    epochs: int | None = None
    planned_epochs: int | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    test_accuracy: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    differences: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    trained_by: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its name, or its folder's."""
        return self.name or self.folder.name


def overview(run_dirs: Iterable[Path]) -> list[RunOverview]:
    """Read what there is of each run; a damaged file is among its problems, and no error."""
    runs = [_read(run_dir) for run_dir in run_dirs]
    first = next((run for run in runs if run.settings), None)
    for run in runs:
        if first and run is not first:
            run.differences = _differences(first.settings, run.settings)
    return runs


def _read(run_dir: Path) -> RunOverview:
    run = RunOverview(run_dir, name_of(run_dir))
    _take_settings(run)
    _take_curves(run)
    _take_test(run)
    run.started = _start_of(run_dir)
    run.trained_by = _holder_of(run_dir)
    return run


def _holder_of(run_dir: Path) -> str:
    if not Holder.read(run_dir):
        return ""
    holder = holder_of(run_dir)
    return f"process {holder.pid} on {holder.host}" if holder else ""


def _take_settings(run: RunOverview) -> None:
    """Take what the configs say, the last one that can be read first."""
    configs = [path for path in (run.folder / "config.yaml", *resumes_of(run.folder)) if path.is_file()]
    if not configs:
        run.problems.append("no config.yaml")
    for path in reversed(configs):
        try:
            settings = read_settings(path, path.name)
        except UserError as error:
            run.problems.append(str(error))
            continue
        model, data, trainer = (_part(settings, name) for name in ("model", "data", "trainer"))
        network = model.get("network")
        run.network = class_name(str(_part(model, "network").get("class_path", "") or network or ""))
        run.dataset = str(data.get("dataset") or "")
        epochs = trainer.get("max_epochs")
        run.planned_epochs = epochs if isinstance(epochs, int) and epochs >= 0 else None
        run.settings = flatten(settings)
        break
    if (run.folder / STAND_IN_FILE).is_file() and run.settings:
        run.stand_in_for, run.dataset = run.dataset, str(run.settings.get("data.stand_in") or "")


def _take_curves(run: RunOverview) -> None:
    """Take the best epoch of metrics.csv."""
    read = Rows.read(run.folder / "metrics.csv")
    if read.problem:
        run.problems.append(read.problem.replace(str(run.folder / "metrics.csv"), "metrics.csv"))
    if not read.columns:
        return
    curves = read.curves()
    finished, _ = curves.get("train/loss", ([], []))
    run.epochs = int(max(filter(isfinite, finished), default=0))
    validated = [(loss, row) for row in read.rows if row.get("val/loss") and isfinite(loss := float(row["val/loss"]))]
    if validated:
        run.val_loss, best = min(validated, key=lambda one: one[0])
        run.val_accuracy = float(best["val/accuracy"]) if best.get("val/accuracy") else None


def _take_test(run: RunOverview) -> None:
    """Take the accuracy of test.json, and say so if the checkpoint that it tells of has been replaced since."""
    try:
        record = TestRecord.read(run.folder)
    except UserError:
        run.problems.append("test.json is damaged")
        return
    if record:
        run.test_accuracy = record.metrics.get("test/accuracy")
        if record.left_out:
            run.problems.append(record.left_out)
        if record.is_stale:
            run.problems.append(f"the test is of an earlier {record.checkpoint.name}")


def _start_of(run_dir: Path) -> datetime | None:
    """When a run began: what the name of its first events file says, or else when its config was written."""
    named = [
        re.match(r"events\.out\.tfevents\.(\d{10})\.", path.name) for path in run_dir.glob("events.out.tfevents.*")
    ]
    seconds: list[float] = [int(match[1]) for match in named if match]
    try:
        return datetime.fromtimestamp(min(seconds) if seconds else (run_dir / "config.yaml").stat().st_mtime)
    except OSError:
        return None


def _differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Settings that both runs have, with other values; those of another network are not compared."""
    is_other_network = first.get("model.network.class_path") != other.get("model.network.class_path")
    return {
        SECTIONS.sub("", name): (first[name], value)
        for name, value in other.items()
        if name in first
        and first[name] != value
        and name not in NO_DIFFERENCES
        and not (is_other_network and name.startswith("model.network."))
    }


def _part(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = settings.get(name)
    return part if isinstance(part, Mapping) else {}


def as_plain(runs: Sequence[RunOverview]) -> list[dict[str, Any]]:
    """Runs as plain types, as a file holds them."""
    return [
        {
            "run": run.folder.name,
            "name": run.name,
            "started": run.started.isoformat(sep=" ", timespec="seconds") if run.started else "",
            "dataset": run.dataset,
            "stand_in_for": run.stand_in_for,
            "network": run.network,
            "epochs": run.epochs,
            "planned_epochs": run.planned_epochs,
            "val_loss": run.val_loss,
            "val_accuracy": run.val_accuracy,
            "test_accuracy": run.test_accuracy,
            "trained_by": run.trained_by,
            "differences": {name: now for name, (_, now) in run.differences.items()},
            "problems": run.problems,
        }
        for run in runs
    ]
