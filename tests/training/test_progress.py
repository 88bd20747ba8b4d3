"""What a person sees of a run: a bar while it lasts, a line for each epoch, and a summary."""

import re
from pathlib import Path

import pytest

from mnist_cnn.cli.main import main
from tests.support.commands import TINY_RUN, Cli
from tests.support.interruptions import interrupt_at
from tests.support.terminals import Terminal, terminal

BAR = ["--trainer.enable_progress_bar", "true"]
PERCENT = r"(\d+\.\d\d) %"
LOSS = r"(\d\.\d{4})"
# Columns of an epoch's line.
EPOCH = re.compile(rf" *(\d+/\d+) +{LOSS} +{PERCENT} +{LOSS} +{PERCENT} +(\d+\.\d) +(\d+:\d\d)( +best)?")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of this module are kept."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def stopped(root: Path) -> Terminal:
    """What a run of three epochs of 30 steps writes to a terminal, up to a signal in the second one."""
    run = [*TINY_RUN, *BAR, "--batch-size", "20", "--epochs", "3", "--trainer.default_root_dir", str(root)]
    with terminal() as screen:
        assert main(["fit", *run, *interrupt_at(45, "before", "SIGTERM")]) == 143
    return screen


@pytest.fixture(scope="module")
def resumed(root: Path, stopped: Terminal) -> Terminal:
    """What the same run writes when it goes on."""
    last = root / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt"
    with terminal() as screen:
        assert main(["fit", "--ckpt_path", str(last), *BAR, "--trainer.callbacks", "null"]) == 0
    return screen


def epochs(lines: list[str]) -> list[re.Match[str]]:
    """The lines of epochs among others."""
    return [match for line in lines if (match := EPOCH.fullmatch(line))]


def test_each_epoch_leaves_a_line_on_a_terminal_and_the_bar_none(stopped: Terminal, resumed: Terminal) -> None:
    headings = ["Epoch", "train", "loss", "accuracy", "val", "loss", "accuracy", "seconds", "left"]
    for screen, numbers in ((stopped, ["1/3"]), (resumed, ["2/3", "3/3"])):
        lines = screen.lines()
        assert [line.split() for line in lines if line.startswith("Epoch")] == [headings]
        assert [match[1] for match in epochs(lines)] == numbers
        assert not [line for line in lines if "|" in line]
    assert epochs(resumed.lines())[-1][7] == "0:00", "nothing is left after the last epoch"


def test_the_bar_shows_epoch_speed_loss_validation_accuracy_and_what_is_left(resumed: Terminal) -> None:
    last = [bar for bar in resumed.bars() if "30/30" in bar][-1]
    assert re.match(r"Epoch 3/3( validation 1/1)? 100%\|", last)
    assert re.search(r"\| 30/30 \[ *[\d.]+it/s, loss=\d+\.\d{3}, val=\d+\.\d\d%, left=\d:\d\d\]", last)
    assert max(map(len, resumed.bars())) <= 80


def test_a_resumed_bar_goes_on_where_its_epoch_was_left(stopped: Terminal, resumed: Terminal) -> None:
    first = resumed.bars()[0]
    assert re.match(r"Epoch 2/3 +50%\|", first)
    assert "| 15/30 [" in first
    assert "Resumed  in epoch 2, after 45 steps" in resumed.lines()


def test_the_best_epoch_is_marked_in_colour_unless_none_is_wanted(stopped: Terminal) -> None:
    assert "\033[32mbest\033[0m" in stopped.getvalue()
    with terminal(NO_COLOR="1") as screen:
        assert main(["fit", *TINY_RUN]) == 0
    assert "best" in epochs(screen.lines())[0][0]
    assert "\033[" not in screen.getvalue()


def test_the_end_tells_the_best_epoch_and_where_the_time_went(resumed: Terminal) -> None:
    lines = resumed.lines()
    assert max(len(line) for line in lines if not line.startswith("  ")) <= 80
    text = " ".join(" ".join(lines).split())
    best = min(epochs(lines), key=lambda match: float(match[4]))
    assert f"Best epoch {best[1][0]}: validation loss {best[4]}, accuracy {best[5]} %, in " in text
    number = r"(?:\d+ min )?[\d.]+ s"
    time = re.search(rf"Time {number}: ((?:[a-z ]+ {number}, )*[a-z ]+ {number}) Next", text)
    assert time
    assert re.search(rf"training {number}.*reading data {number}", time[1])


def test_the_best_epoch_of_an_earlier_start_is_read_from_its_checkpoint(root: Path, resumed: Terminal) -> None:
    last = root / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt"
    with terminal() as screen:
        assert main(["fit", "--ckpt_path", str(last), "--trainer.callbacks", "null"]) == 0
    best = next(line for line in resumed.lines() if line.startswith("Best"))
    assert best in screen.lines()


def test_in_a_file_there_is_a_line_for_each_epoch_and_no_control_character(cli: Cli) -> None:
    status, out, _ = cli("fit", *TINY_RUN, *BAR)
    assert status == 0
    assert not re.search(r"[^\x20-\x7e\n]", out)
    assert [match[1] for match in epochs(out.splitlines())] == ["1/2", "2/2"]
    assert "Device   CPU, precision 32-true, 1 process\n" in out


def test_without_validation_its_columns_are_empty(cli: Cli) -> None:
    status, out, err = cli("fit", *TINY_RUN, "--trainer.limit_val_batches", "0", "--trainer.max_steps", "8")
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines() if re.match(r" *\d/2 ", line)]
    assert [line[0] for line in lines] == ["1/2", "2/2"]
    assert all(line[4:6] == ["-", "-"] for line in lines)
    assert "Best     none is kept, as nothing was validated" in out


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_progress_bar_of_the_users_own_takes_the_place_of_ours(cli: Cli, enabled: str) -> None:
    own = ["--trainer.callbacks", "TQDMProgressBar", "--trainer.callbacks.leave", "true"]
    status, out, err = cli("fit", *TINY_RUN, "--trainer.enable_progress_bar", enabled, *own, "--epochs", "1")
    assert status == 0, err
    assert "Epoch 0: 100%|" in out, "as Lightning's own counts"
