import os
import threading
from pathlib import Path

import pytest

from mnist_cnn import configs
from mnist_cnn.configs import parse_settings, parse_yaml, read_settings
from mnist_cnn.errors import UserError

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "more than 20000 values, counting what aliases stand for (line 5)"),
        ("a: &a [*a]", "*a contains itself (line 1)"),
        ("a: &a {b: *a}", "*a contains itself"),
        ("a: *b", "*b is unknown"),
        ("- " * 3000, "more than 50 levels"),
        ("{a: " * 3000, "more than 50 levels"),
        ("[" * 3000, "levels|nesting"),
        ("\na: " + "9" * 5000, "a number of 5000 digits (line 2)"),
        ("a: 0x" + "f" * 5000, "a number of 5002 digits"),
        ("a: !!python/object/apply:os.system [touch ran]", "os.system is not allowed, as settings are plain values"),
        ("a: !!bool x", "no valid YAML"),
        ("a: !!int x", "no valid YAML"),
        ("a: 0x_", "no valid YAML"),
        ("a: 1\nb: 2\na: 3", "'a' stands in line 1 and again (line 3)"),
        ("a: [1", "is no valid YAML"),
        ("a: \0", "is no valid YAML"),
        ("? [a]\n: 1", "unhashable key (line 1)"),
        ("just words", "holds no settings"),
        ("- 1", "holds no settings"),
    ],
)
def test_what_is_more_than_settings_is_refused_in_a_line(text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_settings(text, "some.yaml")
    message = str(raised.value)
    assert message.startswith("some.yaml ")
    assert any(part in message for part in expected.split("|"))
    assert "\n" not in message
    assert len(message) < 200
    assert not Path("ran").exists()


def test_values_are_read_as_the_command_line_reads_them() -> None:
    text = "{a: 1e-3, b: .5, c: 1_000, d: 0x1F, e: -.inf, f: 12:30:00, g: 2020-01-01, h: null, i: yes, j: '1'}"
    expected = {"a": 0.001, "b": 0.5, "c": 1000, "d": 31, "e": float("-inf"), "f": "12:30:00", "g": "2020-01-01"}
    assert parse_yaml(text, "") == {**expected, "h": None, "i": True, "j": "1"}


def test_aliases_and_merged_mappings_are_plain_settings() -> None:
    text = "one: &one {a: 1}\ntwo: &two {<<: *one, b: 2}\nthree: {<<: [*one, *two], a: 3}\nfour: *two\n"
    two = {"a": 1, "b": 2}
    assert parse_yaml(text, "") == {"one": {"a": 1}, "two": two, "three": {"a": 3, "b": 2}, "four": two}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_of_other_programs_are_read(encoding: str) -> None:
    Path("some.yaml").write_text("a: \u00e4\n", encoding=encoding)
    assert read_settings(Path("some.yaml")) == {"a": "\u00e4"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: \xe4", "is no text: byte 3 is no UTF-8"),
        (bytes(range(256)), "some.yaml is no"),
        (b"\xff\xfea", "is no text"),
        (b"#" * (configs.LARGEST + 1), "larger than 256 KB"),
    ],
)
def test_files_that_are_no_texts_are_refused(content: bytes, expected: str) -> None:
    Path("some.yaml").write_bytes(content)
    with pytest.raises(UserError, match=expected):
        read_settings(Path("some.yaml"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "that is a folder"),
        ("none.yaml", "No such file"),
        ("nul\0byte", "null byte"),
        ("n" * 5000, "name too long"),
        ("/dev/zero", "that is a device"),
    ],
)
def test_paths_of_no_files_are_refused(path: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        read_settings(Path(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_to_its_end_and_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("a: 1"))
    writer.start()
    assert read_settings(Path("pipe")) == {"a": 1}
    writer.join()

    monkeypatch.setattr(configs, "PATIENCE", 0.05)
    with pytest.raises(UserError, match="nothing more has come through this pipe"):
        read_settings(Path("pipe"))
    holder = os.open("pipe", os.O_RDWR)
    os.write(holder, b"a: 1")
    with pytest.raises(UserError, match="nothing more has come through this pipe"):
        read_settings(Path("pipe"))
    os.close(holder)
