import errno
import os
from pathlib import Path

import pytest

from mnist_cnn.errors import UserError, of_system


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("ENOSPC", "a/b.csv: no space is left on the disk"),
        ("EDQUOT", "a/b.csv: your share of the disk is used up"),
        ("EROFS", "a/b.csv: the disk can only be read"),
        ("EIO", "a/b.csv: the disk reports"),
        ("EFBIG", "a/b.csv: the file would be larger"),
        ("ENAMETOOLONG", "a/b.csv: the name is longer"),
        ("ENOENT", "a/b.csv: there is no such file or folder"),
        ("ENOTDIR", "a/b.csv: a part of the path is a file"),
        ("EEXIST", "a/b.csv: that is a file"),
        ("EISDIR", "a/b.csv: that is a folder"),
        ("EACCES", "a/b.csv: it may not be read or written by you"),
        ("EPERM", "a/b.csv: it may not"),
        ("EBUSY", f"a/b.csv: {os.strerror(errno.EBUSY)}"),
    ],
)
def test_what_the_system_refuses_is_a_sentence_with_the_files_name(number: str, expected: str) -> None:
    code = getattr(errno, number)
    assert (of_system(OSError(code, os.strerror(code), "a/b.csv")) or "").startswith(expected)
    assert of_system(OSError(code, os.strerror(code))) in (expected[9:], (of_system(OSError(code, "")) or ""))


@pytest.mark.parametrize("error", [UserError("ours"), ValueError("x"), RuntimeError("x"), KeyError("x")])
def test_other_errors_are_none_of_the_systems(error: Exception) -> None:
    assert of_system(error) is None


def test_what_python_finds_wrong_with_a_path_before_the_system_does() -> None:
    for call in (Path("a\0b").stat, Path("a\0b").read_bytes):
        with pytest.raises(ValueError, match="null") as caught:
            call()
        assert of_system(caught.value) == "a path holds a NUL character, which no file's name can have"
    assert "home folder" in (of_system(RuntimeError("Could not determine home directory.")) or "")


def test_long_and_odd_names_stay_readable() -> None:
    words = of_system(OSError(errno.ENAMETOOLONG, "", "x" * 5000)) or ""
    assert len(words) < 200
    assert "\x1b" not in (of_system(OSError(errno.ENOENT, "", "\x1b[2Jname")) or "")
    assert (of_system(OSError(errno.ENOENT, "", b"bytes\xff")) or "").startswith("bytes")
    assert of_system(TimeoutError("no answer")) == "no answer"
