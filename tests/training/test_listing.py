"""What `test` and `validate` print of their metrics."""

import pytest

from mnist_cnn.console import columns_of
from mnist_cnn.training.listing import BEST, WORST, lines_of


def test_few_classes_have_a_line_each_in_columns_that_any_alphabet_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ["Κάτι", "猫 and dog", "a\nb\x1b[31m", "x" * 200]
    lines = lines_of({"test/accuracy": 0.5} | {f"test_class/{name}": 0.25 for name in names})
    assert len(lines) == 5
    assert {columns_of(line) for line in lines} == {80}
    assert lines[0].split() == ["test/accuracy", "0.5000"]
    assert lines[2].startswith("test_class/猫 and dog ")
    assert all(line.isprintable() for line in lines)


def test_short_names_are_printed_as_they_always_were() -> None:
    assert lines_of({"test/accuracy": 0.5, "test_class/7": 1.0}) == [
        f"{'test/accuracy':26} 0.5000",
        f"{'test_class/7':26} 1.0000",
    ]


def test_of_many_classes_the_worst_and_the_best_are_shown() -> None:
    lines = lines_of({"test/loss": 1.0} | {f"test_class/kind {number}": number / 120 for number in range(120)})
    assert len(lines) == 1 + 1 + WORST + BEST
    assert "worst 10 and the best 3 of 120 classes" in lines[1]
    shown = [line.split()[1] for line in lines[2:]]
    assert shown == [*map(str, range(10)), "117", "118", "119"]
