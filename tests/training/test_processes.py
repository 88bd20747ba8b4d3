"""Several processes on one machine, with gloo: the same metrics as one process, and the same exact resume."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.checkpoints import assert_equal, contents_of
from tests.support.commands import run_process
from tests.support.interruptions import interrupt_at

# 1001 and 203 images cannot be shared out evenly.
pytestmark = pytest.mark.slow

SETTINGS = [
    *("--data.dataset", "synthetic", "--data.train_size", "1001", "--data.val_size", "203", "--data.rotation", "10"),
    *("--batch-size", "50", "--epochs", "2", "--trainer.enable_progress_bar", "false", "--lr", "0.02"),
    *("--model.network.channels", "[4,8,8]", "--model.network.batch_norm", "true", "--model.network.dropout", "0.2"),
]
RUN = Path("lightning_logs/version_0")


def processes(count: int) -> list[str]:
    several = ["--trainer.strategy", "ddp", "--trainer.devices", str(count)] if count > 1 else []
    return ["--device", "cpu", *several]


def metrics_of_test(root: Path, *arguments: str) -> dict[str, float]:
    result = run_process("test", *arguments, "--trainer.enable_progress_bar", "false", cwd=root)
    assert result.returncode == 0, result.stderr
    return json.loads((root / RUN / "test.json").read_text())["metrics"]


def test_two_processes_train_and_resume_and_three_evaluate(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    result = run_process("fit", *SETTINGS, *processes(2), cwd=whole)
    assert result.returncode == 0, result.stderr
    kept = contents_of(whole / RUN / "checkpoints" / "best.ckpt")
    assert kept["global_step"] in (10, 20), "each of two processes takes half of the 20 batches"

    # A signal that reaches one process stops both after the same step, and the run goes on from there.
    result = run_process("fit", *SETTINGS, *processes(2), *interrupt_at(13, "before", "SIGTERM"), cwd=stopped)
    assert result.returncode == 143, result.stderr
    assert contents_of(stopped / RUN / "checkpoints" / "last.ckpt")["global_step"] == 13
    result = run_process("fit", *SETTINGS, *processes(2), "--ckpt_path", "last", cwd=stopped)
    assert result.returncode == 0, result.stderr
    first, second = (contents_of(root / RUN / "checkpoints" / "last.ckpt") for root in (whole, stopped))
    assert_equal(first["state_dict"], second["state_dict"])
    # Sums over processes may be added up in another order.
    curves = [list(csv.reader((root / RUN / "metrics.csv").open(newline=""))) for root in (whole, stopped)]
    assert curves[0][0] == curves[1][0]
    for row, other in zip(curves[0][1:], curves[1][1:], strict=True):
        assert [float(x or -1) for x in row] == pytest.approx([float(x or -1) for x in other], abs=1e-6)

    # The validation metrics that two processes found, and test metrics of three, are those of one.
    result = run_process("validate", *processes(1), "--trainer.enable_progress_bar", "false", cwd=whole)
    printed = dict(line.split() for line in result.stdout.splitlines() if line.startswith("val"))
    for name, value in kept["metrics"].items():
        if name.startswith("val"):
            assert float(printed[name]) == pytest.approx(value, abs=6e-5)
    single = metrics_of_test(whole, *processes(1))
    assert metrics_of_test(whole, *processes(3), "--data.eval_batch_size", "99") == pytest.approx(single, abs=1e-6)
