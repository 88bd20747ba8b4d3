from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mnist_cnn.runs.folders import list_runs, make_run_dir, read_curves
from tests.support.commands import TINY_RUN, Cli


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
