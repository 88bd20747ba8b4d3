"""What Lightning brings, once each with a short run and a resume: it works, or one clear line says why not."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import callbacks as own
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.profilers import PassThroughProfiler

from mnist_cnn.errors import UserError
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.run import fit
from tests.training.test_run import SETTINGS


class Writer(own.BasePredictionWriter):
    """Would write predictions, if there were any."""


WORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "watching": lambda: {
        "callbacks": [
            own.DeviceStatsMonitor(cpu_stats=True),
            own.LambdaCallback(on_train_start=lambda *_: None),
            own.LearningRateMonitor(),
            own.ModelSummary(),
            own.OnExceptionCheckpoint("emergency"),
            own.ThroughputMonitor(batch_size_fn=lambda batch: len(batch[0])),
            own.Timer(timedelta(hours=1)),
            own.TQDMProgressBar(),
        ],
        "enable_progress_bar": True,
    },
    "accumulating": lambda: {"callbacks": [own.GradientAccumulationScheduler({0: 1, 1: 2})]},
    "averaging": lambda: {"callbacks": [own.WeightAveraging()]},
    "spikes": lambda: {"callbacks": [own.SpikeDetection()]},
    "simple profiler": lambda: {"profiler": "simple"},
    "advanced profiler": lambda: {"profiler": "advanced"},
    "stopping": lambda: {
        "callbacks": [
            own.EarlyStopping("val_loss", patience=5),
            own.ModelCheckpoint(monitor="val_acc", filename="mine"),
        ]
    },
    "writing": lambda: {"callbacks": [Writer("epoch")]},
    "loggers": lambda: {"logger": [CSVLogger("csv"), TensorBoardLogger("events")]},
    "pytorch profiler": lambda: {"profiler": "pytorch"},
    "no profiler": lambda: {"profiler": PassThroughProfiler()},
    "one device": lambda: {"strategy": "single_device"},
    "ddp of one process": lambda: {"strategy": "ddp"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_it_works_and_is_gone_on_with(name: str) -> None:
    for epochs, which in ((1, None), (2, "last")):
        trainer = {**SETTINGS["trainer"], "limit_train_batches": 2, **WORKS[name](), "max_epochs": epochs}
        fit(**{**SETTINGS, "trainer": trainer}, ckpt_path=which)
    run = Path("lightning_logs/version_0/checkpoints")
    assert Checkpoint.read(run / "last.ckpt").epoch == 1
    assert (run / "best.ckpt").is_file()
    assert not torch.distributed.is_initialized()
    assert "MASTER_PORT" not in os.environ


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"callbacks": [own.BackboneFinetuning()]}, "--model.freeze_epochs"),
        ({"strategy": "fsdp"}, "requires a GPU"),
        ({"strategy": "deepspeed"}, "pip install -U deepspeed"),
    ],
)
def test_what_cannot_be_is_a_line(setting: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        fit(**{**SETTINGS, "trainer": {**SETTINGS["trainer"], **setting}})
    assert not Path("lightning_logs").exists()
