"""Files that say what a run was and what came out: config.yaml, test.json and the mark of stand-in data."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn

from mnist_cnn import __version__
from mnist_cnn.errors import of_system
from mnist_cnn.files import plain, write_json, write_text
from mnist_cnn.runs.folders import STAND_IN_FILE
from mnist_cnn.runs.names import write_name
from mnist_cnn.runs.provenance import Provenance
from mnist_cnn.runs.results import CHECKSUM, checksum_of
from mnist_cnn.runs.settings import resumes_of

LIBRARIES = ("torchvision", "pytorch-lightning", "torchmetrics")


class RunConfig(Callback):
    """Writes the full config of a training run to `config.yaml` in its directory.

    A resume leaves it alone; if the resumed run has other settings they go to `config-resume-1.yaml` and so on. Nothing
    is written before the first step: a run that fails earlier should leave nothing behind.

    Args:
        text: The config, as YAML.
        name: A name for the run; None leaves the one that it has.
    """

    def __init__(self, text: str, name: str | None = None) -> None:
        self.text, self.name = text, name

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the config and the name, and mark a run on stand-in data."""
        run_dir, text = getattr(trainer, "run_dir", None), self.text
        if run_dir is None:
            return
        data: Any = getattr(trainer, "datamodule", None)
        text = _with_what_was_found(text, {"model": pl_module.hparams, "data": getattr(data, "hparams", {})})
        if data is not None and (notice := data.stand_in_notice()):
            write_text(run_dir / STAND_IN_FILE, notice + "\n")
            text = "".join(f"# {line}\n" for line in notice.splitlines()) + text
        if found := getattr(data, "fingerprints", {}).get("train"):
            text = f"# Training images: {data.dataset_in_use}, fingerprint {found}\n{text}"
        first, resumes = run_dir / "config.yaml", resumes_of(run_dir)
        if not first.is_file():
            write_text(first, text)
        elif not any(path.read_bytes() == text.encode() for path in (first, *resumes)):
            number = int(resumes[-1].stem.rpartition("-")[2]) + 1 if resumes else 1
            write_text(run_dir / f"config-resume-{number}.yaml", text)
        if self.name:
            write_name(run_dir, self.name)


def _with_what_was_found(text: str, now: dict[str, Any]) -> str:
    """A config with the numbers that callbacks have changed since it was written, as Lightning's finders do; says so.

    Args:
        text: The config, as YAML.
        now: The settings that count, by the names of the config's parts.
    """
    config = yaml.safe_load(text)
    found = []
    for part, settings in now.items():
        before = config.get(part) or {}
        for name in before.keys() & settings.keys():
            numbers = [value for value in (before[name], settings[name]) if isinstance(value, int | float)]
            if len(numbers) == 2 and numbers[0] != numbers[1]:
                before[name] = plain(settings[name])
                found.append(f"Found    {part}.{name}: {numbers[0]} -> {numbers[1]}")
    if found:
        print(*sorted(found), sep="\n", flush=True)
    return yaml.safe_dump(config, sort_keys=False) if found else text


class TestResults(Callback):
    """Writes `test.json` after a test: metrics, data set, checkpoint and versions.

    Args:
        path: The file to write.
        checkpoint: The checkpoint that is tested.
    """

    def __init__(self, path: Path, checkpoint: Path) -> None:
        self.path, self.checkpoint = path, checkpoint
        self.checksum = checksum_of(checkpoint)  # before the test, as a run that is trained may replace it meanwhile
        self.is_written = False

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file; where it cannot be written that is a warning, as the metrics are there to be used."""
        metrics: Any = pl_module.test_metrics
        now = Provenance.of(trainer.datamodule)  # type: ignore[attr-defined]
        before: Any = getattr(pl_module, "provenance", None)
        result = {
            "dataset": now.dataset,
            "stand_in_for": now.stand_in_for,
            "split": "test",
            "images": metrics.images_seen,
            "images_of_set": trainer.datamodule.sizes()["test"],  # type: ignore[attr-defined]
            "fingerprint": trainer.datamodule.fingerprints["test"],  # type: ignore[attr-defined]
            "trained_on": {key: getattr(before, key, None) for key in ("dataset", "stand_in_for", "fingerprint")},
            "checkpoint": os.path.relpath(self.checkpoint, self.path.parent),
            CHECKSUM: self.checksum,
            "metrics": {name: float(value) for name, value in sorted(trainer.callback_metrics.items())},
            "precision": str(trainer.precision),
            "hardware": {"accelerator": type(trainer.accelerator).__name__, "machine": platform.machine()},
            "versions": {
                "mnist_cnn": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,  # with its build
                **{name.replace("-", "_"): version(name) for name in LIBRARIES},
            },
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        try:
            write_json(self.path, result)
            self.is_written = True
        except OSError as error:
            rank_zero_warn(f"the metrics are kept nowhere: {of_system(error)}")
