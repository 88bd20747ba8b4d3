"""Files that say what a run was and what came out: config.yaml, test.json and the mark of stand-in data."""

import json
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torchmetrics
import torchvision
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback
from pytorch_lightning.utilities import rank_zero_only

from mnist_cnn import __version__

STAND_IN_FILE = "STAND-IN-DATA.txt"


class RunConfig(SaveConfigCallback):
    """Writes the full config of a training run to `config.yaml` in its directory.

    A resume leaves it alone; if the resumed run has other settings they go to `config-resume-1.yaml` and so on.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Nothing yet: a run that fails before its first step should leave nothing behind."""

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the config, and mark a run on stand-in data."""
        # Not trainer.log_dir: that waits for the other processes, which do not come here.
        if not trainer.logger or not trainer.logger.log_dir:
            return
        run_dir = Path(trainer.logger.log_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        config = self.config.clone()
        config.pop("ckpt_path", None)  # where this start took its weights from is no setting of the run
        text = self.parser.dump(config, skip_unset=False)
        data: Any = getattr(trainer, "datamodule", None)
        if data is not None and (notice := data.stand_in_notice()):
            (run_dir / STAND_IN_FILE).write_text(notice + "\n", encoding="utf-8")
            text = "".join(f"# {line}\n" for line in notice.splitlines()) + text
        written = sorted(run_dir.glob("config*.yaml"))
        if not any(path.read_text(encoding="utf-8") == text for path in written):
            name = "config.yaml" if not written else f"config-resume-{len(written)}.yaml"
            (run_dir / name).write_text(text, encoding="utf-8")


class TestResults(Callback):
    """Writes `test.json` after a test: metrics, data set, checkpoint and versions.

    Args:
        path: The file to write.
        checkpoint: The checkpoint that is tested.
    """

    def __init__(self, path: Path, checkpoint: Path) -> None:
        self.path, self.checkpoint = path, checkpoint

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        data: Any = getattr(trainer, "datamodule", None)
        metrics: Any = pl_module.test_metrics
        trained_on = getattr(pl_module, "provenance", None) or {}
        result = {
            "dataset": data.provenance["dataset"],
            "stand_in_for": data.provenance["stand_in_for"],
            "split": "test",
            "images": metrics.images_seen,
            "trained_on": {key: trained_on.get(key) for key in ("dataset", "stand_in_for")},
            "checkpoint": os.path.relpath(self.checkpoint, self.path.parent),
            "metrics": {name: float(value) for name, value in sorted(trainer.callback_metrics.items())},
            "precision": str(trainer.precision),
            "hardware": {"accelerator": type(trainer.accelerator).__name__, "machine": platform.machine()},
            "versions": {
                "mnist_cnn": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "pytorch_lightning": pl.__version__,
                "torchmetrics": torchmetrics.__version__,
            },
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        part = self.path.with_suffix(".json.part")
        part.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        part.replace(self.path)
