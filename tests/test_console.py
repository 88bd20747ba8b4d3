import io
import sys

import pytest
from tqdm import tqdm

from mnist_cnn.console import can_redraw, clock, coloured, duration, labelled, say, table, wrapped
from tests.support.terminals import Terminal


@pytest.mark.parametrize(
    ("environment", "stream", "is_coloured"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "0"}, Terminal(), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
    ],
)
def test_colours_are_for_terminals_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stream: io.StringIO, is_coloured: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    assert coloured("best", "green", stream) == ("\033[32mbest\033[0m" if is_coloured else "best")


def test_lines_are_drawn_over_on_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert can_redraw(Terminal())
    assert not can_redraw(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_redraw(Terminal())


def test_lines_stand_above_a_bar_that_is_drawn() -> None:
    terminal = Terminal()
    with tqdm(total=4, file=terminal, ncols=40, leave=False):
        say("a line", terminal)
    before, line, after = terminal.getvalue().partition("a line\n")
    assert line
    assert before.endswith(" \r"), "the bar was wiped off"
    assert "0/4" in after, "and is drawn anew"


def test_time_spans_are_told_in_words_and_as_a_clock_shows_them() -> None:
    assert [duration(seconds) for seconds in (0.04, 59.94, 59.96, 182, 3900)] == [
        "0.0 s",
        "59.9 s",
        "1 min 0 s",
        "3 min 2 s",
        "1 h 5 min",
    ]
    assert [clock(seconds) for seconds in (0, 9.4, 182, 3900)] == ["0:00", "0:09", "3:02", "1:05:00"]


def test_labelled_texts_wrap_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = labelled("Best", "epoch 3: validation loss 0.1, in a/long/path/to/a-file/of-many/words.ckpt").splitlines()
    assert lines == [
        "Best     epoch 3: validation loss 0.1,",
        "         in",
        "         a/long/path/to/a-file/of-many/words.ckpt",
    ]


def test_lines_are_broken_at_words_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "the folder that is named here has the path /a/very/long/path/of/more/than/forty/characters/in/it, no more"
    lines = wrapped(text, Terminal()).splitlines()
    assert " ".join(lines) == text
    assert [len(line) > 40 for line in lines] == [False, False, True, False]
    assert wrapped(text, io.StringIO()) == text


def test_what_is_to_be_pasted_stays_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "mnist-cnn fit --config 'two words/a.yaml' --lr 0.1 --ckpt_path last"
    assert wrapped(f"Go on with:\n  {command}", Terminal()) == f"Go on with:\n  {command}"
    assert "mnist-cnn fit --lr 1 --l2 2;" in wrapped("it can be run as mnist-cnn fit --lr 1 --l2 2; so do", Terminal())
    assert "'some words in one'" in wrapped("so many words and then 'some words in one' path", Terminal())
    red = "\033[31merror:\033[0m " + "x" * 33
    assert wrapped(red, Terminal()) == red, "colours take no room"


def test_names_in_any_alphabet_stand_in_columns() -> None:
    rows = [("name", "n", "x"), ("猫", "1", "x"), ("grün", "22", "x"), ("gru\u0308n", "3", "x")]
    lines = table(rows, right_aligned=(1,)).splitlines()
    assert lines == ["name   n  x", "猫     1  x", "grün  22  x", "gru\u0308n   3  x"]
