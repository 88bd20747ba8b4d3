"""Tables of pixels in the ways in which people write them."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 16), np.uint8)
IMAGES[:, 0] = 0
LABELS = [7, 3] * 10
PIXELS = [f"pixel{number}" for number in range(16)]


def table(*columns: Any, names: Sequence[str] = (), separator: str = ",", newline: str = "\n") -> str:
    """Columns, and arrays of columns, as a table."""
    rows = [[] for _ in range(len(columns[0]))]  # type: ignore[var-annotated]
    for column in columns:
        for row, cell in zip(rows, np.asarray(column).tolist(), strict=True):
            row += cell if isinstance(cell, list) else [cell]
    lines = [separator.join(map(str, row)) for row in [*([names] if names else []), *rows]]
    return "".join(line + newline for line in lines)


def read(path: str | Path, split: Split = "train", **settings: Any) -> tuple[NDArray[np.uint8], Any, Survey]:
    """Images (N, C, H, W), labels and survey of a table."""
    source = recognise(Path(path), Reading(**settings))
    survey = source.survey()
    part = survey.parts[split]
    channels = 1 if part.is_grey else 3
    blocks = [*source.blocks(split, Form(channels, *map(int, part.sizes[0])))]
    positions = np.concatenate([block.positions for block in blocks])
    assert sorted([*positions, *(at for block in blocks for at in block.damaged)]) == [*range(len(part))]
    images = np.concatenate([block.images for block in blocks])[np.argsort(positions)]
    return images, None if part.labels is None else part.labels.tolist(), survey


GREY = IMAGES.reshape(-1, 1, 4, 4)
KAGGLE = table(LABELS, IMAGES, names=["label", *PIXELS])
FIRST, LAST = table(LABELS, IMAGES), table(IMAGES, LABELS)
WRITTEN: dict[str, str | bytes] = {
    "kaggle": KAGGLE,
    "without names": FIRST,
    "label last": LAST,
    "label last, named": table(IMAGES, LABELS, names=[*PIXELS, "label"]),
    "label between": table(IMAGES[:, :5], LABELS, IMAGES[:, 5:], names=[*PIXELS[:5], "Label", *PIXELS[5:]]),
    "an unusual name": table(LABELS, IMAGES, names=["kanji", *PIXELS]),
    "tabs": table(LABELS, IMAGES, names=["label", *PIXELS], separator="\t"),
    "semicolons": table(LABELS, IMAGES, names=["label", *PIXELS], separator=";"),
    "spaces": table(LABELS, IMAGES, names=["label", *PIXELS], separator=" , "),
    "quotes": "".join(",".join(f'"{cell}"' for cell in row.split(",")) + "\n" for row in KAGGLE.splitlines()),
    "CRLF": KAGGLE.replace("\n", "\r\n"),
    "CR": KAGGLE.replace("\n", "\r"),
    "a mark of UTF-8": "\ufeff" + KAGGLE,
    "a mark of UTF-8 without names": "\ufeff" + FIRST,
    "no newline at the end": KAGGLE.rstrip("\n"),
    "empty lines at the end": KAGGLE + "\n\n",
    "a separator at the end": KAGGLE.replace("\n", ",\n"),
    "a separator at the end of rows": KAGGLE.replace("\n", ",\n").replace(",\n", "\n", 1),
    "pandas' index": table(range(20), LABELS, IMAGES, names=["", "label", *PIXELS]),
    "an index read again": table(range(20), LABELS, IMAGES, names=["Unnamed: 0", "label", *PIXELS]),
    "an index without names": table(range(20), LABELS, IMAGES),
    "an id": table(range(100, 120), LABELS, IMAGES, names=["ID", "label", *PIXELS]),
    "R's names of rows": table(range(1, 21), LABELS, IMAGES, names=["label", *PIXELS]),
    "R's names of columns": table(LABELS, IMAGES, names=[f"V{number}" for number in range(1, 18)]),
    "pandas' names": table(LABELS, IMAGES, names=[*map(str, range(17))]),
    "numbers as names": table(IMAGES, LABELS, names=[*map(str, range(16)), "label"]),
    "rows by columns": table(LABELS, IMAGES, names=["label", *(f"{y}x{x}" for y in range(4) for x in range(4))]),
    "a column of text": table(["a,b"] * 20, LABELS, IMAGES, names=["remark", "label", *PIXELS], separator="\t"),
    "a quoted column of text": table(['"a,b"'] * 20, LABELS, IMAGES, names=["remark", "label", *PIXELS]),
    "another column of numbers": table(LABELS, [5.5] * 20, IMAGES, names=["label", "weight", *PIXELS]),
    "floats": table([7.0, 3.0] * 10, IMAGES.astype(float), names=["label", *PIXELS]),
    "fractions": table(LABELS, IMAGES / 255, names=["label", *PIXELS]),
    "decimal commas": table(LABELS, IMAGES / 255, names=["label", *PIXELS], separator=";").replace(".", ","),
    "numpy.savetxt": "".join(
        ",".join(f"{value:.18e}" for value in (label, *row)) + "\n" for label, row in zip(LABELS, IMAGES, strict=True)
    ),
    "numpy.savetxt with names": "# " + KAGGLE,
    "gzip": gzip.compress(KAGGLE.encode()),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_table_is_read_however_it_is_written(way: str) -> None:
    content = WRITTEN[way]
    Path("table.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    images, labels, survey = read("table.csv")
    assert np.array_equal(images, GREY)
    assert labels == [*map(str, LABELS)]
    assert not survey.skipped


@pytest.mark.parametrize("name", ["a.csv.gz", "a.TSV", "a.tsv.gz", "a.CSV"])
def test_tables_are_known_by_their_endings(name: str) -> None:
    content = KAGGLE.replace(",", "\t") if "tsv" in name.lower() else KAGGLE
    Path(name).write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    assert np.array_equal(read(name)[0], GREY)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"label_column": "kind"}, ["kind", *PIXELS, "label"]),
        ({"label_column": "KIND"}, ["kind", *PIXELS, "label"]),
        ({"label_column": "0"}, ["kind", *PIXELS, "label"]),
        ({"label_column": "0"}, []),
    ],
)
def test_the_column_of_labels_can_be_named(settings: dict[str, Any], names: list[str]) -> None:
    Path("table.csv").write_text(table(["cat", "dog"] * 10, IMAGES, ["x"] * 20, names=names))
    images, labels, _ = read("table.csv", **settings)
    assert np.array_equal(images, GREY)
    assert labels == ["cat", "dog"] * 10


def test_text_is_a_label_in_any_alphabet() -> None:
    Path("table.csv").write_text(table(['"猫, 白"', "cão"] * 10, IMAGES, names=["label", *PIXELS]), encoding="utf-8")
    assert read("table.csv")[1] == ["猫, 白", "cão"] * 10
    Path("table.csv").write_text(table(["cão"] * 20, IMAGES), encoding="latin-1")
    assert read("table.csv")[1] == ["cão"] * 20


@pytest.mark.parametrize("names", [PIXELS, [], ["id", *PIXELS]])
def test_a_table_without_labels_has_none(names: list[str]) -> None:
    Path("test.csv").write_text(table(*([range(20)] if "id" in names else []), IMAGES, names=names))
    images, labels, _ = read("test.csv")
    assert np.array_equal(images, GREY)
    assert labels is None


def test_pixels_that_are_bits_are_black_and_white() -> None:
    Path("table.csv").write_text(table(LABELS, IMAGES > 100).replace("True", "1").replace("False", "0"))
    assert np.array_equal(read("table.csv")[0], (GREY > 100) * np.uint8(255))


def test_dark_images_stay_as_they_are_and_are_noted() -> None:
    Path("table.csv").write_text(table(LABELS, IMAGES // 16))
    images, _, survey = read("table.csv")
    assert np.array_equal(images, GREY // 16)
    assert any("15 of 255" in note for note in survey.notes)


def smooth(count: int = 20) -> NDArray[np.uint8]:
    """Images in colour (N, 8, 8, 3)."""
    y, x = np.mgrid[:8, :8]
    images = np.stack([x * 20, y * 20, 200 - (x + y) * 10], axis=-1) + RANDOM.integers(0, 30, (count, 1, 1, 3))
    return images.astype(np.uint8)


@pytest.mark.parametrize(
    ("flatten", "noted"),
    [
        (lambda images: images.reshape(len(images), -1), "red, green, blue of each"),
        (lambda images: images.transpose(0, 3, 1, 2).reshape(len(images), -1), "first all of red"),
    ],
)
def test_colour_is_read_in_the_order_in_which_it_is_an_image(flatten: Callable[..., Any], noted: str) -> None:
    images = smooth()
    Path("table.csv").write_text(table(flatten(images), LABELS, names=[*map(str, range(192)), "label"]))
    found, labels, survey = read("table.csv")
    assert np.array_equal(found, images.transpose(0, 3, 1, 2))
    assert labels == [*map(str, LABELS)]
    assert any(noted in note for note in survey.notes)


@pytest.mark.parametrize(("size", "channels"), [([2, 8], 1), ([4, 2], 3)])
def test_the_shape_of_what_is_no_square_is_told(size: list[int], channels: int) -> None:
    images = RANDOM.integers(0, 256, (20, *size, channels), np.uint8)
    Path("table.csv").write_text(table(LABELS, images.reshape(20, -1)))
    assert np.array_equal(read("table.csv", image_size=size)[0], images.transpose(0, 3, 1, 2))


def test_squares_are_resampled_to_a_size_that_is_no_shape_of_theirs() -> None:
    Path("table.csv").write_text(KAGGLE)
    source = recognise(Path("table.csv"), Reading(image_size=3))
    assert source.survey().parts["train"].sizes[0].tolist() == [4, 4]
    (block,) = source.blocks("train", Form(3, 3, 3))
    assert block.images.shape == (20, 3, 3, 3)


def test_a_folder_of_tables_is_one_data_set() -> None:
    folder = Path("digits")
    folder.mkdir()
    for name, start in [("mnist_train.csv", 0), ("mnist_test.csv", 10), ("mnist-Validation.csv.gz", 5)]:
        content = table(LABELS[start : start + 5], IMAGES[start : start + 5]).encode()
        (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    for split, start in [("train", 0), ("test", 10), ("val", 5)]:
        images, labels, survey = read(folder, split)  # type: ignore[arg-type]
        assert np.array_equal(images, GREY[start : start + 5])
        assert labels == [str(label) for label in LABELS[start : start + 5]]
    assert any("sample_submission.csv" in note for note in survey.notes)


@pytest.mark.parametrize("settings", [{}, {"label_column": "label"}, {"label_column": "0"}])
def test_test_images_without_labels_are_noted(settings: dict[str, str]) -> None:
    Path("kaggle").mkdir()
    Path("kaggle/train.csv").write_text(KAGGLE)
    Path("kaggle/test.csv").write_text(table(IMAGES, names=PIXELS))
    images, labels, survey = read("kaggle", "test", **settings)
    assert np.array_equal(images, GREY)
    assert labels is None
    assert any("no labels" in note for note in survey.notes)
    assert len(survey.parts["train"]) == 20


def test_several_tables_of_a_split_follow_one_another() -> None:
    Path("digits").mkdir()
    for number, start in [(2, 5), (10, 10)]:
        Path(f"digits/train_{number}.csv").write_text(table(LABELS[start : start + 5], IMAGES[start : start + 5]))
    assert np.array_equal(read("digits")[0], GREY[5:15])


def test_rows_may_say_their_split() -> None:
    words = ["Training", "PublicTest", "PrivateTest", "Training"] * 5
    Path("table.csv").write_text(table(LABELS, IMAGES, words, names=["emotion", *PIXELS, "Usage"]))
    for split, word in [("train", "Training"), ("val", "PublicTest"), ("test", "PrivateTest")]:
        chosen = np.array(words) == word
        images, labels, _ = read("table.csv", split)  # type: ignore[arg-type]
        assert np.array_equal(images, GREY[chosen])
        assert labels == np.array(LABELS)[chosen].astype(str).tolist()


def test_many_blocks_are_read_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.data.own.lines.BLOCK_BYTES", 100)
    monkeypatch.setattr("mnist_cnn.data.own.pixel_tables.BLOCK_IMAGES", 3)
    Path("table.csv").write_text(KAGGLE.replace("\n", "\r\n"))
    assert np.array_equal(read("table.csv")[0], GREY)


def test_digits_as_kaggles_tables_are_those_by_name() -> None:
    """Equal images, labels and order, so that training ends in equal weights."""
    by_name = find_dataset("synthetic")
    Path("digits").mkdir()
    read_by_name = {split: by_name.read(Path(), split, limit=300) for split in ("train", "test")}
    names = ["label", *(f"pixel{number}" for number in range(784))]
    for split, (images, labels) in read_by_name.items():
        Path(f"digits/{split}.csv").write_text(table(labels.numpy(), images.reshape(300, -1).numpy(), names=names))
    dataset = find_dataset("./digits")
    assert dataset.class_names == by_name.class_names
    for split, (images, labels) in read_by_name.items():
        found, of_found = dataset.read(Path(), split)  # type: ignore[arg-type]
        assert torch.equal(found, images)
        assert torch.equal(of_found, labels)


def test_columns_of_pixels_are_read_by_their_numbers_however_a_program_has_sorted_them() -> None:
    order = sorted(range(16), key=str)
    Path("table.csv").write_text(table(LABELS, IMAGES[:, order], names=["label", *(PIXELS[i] for i in order)]))
    assert np.array_equal(read("table.csv")[0], GREY)


def test_tables_of_other_ranges_are_no_data_set() -> None:
    Path("both").mkdir()
    Path("both/train.csv").write_text(KAGGLE)
    Path("both/test.csv").write_text(table(LABELS, IMAGES / 255, names=["label", *PIXELS]))
    with pytest.raises(UserError, match=r"test.csv has pixels from 0 to 1, and .*train.csv others"):
        recognise(Path("both"), Reading()).survey()


def test_for_answers_rows_keep_their_places_whatever_their_split_or_damage() -> None:
    splits = ["test", "train"] * 10
    lines = table(LABELS, splits, IMAGES, names=["label", "split", *PIXELS]).splitlines()
    lines[3] += ",7"
    Path("table.csv").write_text("\n".join(lines) + "\n")
    source = recognise(Path("table.csv"), Reading())
    source.is_for_answers = True
    (part,) = source.survey().parts.values()
    (block,) = source.blocks("train", Form(1, 4, 4))
    assert len(part) == 20
    assert block.positions.tolist() == [0, 1, *range(3, 20)]
    assert [*block.damaged] == [2]
    assert np.array_equal(block.images, np.delete(GREY, 2, axis=0))
