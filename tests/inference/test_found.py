"""Which pictures are found by names of files and folders, and how answers about them are written."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.inference.answers import AnswerFile, InputFolder
from mnist_cnn.inference.base import Prediction
from mnist_cnn.inference.found import find_pictures
from mnist_cnn.inference.given import Item, Pictures
from tests.support.pictures import seven


def picture(name: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    seven(40, 4).save(path, "PNG")
    return path


def test_hidden_folders_and_links_to_folders_are_not_walked() -> None:
    seen = [picture(name) for name in ("scans/a.png", "scans/b/c.JPG")]
    for name in (".venv/x.png", "scans/.hidden/y.png", "scans/._a.png"):
        picture(name)
    Path("scans/again").symlink_to("..", target_is_directory=True)
    Path("scans/b/drawing.eps").write_text("%!PS")
    Path("scans/paper.pdf").write_text("%PDF")
    assert find_pictures(["."]) == (seen, [])
    assert find_pictures([".venv"]) == ([Path(".venv/x.png")], []), "asked for by its name it is"


def test_what_is_no_file_is_named_with_the_reason() -> None:
    os.mkfifo("pipe.png")
    Path("round.png").symlink_to("round.png")
    Path("gone.png").symlink_to("nowhere")
    names = ["pipe.png", "/dev/zero", "round.png", "gone.png", "absent", "x" * 300, "a\0b", "https://a.org/7.png"]
    found, failures = find_pictures(names)
    assert found == []
    words = [
        "a pipe",
        "a device",
        "no such file",
        "no such file",
        "no such file",
        "too long",
        "no such file",
        "address",
    ]
    for name, failure, word in zip(names, failures, words, strict=True):
        assert failure.startswith(name.replace("\0", "\\x00")[:60])  # long names are cut
        assert word in failure


def test_photographs_that_are_not_read_are_found_so_that_they_are_named() -> None:
    seen = [picture("scans/a.png"), Path("scans/IMG_1.HEIC")]
    seen[1].write_bytes(b"\0\0\0\x18ftypheic")
    assert find_pictures(["scans"]) == (sorted(seen), [])


def test_a_folder_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    picture("scans/a.png")
    picture("scans/closed/b.png")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert find_pictures(["scans"]) == ([Path("scans/a.png")], ["scans/closed: Permission denied"])


ODD = ["new\nline.png", "\x1b[31mred.png", "$a {b}.png", os.fsdecode(b"\xff\xfe.png"), "\u202egnp.png"]


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_names_of_any_kind_are_written(ending: str) -> None:
    output = Path("{out}$" + ending)
    with AnswerFile(output, "json" if ending == ".json" else "csv", 1) as file:
        for name in ODD:
            file.write(Item(name, None, name), Prediction("7", 7, 1.0, (("7", 1.0),)))
    text = output.read_text(encoding="utf-8")
    assert not any(character in text for character in "\x1b\u202e" * (ending == ".csv"))
    if ending == ".json":
        assert [row["picture"] for row in json.loads(text)] == ODD
    else:
        shown = [row["picture"] for row in csv.DictReader(text.splitlines())]
        assert shown == ["new\\nline.png", "\\x1b[31mred.png", "$a {b}.png", "\\xff\\xfe.png", "\\u202egnp.png"]


def test_inputs_are_saved_under_names_of_any_kind() -> None:
    inputs = InputFolder(Path("seen"))
    for item in Pictures([Path(name) for name in [*ODD, "-"]]).items():
        inputs.write(item, Prediction(image=np.zeros((28, 28), np.uint8)))
    assert {path.name for path in Path("seen").iterdir()} == {*ODD, "standard-input.png"}


def test_a_folder_of_tables_is_answered_with_their_names() -> None:
    Path("tables").mkdir()
    Path("tables/test.csv").write_text("pixel0\n")
    found, failures = find_pictures(["tables"])
    assert found == []
    assert failures == [
        f"tables: there are no pictures in this folder; name the files of many images in it, as tables{os.sep}test.csv"
    ]
