"""Parquet files as image data sets are published in: encoded pictures or pixels, in one file or in shards."""

import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.data.base import Split
from mnist_cnn.data.idx import read_idx
from mnist_cnn.data.own.shards import BATCH_BYTES, batches, opened
from mnist_cnn.errors import UserError
from tests.data.own.test_arrays import COLOUR, GREY, LABELS, read
from tests.support.datasets import published_dataset, write_dataset

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

NAMES = ("zebra", "ant", "bee", "cat", "dog")
STRUCT = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


def png(image: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def published(images: Any, labels: Sequence[Any], column: str = "label") -> Any:
    """A table as Hugging Face's data sets have it."""
    features = {"image": {"_type": "Image"}, column: {"names": NAMES, "_type": "ClassLabel"}}
    rows = [{"bytes": png(image), "path": None} for image in images]
    table = pyarrow.table({"image": pyarrow.array(rows, STRUCT), column: pyarrow.array(labels, pyarrow.int64())})
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write(path: Path, columns: Any, **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
    parquet.write_table(table, path, **settings)
    return path


def assert_grey(path: Path, labels: Sequence[Any] = tuple(LABELS.tolist())) -> None:
    found, _ = read(path)
    assert (found["train"][0] == GREY[:, None]).all()
    assert found["train"][1] == [*labels]


def refused(path: Path, **settings: Any) -> str:
    """The line about a path."""
    with pytest.raises(UserError) as error:
        read(path, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_shards_of_the_splits_are_read_in_the_order_of_their_numbers_with_names_of_classes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number, start in enumerate(range(0, 24, 2)):  # twelve of them: 10 comes after 9
        rows = published(GREY[start : start + 2], LABELS[start : start + 2].tolist())
        write(data / f"train-{number:05}-of-00012-{number:02}9b74b3ef9c3b56.parquet", rows)
    write(data / "validation-00000-of-00001.parquet", published(GREY[:3], [0, 1, 2]))
    write(data / "test-00000-of-00001.parquet", published(GREY[:4], [-1] * 4))
    (tmp_path / "README.md").write_text("# a card")
    assert_grey(tmp_path)
    found, survey = read(tmp_path)
    assert {split: labels for split, (_, labels) in found.items() if split != "train"} == {
        "val": [0, 1, 2],
        "test": None,
    }
    assert survey.class_names == NAMES
    assert "name the folder" in read(data / "train-00000-of-00012-009b74b3ef9c3b56.parquet")[1].notes[0]


def test_mnist_as_pictures_in_parquet_is_mnist(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", train=300, test=100)
    folder = published_dataset().raw_folder(tmp_path / "data")
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        images, labels = (read_idx(folder / file).numpy() for file in published_dataset().files[split])
        rows = [{"bytes": png(image), "path": f"{number}.png"} for number, image in enumerate(images)]
        columns = {"image": pyarrow.array(rows, STRUCT), "label": labels}
        write(tmp_path / "parquet" / f"{split}.parquet", columns, row_group_size=70)
        found = read(tmp_path / "parquet")[0][split]
        assert (found[0] == images[:, None]).all()
        assert found[1] == labels.tolist()


@pytest.mark.parametrize("kind", ["binary", "large_binary"])
def test_bytes_alone_and_labels_as_text(kind: str, tmp_path: Path) -> None:
    texts = [NAMES[label] for label in LABELS]
    images = pyarrow.array([png(image) for image in COLOUR], getattr(pyarrow, kind)())
    path = write(tmp_path / "photos.parquet", {"img": images, "breed": pyarrow.array(texts).dictionary_encode()})
    found, _ = read(path)
    assert (found["train"][0] == COLOUR.transpose(0, 3, 1, 2)).all()
    assert found["train"][1] == texts


def test_the_column_of_labels_is_found_or_named(tmp_path: Path) -> None:
    columns = {"img": [png(image) for image in GREY], "coarse_label": LABELS // 2, "fine_label": LABELS}
    path = write(tmp_path / "cifar100.parquet", columns)
    assert_grey(path)
    for name in ("coarse_label", "1"):
        assert read(path, label_column=name)[0]["train"][1] == (LABELS // 2).tolist()
    assert "has the columns img, coarse_label, fine_label" in refused(path, label_column="colour")


@pytest.mark.parametrize("kind", ["flat", "nested", "of one size", "a column each", "fractions"])
def test_images_as_pixels(kind: str, tmp_path: Path) -> None:
    flat = GREY.reshape(24, -1)
    columns: dict[str, Any] = {
        "flat": {"pixels": flat.tolist()},
        "nested": {"image": pyarrow.array(GREY.tolist(), pyarrow.list_(pyarrow.list_(pyarrow.uint8())))},
        "of one size": {"image": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat.reshape(-1)), 64)},
        "a column each": {f"pixel{i}": flat[:, i] for i in range(64)},
        "fractions": {"image": pyarrow.array((flat / 255).tolist(), pyarrow.list_(pyarrow.float32()))},
    }
    path = write(tmp_path / "digits.parquet", {**columns[kind], "class": [*map(str, LABELS)]}, row_group_size=7)
    assert_grey(path, [*map(str, LABELS)])


def test_pixels_in_several_shards(tmp_path: Path) -> None:
    for number, start in enumerate((0, 10)):
        rows = slice(start, start + 10 if start == 0 else None)
        columns = {"image": GREY[rows].reshape(-1, 64).tolist(), "label": LABELS[rows]}
        write(tmp_path / f"train-{number}.parquet", columns)
    assert_grey(tmp_path)


def test_rows_without_picture_or_label_and_damaged_ones_are_left_out_and_named(tmp_path: Path) -> None:
    rows: list[Any] = [{"bytes": png(image), "path": None} for image in GREY]
    rows[2], rows[3], rows[4] = None, {"bytes": None, "path": "a.png"}, {"bytes": b"no picture", "path": None}
    labels: list[Any] = LABELS.tolist()
    labels[9] = None
    path = write(tmp_path / "data.parquet", {"image": pyarrow.array(rows, STRUCT), "label": labels})
    found, survey = read(path)
    kept = np.delete(np.arange(24), [2, 3, 4, 9])
    assert (found["train"][0] == GREY[kept, None]).all()
    assert found["train"][1] == LABELS[kept].tolist()
    reasons = {entry.name.rpartition(", ")[2]: entry.reason for entry in survey.skipped}
    assert reasons.pop("row 4").startswith("no picture in a format that is read")
    assert reasons == {"row 2": "no picture", "row 3": "no picture", "row 9": "no label"}
    assert all(entry.is_damaged for entry in survey.skipped)
    assert survey.parts["train"].name_of(2).endswith("data.parquet, row 5")


def test_pixel_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    labels = [None, *map(str, LABELS[1:])]
    path = write(tmp_path / "data.parquet", {"image": GREY.reshape(24, -1).tolist(), "label": labels})
    found, survey = read(path)
    assert (found["train"][0] == GREY[1:, None]).all()
    assert [entry.reason for entry in survey.skipped] == ["no label"]


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    pixels = GREY.reshape(24, -1).tolist()
    cases: dict[str, tuple[Any, str]] = {
        "no images": ({"a": LABELS, "b": LABELS}, "has no column of images; it has a, b"),
        "two": ({"left": [b"x"], "right": [b"y"], "label": [1]}, "several columns that could be images: left, right"),
        "paths": ({"image": ["a.png", "b.png"], "label": [0, 1]}, "has no column of images"),
        "nothing": ({"image": pyarrow.array([], pyarrow.binary()), "label": []}, "holds no picture that can be read"),
        "no pixels": ({"image": pyarrow.array([], pyarrow.list_(pyarrow.int8())), "label": []}, "holds no images"),
        "no pictures": (
            {"image": [b"x", b"y"], "label": [0, 1]},
            r"no picture that can be read \(.*row 0: no picture in",
        ),
        "ragged": ({"image": [*pixels[:-1], [1, 2]], "label": LABELS}, "a list in column image differs in length"),
        "gap": ({"image": [*pixels[:-1], None], "label": LABELS}, r"row 23 or a later one: there is a gap"),
        "gap inside": ({"image": [*pixels[:-1], [None] * 64], "label": LABELS}, "there is a gap"),
        "fractions": ({"image": pixels, "label": LABELS + 0.5}, "the label 0.5 is a fraction"),
        "no square": ({"image": [[1, 2, 3, 4, 5]] * 24, "label": LABELS}, "holds no images; taken are"),
    }
    for name, (columns, reason) in cases.items():
        line = refused(write(tmp_path / f"{name}.parquet", columns))
        assert f"{name}.parquet" in line
        assert re.search(reason, line), (name, line)


def test_truncated_and_foreign_files_are_one_line(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.parquet", published(GREY, LABELS.tolist())).read_bytes()
    path = tmp_path / "cut.parquet"
    for content in (b"", whole[:4], whole[: len(whole) // 2], whole[:-5], b"PAR1" * 20):
        path.write_bytes(content)
        assert "cut.parquet cannot be read: it is truncated or damaged" in refused(path)


def test_a_picture_that_stands_in_many_rows_is_not_held_for_each_of_them(tmp_path: Path) -> None:
    """A dictionary holds it once, and a batch of rows would hold it a thousand times."""
    content = png(GREY[0]) + bytes(1_000_000)  # what follows the picture is none of it
    images = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1000, pyarrow.int32()), pyarrow.array([content]))
    path = tmp_path / "data.parquet"
    table = pyarrow.table({"image": images, "label": [*range(2)] * 500})
    parquet.write_table(table, path, dictionary_pagesize_limit=1 << 30, store_schema=False)
    assert path.stat().st_size < 300_000
    with opened(path, path.name) as file:
        rows = [batch.num_rows for _, (_, batch) in zip(range(3), batches(file, ["image"]), strict=False)]
    assert max(rows) * len(content) <= BATCH_BYTES


def test_a_small_file_of_endless_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.data.own.stored.LARGE", 1 << 20)  # bytes
    zeros = np.zeros(100_000, np.uint8)
    path = write(tmp_path / "data.parquet", {f"pixel{i}": zeros for i in range(64)} | {"label": zeros})
    assert "packed bytes would become 0.0 GB, which is not unpacked" in refused(path)


def test_several_data_sets_and_several_kinds_in_a_folder_are_told(tmp_path: Path) -> None:
    write(tmp_path / "cats" / "train.parquet", published(GREY, LABELS.tolist()))
    write(tmp_path / "dogs" / "train.parquet", published(GREY, LABELS.tolist()))
    assert "holds several data sets, cats, dogs" in refused(tmp_path)
    (tmp_path / "cats" / "cat.png").write_bytes(png(GREY[0]))
    assert "holds images of several kinds, as train.parquet and cat.png" in refused(tmp_path / "cats")


def test_without_pyarrow_the_command_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "data.parquet", published(GREY, LABELS.tolist()))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install 'mnist-cnn[parquet]'" in refused(path)
