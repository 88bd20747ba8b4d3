"""Tables of names of pictures: in their order, from below the table's folder and from nowhere else."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form, Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError


@pytest.fixture(autouse=True)
def pictures() -> None:
    """A folder `animals` with the pictures `images/0.png` to `images/5.png`, each of its own grey."""
    Path("animals/images").mkdir(parents=True)
    for number in range(6):
        Image.new("L", (4, 4), number * 40).save(f"animals/images/{number}.png")


def write(content: str, name: str = "animals/labels.csv") -> None:
    Path(name).write_text(content, encoding="utf-8")


def read(path: str = "animals/labels.csv", split: Split = "train", **settings: Any) -> tuple[list[int], Any, Survey]:
    """Which of the pictures are there, with labels and survey."""
    source = recognise(Path(path), Reading(**settings))
    survey = source.survey()
    part = survey.parts[split]
    (block,) = source.blocks(split, Form(1, 4, 4))
    assert block.positions.tolist() == [*range(len(part))]
    return (block.images[:, 0, 0, 0] // 40).tolist(), None if part.labels is None else part.labels.tolist(), survey


WRITTEN = {
    "path,label": "path,label\nimages/3.png,cat\nimages/1.png,dog\nimages/2.png,cat\n",
    "label,path": "label,path\ncat,images/3.png\ndog,images/1.png\ncat,images/2.png\n",
    "names alone": "filename,class\n3.png,cat\n1.png,dog\n2.png,cat\n",
    "without endings": "id,breed\n3,cat\n1,dog\n2,cat\n",
    "without names of columns": "images/3.png,cat\nimages/1.png,dog\nimages/2.png,cat\n",
    "an unusual name": "image,what\n./images/3.png,cat\n./images/1.png,dog\n./images/2.png,cat\n",
    "an index": ",file,label\n0,images/3.png,cat\n1,images/1.png,dog\n2,images/2.png,cat\n",
    "backslashes": "path;label\r\nimages\\3.png;cat\r\nimages\\1.png;dog\r\nimages\\2.png;cat\r\n",
    "another folder above": "path\tlabel\ndata/images/3.png\tcat\ndata/images/1.png\tdog\ndata/images/2.png\tcat\n",
    "quotes and spaces": '"path", "label"\n"images/3.png", "cat"\n"images/1.png", "dog"\n\n"images/2.png", "cat"\n\n',
}


@pytest.mark.parametrize("way", WRITTEN)
def test_pictures_are_found_in_the_tables_order(way: str) -> None:
    write(WRITTEN[way])
    found, labels, survey = read()
    assert found == [3, 1, 2]
    assert labels == ["cat", "dog", "cat"]
    assert not survey.skipped
    assert (
        survey.parts["train"].name_of(1).startswith("labels.csv, row 3 (" if "without names" not in way else "labels")
    )


def test_rows_may_say_their_split() -> None:
    write("image,label,split\n0.png,a,train\n1.png,a,test\n2.png,b,train\n3.png,b,Validation\n4.png,b,other\n")
    assert [read(split=split)[:2] for split in ("train", "val", "test")] == [
        ([0, 2], ["a", "b"]),
        ([3], ["b"]),
        ([1], ["a"]),
    ]
    ((name, reason, _),) = read()[2].skipped
    assert (name, reason) == ("labels.csv, row 6", "'other' is none of train, val and test")


def test_the_column_of_labels_can_be_named() -> None:
    write("path,size,kind\n0.png,5,a\n1.png,6,b\n")
    with pytest.raises(UserError, match=r"which column holds the labels \(size, kind\)\? Name it with --data"):
        recognise(Path("animals/labels.csv"), Reading())
    assert read(label_column="kind")[1] == ["a", "b"]
    assert read(label_column="1")[1] == ["5", "6"]


def test_a_folder_with_tables_and_pictures_is_a_data_set() -> None:
    write("id,label\n3,7\n1,8\n", "animals/train.csv")
    write("id\n0\n2\n", "animals/test.csv")
    found, labels, _ = read("animals")
    assert (found, labels) == ([3, 1], ["7", "8"])
    found, labels, survey = read("animals", "test")
    assert (found, labels) == ([0, 2], None)
    assert any("no labels" in note for note in survey.notes)
    source: Source = recognise(Path("animals"), Reading())
    assert {file.name for file in source.files} == {"train.csv", "test.csv", "0.png", "1.png", "2.png", "3.png"}


def test_folders_of_classes_say_more_than_a_table_beside_them() -> None:
    for name in ("cat", "dog"):
        Path("pets", name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(f"pets/{name}/1.png")
    write("path,size\ncat/1.png,16\n", "pets/sizes.csv")
    assert recognise(Path("pets"), Reading()).kind == "a folder of pictures"


def hostile_rows(outside: Path) -> dict[str, str]:
    return {
        "../secret.png": "leads out of the table's folder",
        "images/../../secret.png": "leads out of the table's folder",
        "..\\secret.png": "leads out of the table's folder",
        str(outside): "leads out of the table's folder",
        "C:\\secret.png": "leads out of the table's folder",
        "~/secret.png": "leads out of the table's folder",
        "link.png": "leads out of the table's folder",
        "folder/secret.png": "leads out of the table's folder",
        "file:///etc/passwd": "an address is not fetched",
        "https://example.org/1.png": "an address is not fetched",
        "absent.png": "there is no such file",
        "images": "there is no such file",
        "pipe.png": "there is no such file",
        "twice.png": "there are 2 files of that name",
        "x" * 5000 + ".png": "",
        "a\0b.png": "",
        "\x1b[2J.png": "there is no such file",
        "circle.png": "",
        "broken.png": "",
        "": "it names no file",
    }


def test_what_leads_out_or_is_not_there_is_left_out_with_its_row() -> None:
    outside = Path("secret.png").absolute()
    Image.new("L", (4, 4), 255).save(outside)
    Path("animals/link.png").symlink_to(outside)
    Path("animals/folder").symlink_to(outside.parent)
    Path("animals/circle.png").symlink_to("circle.png")
    Path("animals/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    os.mkfifo("animals/pipe.png")
    for place in ("a", "b"):
        Path("animals", place).mkdir()
        Image.new("L", (4, 4)).save(f"animals/{place}/twice.png")
    rows = hostile_rows(outside)
    write("path,label\n" + "".join(f'"{name}",cat\n' for name in rows) + "0.png,dog\n0.png\n0.png,\n")
    found, labels, survey = read()
    assert (found, labels) == ([0], ["dog"])
    reasons = {int(entry.name.split("row ")[1].split()[0]): entry for entry in survey.skipped}
    assert [*reasons] == [*range(2, len(rows) + 2), len(rows) + 3, len(rows) + 4]
    for number, (name, reason) in enumerate(rows.items(), 2):
        assert reason in reasons[number].reason, name
        assert reasons[number].is_damaged
        assert f"{reasons[number].name}{reasons[number].reason}".isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,label\nabsent.png,cat\n", "names no picture that is there: labels.csv, row 2: absent.png"),
        ("path,label\n", "holds a row of names of columns alone"),
        ("path,label\n1.png,cat\n" + '2.png,"' + "x" * 200_000, "labels.csv, row 3: it cannot be read"),
        ("name,age\nAnn,5\nBob,6\n", "names no picture that is there"),
        ("city,country\nParis,France\nRome,Italy\n", "0 of 2 columns hold numbers"),
    ],
)
def test_tables_that_name_no_pictures_are_refused_in_a_line(content: str, message: str) -> None:
    write(content)
    with pytest.raises(UserError) as caught:
        recognise(Path("animals/labels.csv"), Reading()).survey()
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_numbers_as_labels_stay_classes() -> None:
    write("path,label\n0.png,7\n1.png,8\n")
    assert np.array_equal(read()[1], ["7", "8"])


@pytest.mark.parametrize("name", ["a" * 256, "bell\x07", "red\x1b[31m"])
def test_a_label_that_cannot_be_shown_is_no_class(name: str, tmp_path: Path) -> None:
    write(f"image,label\nimages/0.png,a\nimages/1.png,{name}\nimages/2.png,b\nimages/3.png,{name}\n")
    with pytest.raises(UserError, match="cannot be the name of a class: at most 255 characters") as caught:
        find_dataset("animals/labels.csv", Reading(cache_dir=str(tmp_path / "cache"))).class_names  # noqa: B018
    assert str(caught.value).isprintable()
