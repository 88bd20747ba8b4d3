"""Arrays of every kind and layout give the images that are in them."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mnist_cnn.data.base import Split
from mnist_cnn.data.idx import read_idx
from mnist_cnn.data.own.finding import array_files
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from tests.support.datasets import idx_bytes, published_dataset, write_dataset
from tests.support.pictures import seven

SIDE = 8
GREY = np.random.default_rng(0).integers(0, 256, (24, SIDE, SIDE), np.uint8)  # (N, H, W)
COLOUR = np.random.default_rng(1).integers(0, 256, (24, SIDE, SIDE, 3), np.uint8)  # (N, H, W, C)
LABELS = np.arange(24) % 5
Read = dict[Split, tuple[NDArray[np.uint8], Any]]


def read(path: Path, form: Form | None = None, **settings: Any) -> tuple[Read, Survey]:
    """All images of a path (N, C, H, W) and the labels by split, and what the survey says."""
    source = recognise(path, Reading(**settings))
    survey = source.survey()
    found: Read = {}
    for split, part in survey.parts.items():
        channels = 1 if part.is_grey else 3
        its_form = form or Form(channels, *part.sizes[0].tolist())
        blocks = [*source.blocks(split, its_form)]
        assert np.concatenate([block.positions for block in blocks]).tolist() == sorted(
            {*range(len(part))} - {position for block in blocks for position in block.damaged}
        )
        labels = None if part.labels is None else part.labels.tolist()
        found[split] = np.concatenate([block.images for block in blocks]), labels
    return found, survey


def images_of(path: Path, **settings: Any) -> NDArray[np.uint8]:
    """The training images."""
    return read(path, **settings)[0]["train"][0]


def assert_grey(path: Path) -> None:
    found, _ = read(path)
    images, labels = found["train"]
    assert (images == GREY[:, None]).all()
    assert labels == LABELS.tolist()


# --- Names


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (("x_train", "y_train"), ("x_test", "y_test")),
        (("X_train", "Y_train"), ("X_test", "Y_test")),
        (("train_images", "train_labels"), ("test_images", "test_labels")),
        (("trainX", "trainY"), ("testX", "testY")),
        (("train_data", "train_targets"), ("test_data", "test_targets")),
        (("train_set_x", "train_set_y"), ("test_set_x", "test_set_y")),
        (("training_imgs", "training_lbls"), ("testing_imgs", "testing_lbls")),
        (("images_train", "labels_train"), ("images_test", "labels_test")),
        (("xtrain", "ytrain"), ("xtest", "ytest")),
    ],
)
def test_splits_are_told_by_the_usual_names(train: tuple[str, str], test: tuple[str, str], tmp_path: Path) -> None:
    arrays: dict[str, Any] = {train[0]: GREY, train[1]: LABELS, test[0]: GREY[:6], test[1]: LABELS[:6]}
    np.savez(tmp_path / "data.npz", **arrays)
    found, survey = read(tmp_path / "data.npz")
    assert {split: len(images) for split, (images, _) in found.items()} == {"train": 24, "test": 6}
    assert (found["test"][0] == GREY[:6, None]).all()
    assert found["test"][1] == LABELS[:6].tolist()
    assert survey.skipped == []


@pytest.mark.parametrize(
    ("images", "labels"),
    [("X", "y"), ("images", "labels"), ("data", "target"), ("arr_0", "arr_1"), ("pixels", "class"), ("pictures", "n")],
)
def test_arrays_without_a_split_are_training_images(images: str, labels: str, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {images: GREY, labels: LABELS}
    np.savez_compressed(tmp_path / "data.npz", **arrays)
    assert_grey(tmp_path / "data.npz")


def test_medmnist_has_three_splits_and_labels_in_a_column(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {}
    for split, count in (("train", 24), ("val", 4), ("test", 7)):
        arrays |= {f"{split}_images": COLOUR[:count], f"{split}_labels": LABELS[:count, None].astype(np.uint8)}
    np.savez_compressed(tmp_path / "pathmnist.npz", **arrays)
    found, _ = read(tmp_path / "pathmnist.npz")
    assert [*found] == ["train", "val", "test"]
    assert (found["val"][0] == COLOUR[:4].transpose(0, 3, 1, 2)).all()
    assert found["test"][1] == LABELS[:7].tolist()


def test_four_arrays_without_names_are_training_and_test_images_in_their_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", GREY, LABELS, GREY[:6], LABELS[:6])
    found, survey = read(tmp_path / "data.npz")
    assert {split: len(labels) for split, (_, labels) in found.items()} == {"train": 24, "test": 6}
    assert "arr_0 is taken for the training images" in survey.notes[0]


def test_one_file_for_each_array_as_kmnist_has(tmp_path: Path) -> None:
    for split, count in (("train", 24), ("test", 6)):
        np.savez(tmp_path / f"kmnist-{split}-imgs.npz", GREY[:count])
        np.savez(tmp_path / f"kmnist-{split}-labels.npz", LABELS[:count])
    assert_grey(tmp_path)
    assert read(tmp_path)[0]["test"][1] == LABELS[:6].tolist()
    assert_grey(tmp_path / "kmnist-train-imgs.npz")
    np.savez(tmp_path / "k49-train-imgs.npz", GREY)
    np.savez(tmp_path / "k49-train-labels.npz", LABELS)
    with pytest.raises(UserError, match="several arrays that could be images of the split train"):
        recognise(tmp_path, Reading()).survey()
    assert_grey(tmp_path / "kmnist-train-labels.npz")


@pytest.mark.parametrize(("images", "labels"), [("x_train", "y_train"), ("images", "labels"), ("X", "y")])
def test_npy_pairs_are_found_by_their_folder_or_by_either_file(images: str, labels: str, tmp_path: Path) -> None:
    np.save(tmp_path / f"{images}.npy", GREY)
    np.save(tmp_path / f"{labels}.npy", LABELS)
    for path in (tmp_path, tmp_path / f"{images}.npy", tmp_path / f"{labels}.npy"):
        assert_grey(path)
        assert {file.name for file in _files_of(path)} == {f"{images}.npy", f"{labels}.npy"}


def test_pairs_in_folders_of_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 24), ("valid", 3), ("test", 6)):
        (tmp_path / split).mkdir()
        np.save(tmp_path / split / "images.npy", GREY[:count])
        np.save(tmp_path / split / "labels.npy", LABELS[:count])
    found, _ = read(tmp_path)
    assert {split: len(images) for split, (images, _) in found.items()} == {"train": 24, "val": 3, "test": 6}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("my-letters-images-idx3-ubyte", "my-letters-labels-idx1-ubyte"),
    ],
)
def test_idx_pairs_of_any_name(names: tuple[str, str], packed: bool, tmp_path: Path) -> None:
    contents = idx_bytes(torch.from_numpy(GREY)), idx_bytes(torch.from_numpy(LABELS.astype(np.uint8)))
    for name, content in zip(names, contents, strict=True):
        file = tmp_path / (name + ".gz" * packed)
        file.write_bytes(gzip.compress(content) if packed else content)
    for path in (tmp_path, *sorted(tmp_path.iterdir())):
        assert_grey(path)


def test_images_of_emnist_lie_on_their_side_in_idx_files(tmp_path: Path) -> None:
    sideways = torch.from_numpy(GREY.transpose(0, 2, 1).copy())
    (tmp_path / "emnist-letters-train-images-idx3-ubyte").write_bytes(idx_bytes(sideways))
    labels = torch.from_numpy(LABELS.astype(np.uint8))
    (tmp_path / "emnist-letters-train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    assert_grey(tmp_path)
    assert "turned upright" in read(tmp_path)[1].notes[0]


def test_idx_files_of_four_dimensions_are_in_colour(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx4-ubyte").write_bytes(idx_bytes(torch.from_numpy(COLOUR)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(torch.from_numpy(LABELS.astype(np.uint8))))
    assert (images_of(tmp_path) == COLOUR.transpose(0, 3, 1, 2)).all()


def test_images_without_labels_have_none(tmp_path: Path) -> None:
    np.save(tmp_path / "photos.npy", COLOUR)
    found, _ = read(tmp_path / "photos.npy")
    ((images, labels),) = found.values()
    assert labels is None
    assert (images == COLOUR.transpose(0, 3, 1, 2)).all()


# --- Layouts and types


LAYOUTS: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
    "(N, H, W)": (GREY, GREY[:, None]),
    "(N, H, W, 1)": (GREY[..., None], GREY[:, None]),
    "(N, 1, H, W)": (GREY[:, None], GREY[:, None]),
    "(N, H*W)": (GREY.reshape(24, -1), GREY[:, None]),
    "(N, H*W, 1)": (GREY.reshape(24, -1, 1), GREY[:, None]),
    "(H, W, N)": (GREY.transpose(1, 2, 0), GREY[:, None]),
    "(H*W, N)": (GREY.reshape(24, -1).T, GREY[:, None]),
    "(N, H, W, C)": (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
    "(N, C, H, W)": (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
    "(N, C*H*W)": (COLOUR.transpose(0, 3, 1, 2).reshape(24, -1), COLOUR.transpose(0, 3, 1, 2)),
    "(H, W, C, N)": (COLOUR.transpose(1, 2, 3, 0), COLOUR.transpose(0, 3, 1, 2)),
    "(C, H, W, N)": (COLOUR.transpose(3, 1, 2, 0), COLOUR.transpose(0, 3, 1, 2)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_images_of_any_layout_in_either_order(layout: str, order: Any, tmp_path: Path) -> None:
    array, expected = LAYOUTS[layout]
    array = np.asarray(array, order=order)
    np.savez(tmp_path / "data.npz", x=array, y=LABELS)
    np.save(tmp_path / "images.npy", array)
    np.save(tmp_path / "labels.npy", LABELS)
    assert (images_of(tmp_path / "data.npz") == expected).all()
    assert (images_of(tmp_path / "images.npy") == expected).all()


def test_a_layout_that_could_be_another_is_said(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).integers(0, 256, (24, 24, 24), np.uint8)
    np.savez(tmp_path / "data.npz", x=cube, y=LABELS)
    found, survey = read(tmp_path / "data.npz")
    assert (found["train"][0] == cube[:, None]).all()
    assert "is read as (N, H, W), not (H, W, N)" in survey.notes[0]


GREY_LEVELS: dict[str, tuple[Callable[[NDArray[np.uint8]], NDArray[Any]], float]] = {
    "bool": (lambda x: x > 127, 255),
    "floats to 1": (lambda x: (x / 255).astype(np.float32), 0),
    "doubles to 1": (lambda x: x / 255, 0),
    "halves to 1": (lambda x: (x / 255).astype(np.float16), 0),
    "floats to 255": (lambda x: x.astype(np.float64), 0),
    "16 bits": (lambda x: x.astype(np.uint16) * 257, 0),
    "16 bits that hold bytes": (lambda x: x.astype(np.uint16), 0),
    "64 bits": (lambda x: x.astype(np.int64), 0),
    "big-endian": (lambda x: x.astype(">i4"), 0),
    "big-endian floats": (lambda x: (x / 255).astype(">f8"), 0),
}


@pytest.mark.parametrize("kind", GREY_LEVELS)
def test_pixels_of_any_type(kind: str, tmp_path: Path) -> None:
    make, white = GREY_LEVELS[kind]
    np.savez(tmp_path / "data.npz", x=make(GREY), y=LABELS)
    expected = np.where(GREY > 127, white, 0) if white else GREY
    assert (images_of(tmp_path / "data.npz") == expected[:, None]).all()


def test_the_range_is_that_of_all_images_together(tmp_path: Path) -> None:
    dark = np.zeros((24, SIDE, SIDE))
    dark[:, 0, 0] = 1.0  # of 255: alone it could be white
    np.savez(tmp_path / "data.npz", x_train=GREY.astype(float), y_train=LABELS, x_test=dark, y_test=LABELS)
    assert read(tmp_path / "data.npz")[0]["test"][0].max() == 1


@pytest.mark.parametrize(
    "values", [GREY.astype(np.float32) / 127.5 - 1, GREY.astype(np.int16) - 5, GREY.astype(np.int64) * 300]
)
def test_pixels_of_no_known_range_are_one_line(values: NDArray[Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=values, y=LABELS)
    with pytest.raises(UserError, match=r"data\.npz, array x.*pixels from 0 to 255 are needed"):
        recognise(tmp_path / "data.npz", Reading()).survey()


def test_images_are_brought_to_another_size_and_colour(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.full((24, 8, 8, 4), 255, np.uint8), y=LABELS)
    images = read(tmp_path / "data.npz", Form(1, 4, 4))[0]["train"][0]
    assert images.shape == (24, 1, 4, 4)
    assert (images == 255).all()


# --- Labels


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[:, None],
        LABELS[None],
        LABELS.astype(np.uint8),
        LABELS.astype(np.float32),
        LABELS.astype(">i2"),
        np.eye(5)[LABELS],
        np.eye(5, dtype=bool)[LABELS],
    ],
)
def test_labels_of_any_form(labels: NDArray[Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=GREY, y=labels)
    assert_grey(tmp_path / "data.npz")


@pytest.mark.parametrize("kind", ["U", "S"])
def test_labels_as_text(kind: str, tmp_path: Path) -> None:
    names = np.array(["cat", "dog", "cow", "elk", "ant"])[LABELS]
    np.savez(tmp_path / "data.npz", x=GREY, y=names.astype(kind))
    assert read(tmp_path / "data.npz")[0]["train"][1] == names.tolist()


def test_images_without_a_label_are_left_out_and_named(tmp_path: Path) -> None:
    labels = LABELS.astype(float)
    labels[[3, 7]] = np.nan
    np.savez(tmp_path / "data.npz", x=GREY, y=labels)
    found, survey = read(tmp_path / "data.npz")
    kept = np.delete(np.arange(24), [3, 7])
    assert (found["train"][0] == GREY[kept, None]).all()
    assert found["train"][1] == LABELS[kept].tolist()
    assert [(entry.name.rpartition(", ")[2], entry.reason) for entry in survey.skipped] == [
        ("image 3", "no label"),
        ("image 7", "no label"),
    ]
    assert survey.parts["train"].name_of(3).endswith("image 4")


def test_an_image_that_is_no_number_is_damaged(tmp_path: Path) -> None:
    values = GREY / 255
    values[5, 1, 1] = np.nan
    np.savez(tmp_path / "data.npz", x=values, y=LABELS)
    source = recognise(tmp_path / "data.npz", Reading())
    source.survey()
    (block,) = source.blocks("train", Form(1, SIDE, SIDE))
    assert dict(block.damaged) == {5: "it holds values that are infinite or no numbers"}
    assert (block.images == np.delete(GREY, 5, axis=0)[:, None]).all()


def test_several_arrays_of_labels_are_chosen_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=GREY, fine_labels=LABELS, coarse_labels=LABELS // 2)
    with pytest.raises(UserError, match=r"fine_labels, coarse_labels; choose one with --data\.label_column"):
        read(tmp_path / "data.npz")
    for name in ("coarse_labels", "coarse"):
        assert read(tmp_path / "data.npz", label_column=name)[0]["train"][1] == (LABELS // 2).tolist()


def test_names_of_the_classes_come_with_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=GREY, target=LABELS, target_names=[*"vwxyz"])
    assert read(tmp_path / "data.npz")[1].class_names == ("v", "w", "x", "y", "z")


def _files_of(path: Path) -> list[Path]:
    source = recognise(path, Reading())
    source.survey()
    return [*source.files]


# --- Folders of several files


def test_shards_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number, start in enumerate(range(0, 24, 2), 1):  # twelve of them: 10 comes after 9
        arrays = {"data": GREY[start : start + 2], "labels": LABELS[start : start + 2], "mean": np.zeros(64)}
        np.savez(tmp_path / f"train_data_batch_{number}.npz", **arrays)  # type: ignore[arg-type]
    np.savez(tmp_path / "val_data.npz", data=GREY[:3], labels=LABELS[:3])
    assert_grey(tmp_path)
    found, survey = read(tmp_path)
    assert found["val"][1] == LABELS[:3].tolist()
    assert survey.parts["train"].name_of(19) == "train_data_batch_10.npz, array data, image 1"
    assert [entry.name for entry in survey.skipped] == ["train_data_batch_1.npz, array mean and in 11 other files"]


def test_files_of_images_without_labels_are_classes(tmp_path: Path) -> None:
    for name in ("cat", "door", "dog"):
        np.save(tmp_path / f"full_numpy_bitmap_{name}.npy", GREY[:5].reshape(5, -1))
    found, survey = read(tmp_path)
    assert found["train"][1] == ["cat"] * 5 + ["dog"] * 5 + ["door"] * 5
    assert "each file is taken for a class" in survey.notes[0]


def test_pictures_and_arrays_in_one_folder_cannot_be_told_apart(tmp_path: Path) -> None:
    seven(12).save(tmp_path / "cat.png")
    np.save(tmp_path / "labels.npy", LABELS)
    assert array_files(tmp_path) == []  # labels of whatever are no images
    np.savez(tmp_path / "x_train.npz", GREY)
    with pytest.raises(UserError, match=r"holds images of several kinds, as x_train\.npz and cat\.png"):
        recognise(tmp_path, Reading())


def test_thousands_of_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.data.own.finding.MOST_FILES", 3)
    for number in range(5):
        np.save(tmp_path / f"{number}.npy", GREY[0])
    with pytest.raises(UserError, match=r"holds 5 files of arrays; one with all images is needed"):
        recognise(tmp_path, Reading())


def test_own_files_of_mnist_by_any_name_are_its_images_in_its_order(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", "mnist", train=300, test=100)
    renamed, folder = tmp_path / "renamed", tmp_path / "data" / "MNIST" / "raw"
    renamed.mkdir()
    for file in folder.iterdir():
        (renamed / f"my-{file.name}").write_bytes(file.read_bytes())
    splits: tuple[Split, ...] = ("train", "test")
    arrays: dict[str, Any] = {}
    for split in splits:
        images, labels = (read_idx(folder / file).numpy() for file in published_dataset().files[split])
        arrays |= {f"x_{split}": images, f"y_{split}": labels.astype(np.uint8)}
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    (tmp_path / "pairs").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "pairs" / f"{name}.npy", array)
    for path in (renamed, tmp_path / "mnist.npz", tmp_path / "pairs"):
        found, _ = read(path)
        for split in splits:
            assert (found[split][0] == arrays[f"x_{split}"][:, None]).all()
            assert found[split][1] == arrays[f"y_{split}"].tolist()
