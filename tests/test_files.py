import errno
from pathlib import Path

import pytest

from mnist_cnn.errors import UserError
from mnist_cnn.files import expanded, write_json, write_text, written_whole


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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG])
def test_what_goes_wrong_while_bytes_are_written_names_the_file(number: int) -> None:
    """The system does not say to which file."""
    with pytest.raises(OSError, match=r"words: 'below/file\.txt'"), written_whole(Path("below/file.txt")):
        raise OSError(number, "words")


def test_errors_of_other_things_keep_their_words() -> None:
    with pytest.raises(TimeoutError) as caught, written_whole(Path("file.txt")):
        raise TimeoutError("no answer")
    assert str(caught.value) == "no answer"
    with pytest.raises(FileNotFoundError, match="other"), written_whole(Path("file.txt")):
        Path("other").read_text()


def test_the_temporary_name_is_nobodys_business() -> None:
    with pytest.raises(FileNotFoundError, match=r"'file\.txt'"), written_whole(Path("file.txt")):
        pass  # nothing was written


def test_a_folder_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(IsADirectoryError, match=r"file\.txt"):
        write_text(tmp_path / "file.txt", "one")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_the_home_of_nobody_is_a_path_like_any_other() -> None:
    assert expanded("~nosuchuser/file") == Path("~nosuchuser/file")
    assert expanded("~/file") == Path.home() / "file"


@pytest.mark.parametrize("address", ["memory://x", "s3://bucket/run", "memory:/x", "file://elsewhere/x", "gs://b"])
def test_addresses_are_no_folders_of_that_name(address: str) -> None:
    with pytest.raises(UserError, match=f"{address} is an address"):
        expanded(address)


def test_addresses_of_files_are_the_paths_in_them() -> None:
    for address in ("file:///a/b%20c", "file:/a/b%20c", "file://localhost/a/b%20c"):
        assert expanded(address) == Path("/a/b c")
    assert expanded("some/C:/odd") == Path("some/C:/odd")
    assert expanded("C:/drive") == Path("C:/drive")
