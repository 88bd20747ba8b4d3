from pathlib import Path

import pytest

from mnist_cnn.files import write_json, write_text, written_whole


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_text(path, "one")
    with written_whole(path) as part:
        part.write_text("two")
        assert path.read_text() == "one"
        assert part.suffix == ".txt"
    assert path.read_text() == "two"
    write_json(path.with_suffix(".json"), {"a": "\u00e4"})
    assert path.with_suffix(".json").read_text(encoding="utf-8") == '{\n  "a": "\u00e4"\n}\n'


def test_a_write_that_fails_keeps_what_was_there_and_leaves_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "one")

    def fail() -> None:
        with written_whole(path) as part:
            part.write_text("half of it")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "long")
    assert path.read_text() == "long"
