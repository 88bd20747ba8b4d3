import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from mnist_cnn.errors import UserError
from mnist_cnn.runs.folders import (
    find_checkpoint,
    find_default_checkpoint,
    is_run,
    list_runs,
    make_run_dir,
    read_curves,
)
from mnist_cnn.shipped import reference_run
from tests.support.checkpoints import write_checkpoint
from tests.support.commands import TINY_RUN, Cli

RUNS = Path("lightning_logs")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of this project."""
    return write_checkpoint(tmp_path_factory.mktemp("written") / "some.ckpt")


def put(checkpoint: Path, name: str, number: int) -> Path:
    """Give the run of a number a checkpoint of a name."""
    path = RUNS / f"version_{number}" / "checkpoints" / f"{name}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(checkpoint, path)
    return path


def write_foreign_run(number: int) -> None:
    """What another project of Lightning's leaves, with `save_last=True`."""
    folder = RUNS / f"version_{number}" / "checkpoints"
    folder.mkdir(parents=True)
    content = {"state_dict": {}, "hyper_parameters": {"network": "resnet"}, "epoch": 1}
    for name in ("epoch=1-step=20.ckpt", "last.ckpt", "best.ckpt"):
        torch.save(content, folder / name)
    (folder.parent / "config.yaml").write_text("# pytorch_lightning==2.6.6\ntrainer:\n  devices: 1\nmodel:\n  lr: 1\n")


def test_runs_that_start_at_once_get_directories_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_run_dir(Path()), range(16)))
    assert len(set(made)) == 16
    assert sorted(made) == sorted(list_runs(Path()))


def test_runs_are_in_the_order_of_their_numbers() -> None:
    for number in (0, 2, 10):
        Path(f"lightning_logs/version_{number}").mkdir(parents=True)
    Path("lightning_logs/reference").mkdir()
    assert [run.name for run in list_runs(Path())] == ["version_0", "version_2", "version_10"]
    assert make_run_dir(Path()).name == "version_11"


def test_curves_are_read_with_epochs_counted_from_one(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN)[0] == 0
    curves = read_curves(Path("lightning_logs/version_0/metrics.csv"))
    assert set(curves) == {"train/loss", "train/accuracy", "val/loss", "val/accuracy"}
    assert curves["val/loss"][0] == [1, 2]
    assert read_curves(Path("absent.csv")) == {}


def test_the_newest_run_that_has_a_best_checkpoint_is_said_and_taken(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = put(checkpoint, "best", 0)
    put(checkpoint, "last", 3)  # Ctrl-C in the first epoch
    for find in (lambda: find_checkpoint("best", Path()), lambda: find_default_checkpoint(Path())):
        assert find() == best
        (line,) = capsys.readouterr().err.splitlines()
        assert (
            "lightning_logs/version_3 has no best.ckpt: taking lightning_logs/version_0/checkpoints/best.ckpt" in line
        )
    put(checkpoint, "best", 4)
    with pytest.raises(UserError, match=r"version_4 has no last.ckpt; lightning_logs/version_3/checkpoints/last.ckpt"):
        find_checkpoint("last", Path())


def test_where_no_run_has_a_best_checkpoint_the_shipped_network_answers(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(checkpoint, "last", 0)
    assert find_default_checkpoint(Path()).parent.parent == reference_run()
    assert "no run in lightning_logs has a best.ckpt yet: taking the network" in capsys.readouterr().err
    with pytest.raises(
        UserError, match=r"no run in lightning_logs has a best.ckpt yet; .*version_0.*last.ckpt is there"
    ):
        find_checkpoint("best", Path())


@pytest.mark.parametrize("value", ["0", "0.0"])
def test_the_last_checkpoint_of_a_run_without_validation_stands_for_its_best(
    checkpoint: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    put(checkpoint, "best", 0)
    last = put(checkpoint, "last", 1)
    (RUNS / "version_1" / "config.yaml").write_text(f"trainer:\n  limit_val_batches: {value}\nmodel:\n  lr: 1\n")
    assert find_checkpoint("best", Path()) == last
    assert capsys.readouterr().err.strip() == f"mnist-cnn: taking {last}, of a run without validation"


def test_the_folders_of_other_projects_are_passed_over(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_foreign_run(0)
    assert not is_run(RUNS / "version_0")
    assert find_default_checkpoint(Path()).parent.parent == reference_run()
    for which in ("best", "last"):
        with pytest.raises(UserError, match="there is no run in lightning_logs yet"):
            find_checkpoint(which, Path())
    own = put(checkpoint, "last", 1), put(checkpoint, "best", 1)
    write_foreign_run(2)
    assert (find_checkpoint("last", Path()), find_checkpoint("best", Path())) == own
    assert capsys.readouterr().err == ""
    assert make_run_dir(Path()).name == "version_3"


def test_a_damaged_checkpoint_counts_as_this_projects(checkpoint: Path) -> None:
    put(checkpoint, "best", 0)
    damaged = put(checkpoint, "best", 1)
    damaged.write_bytes(checkpoint.read_bytes()[:1000])
    assert find_checkpoint("best", Path()) == damaged


def test_a_run_without_checkpoints_is_told_by_its_config() -> None:
    folder = make_run_dir(Path())
    assert not is_run(folder)
    shutil.copy(reference_run() / "config.yaml", folder)
    assert is_run(folder)


def test_a_folder_stands_for_its_runs_best_or_last(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = put(checkpoint, "last", 0).resolve()
    for folder in (last.parent, last.parent.parent):
        assert find_checkpoint(str(folder), Path()) == last
        assert "has no best.ckpt: taking its last.ckpt" in capsys.readouterr().err
        assert find_checkpoint(str(folder), Path(), "last") == last
    best = put(checkpoint, "best", 0).resolve()
    assert find_checkpoint("lightning_logs/version_0", Path()) == best
    last.unlink()
    with pytest.raises(UserError, match=r"there is no last.ckpt of mnist-cnn in this folder; .*best.ckpt is there"):
        find_checkpoint("lightning_logs/version_0", Path(), "last")
    with pytest.raises(UserError, match=r"there is no best.ckpt"):
        find_checkpoint(".", Path())


def test_the_shipped_network_has_a_name(checkpoint: Path) -> None:
    put(checkpoint, "best", 0)
    assert find_checkpoint("reference", Path()).parent.parent == reference_run()
