"""What `mnist-cnn runs` tells, of runs whose files are written here."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from mnist_cnn.errors import UserError
from mnist_cnn.runs.folders import list_runs
from mnist_cnn.runs.lock import RunLock
from mnist_cnn.runs.names import check_name, name_of, write_name
from mnist_cnn.runs.overview import overview
from tests.support.commands import ROOT, TINY_RUN, Cli, run_program

CONFIG = {
    "trainer": {"max_epochs": 2, "default_root_dir": "here"},
    "model": {"network": {"class_path": "mnist_cnn.networks.CNN", "init_args": {"dropout": 0.1}}, "lr": 0.01},
    "data": {"dataset": "mnist", "stand_in": "synthetic", "batch_size": 64},
}
CURVES = """epoch,step,train/loss_step,val/loss,val/accuracy,train/loss
0,50,2.1,,,
0,60,,0.5,0.9,
0,60,,,,0.7
1,120,,0.25,0.9375,
1,120,,,,0.3
"""


def write_run(number: int, lr: float = 0.01, curves: str | bytes = CURVES) -> Path:
    """Write the small files of a run."""
    run_dir = Path(f"lightning_logs/version_{number}")
    (run_dir / "checkpoints").mkdir(parents=True)
    config = {**CONFIG, "model": {**CONFIG["model"], "lr": lr}}
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    (run_dir / "metrics.csv").write_bytes(curves if isinstance(curves, bytes) else curves.encode())
    (run_dir / "events.out.tfevents.1700000000.host.1.0").touch()
    (run_dir / "checkpoints" / "best.ckpt").touch()
    return run_dir


def write_test(run_dir: Path, accuracy: float = 0.975) -> None:
    result = {"checkpoint": "checkpoints/best.ckpt", "metrics": {"test/accuracy": accuracy}}
    (run_dir / "test.json").write_text(json.dumps(result))


def test_a_runs_best_epoch_its_test_and_what_it_did_otherwise() -> None:
    write_test(write_run(0))
    write_run(1, lr=0.5)
    first, second = overview(list_runs(Path()))
    assert (first.dataset, first.network, first.epochs, first.planned_epochs) == ("mnist", "CNN", 2, 2)
    assert (first.val_loss, first.val_accuracy, first.test_accuracy) == (0.25, 0.9375, 0.975)
    assert first.started is not None
    assert first.started.timestamp() == 1700000000
    assert first.differences == {}
    assert second.test_accuracy is None
    assert second.differences == {"lr": (0.01, 0.5)}
    assert first.problems == second.problems == []


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("config.yaml", b"", None),
        ("config.yaml", b"\xff\xfe\xff", "config.yaml"),
        ("config.yaml", b"trainer:\nmodel: 3\ndata: []\n", None),
        ("metrics.csv", b"", "metrics.csv is damaged"),
        ("metrics.csv", b"epoch,train/loss,val/loss\n0,1,x\n", "metrics.csv is damaged"),
        ("metrics.csv", b"\xff\xfe\x00", "metrics.csv is damaged"),
        ("metrics.csv", b"epoch,train/loss,val/loss\nnan,1,nan\ninf,1,2\n", None),
        ("test.json", b"{", "test.json is damaged"),
        ("test.json", b'{"metrics": 3}', "test.json is damaged"),
    ],
)
def test_damaged_files_leave_cells_open_and_are_named(cli: Cli, file: str, content: bytes, problem: str | None) -> None:
    run_dir = write_run(0)
    (run_dir / file).write_bytes(content)
    (run,) = overview([run_dir])
    if problem:
        assert problem in run.problems[0]
    status, out, err = cli("runs")
    assert (status, err) == (0, "")
    assert (problem or "?") in out


def test_a_test_of_a_checkpoint_that_was_replaced_since_is_said_to_be_one() -> None:
    run_dir = write_run(0)
    write_test(run_dir)
    later = (run_dir / "test.json").stat().st_mtime + 5
    os.utime(run_dir / "checkpoints" / "best.ckpt", (later, later))
    assert overview([run_dir])[0].problems == ["the test is of an earlier best.ckpt"]


def test_runs_are_shown_at_80_columns_with_names_stand_ins_and_differences(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write_run(0)
    write_name(write_run(1, lr=0.5), "steeper")
    (write_run(2, curves=CURVES.partition("1,120")[0]) / "STAND-IN-DATA.txt").touch()
    Path("lightning_logs/version_3").mkdir()
    status, out, _ = cli("runs")
    assert status == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        *("run", "version_0", "steeper", "version_2", "version_3")
    ]
    assert "93.75    0.2500  -" in lines[1]
    assert lines[3:5] == ["  version_1", "  lr 0.01 -> 0.5"]
    assert "synthetic  CNN         1/2  90.00    0.5000" in lines[5]
    assert lines[6] == "  stand-in data: says nothing about mnist"
    assert lines[8] == "  no config.yaml"


@pytest.mark.parametrize("name", ["runs.csv", "runs.json"])
def test_runs_are_written_to_a_file(cli: Cli, name: str) -> None:
    write_run(0)
    write_run(1, lr=0.5)
    assert cli("runs", "--output", name, "lightning_logs")[0] == 0
    text = Path(name).read_text()
    rows = json.loads(text) if name.endswith(".json") else list(csv.DictReader(text.splitlines()))
    assert [row["run"] for row in rows] == ["version_0", "version_1"]
    assert float(rows[1]["val_accuracy"]) == 0.9375
    assert rows[1]["differences"] == ({"lr": 0.5} if name.endswith(".json") else '{"lr": 0.5}')


def test_where_there_are_no_runs_it_is_said(cli: Cli) -> None:
    assert cli("runs")[:2] == (0, "There is no run in lightning_logs yet; train one with mnist-cnn fit.\n")
    status, _, err = cli("runs", "--root", "nowhere")
    assert status == 1
    assert "nowhere: there is no such folder" in err


def test_runs_are_listed_without_torch() -> None:
    write_run(0)
    program = (
        "import sys; from mnist_cnn.cli.main import main; main(['runs']); "
        "sys.exit(sorted({'torch', 'numpy', 'pytorch_lightning'} & set(sys.modules)) or 0)"
    )
    assert run_program(program).returncode == 0


def test_a_run_keeps_its_name_when_it_goes_on_and_is_found_by_it(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN, "--name", "small one", "--epochs", "1")[0] == 0
    run_dir = Path("lightning_logs/version_0")
    assert name_of(run_dir) == "small one"
    assert "name" not in yaml.safe_load((run_dir / "config.yaml").read_text())
    status, out, err = cli("fit", "--ckpt_path", "small one", "--epochs", "2")
    assert status == 0, err
    assert "Resumed  in epoch 2" in out
    assert (name_of(run_dir), len(list_runs(Path()))) == ("small one", 1)
    status, _, err = cli("validate", "--ckpt_path", "small two")
    assert status == 1
    assert "--ckpt_path small two: no such file" in err


@pytest.mark.parametrize("name", ["", "best", "a/b", "version_3", "two\nlines", " x", "x.ckpt", "x" * 61, "--epochs"])
def test_names_that_could_be_something_else_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="--name"):
        check_name(name)


def test_the_shipped_run_is_read_whole(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "lightning_logs" / "reference", tmp_path / "lightning_logs" / "version_0")
    (run,) = overview(list_runs(tmp_path))
    assert (run.network, run.epochs, run.planned_epochs) == ("CNN", 16, 16)
    assert run.test_accuracy == pytest.approx(0.9963)


def test_a_test_of_some_images_is_said_to_be_one(cli: Cli) -> None:
    run_dir = write_run(0)
    write_test(run_dir)
    record = json.loads((run_dir / "test.json").read_text())
    assert "the test saw" not in cli("runs")[1]
    (run_dir / "test.json").write_text(json.dumps({**record, "images": 2000, "images_of_set": 10000}))
    assert "the test saw 2,000 of 10,000 images" in cli("runs")[1]


def test_a_run_that_is_being_trained_is_said_to_be(cli: Cli) -> None:
    run_dir = write_run(0)
    with RunLock(run_dir):
        assert f"being trained by process {os.getpid()} on " in cli("runs")[1]
    assert "being trained" not in cli("runs")[1]
