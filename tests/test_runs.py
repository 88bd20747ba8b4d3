from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mnist_cnn.runs import list_runs, make_run_dir


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
