"""Folders of pictures as people have them."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mnist_cnn.data import registry
from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.own import pictures as pictures_module
from mnist_cnn.data.own.dataset import OwnDataset
from mnist_cnn.data.own.folders import PictureFolder, recognise
from mnist_cnn.data.own.source import Form, Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from tests.support.checkpoints import assert_equal, contents_of
from tests.support.class_folders import picture, pictures, write_files
from tests.support.commands import Cli
from tests.support.datasets import synthetic_digits

SMALL = Form(3, 5, 6)


def names_of(survey: Survey, split: str = "train") -> list[str]:
    part = survey.parts[split]  # type: ignore[index]
    return [part.name_of(position) for position in range(len(part))]


def reasons_of(survey: Survey) -> dict[str, str]:
    return {entry.name: entry.reason for entry in survey.skipped}


def surveyed(folder: Path) -> Survey:
    source = recognise(folder, Reading())
    assert source is not None
    return source.survey()


Decoded = dict[int, NDArray[np.uint8]]


def decoded(source: Source, split: str = "train", form: Form = SMALL) -> tuple[Decoded, dict[int, str]]:
    images: Decoded = {}
    damaged: dict[int, str] = {}
    for block in source.blocks(split, form):  # type: ignore[arg-type]
        assert block.images.shape == (len(block.positions), *form)
        images.update(zip(block.positions.tolist(), block.images, strict=True))
        damaged.update(block.damaged)
    return images, damaged


def test_pictures_stand_in_the_natural_order_of_their_names_across_classes(tmp_path: Path) -> None:
    names = ["train/dog/2.png", "train/cat/10.png", "train/cat/1.png", "train/dog/x/3.png", "test/dog/1.png"]
    survey = surveyed(write_files(tmp_path, pictures(names)))
    assert names_of(survey) == ["train/cat/1.png", "train/dog/2.png", "train/dog/x/3.png", "train/cat/10.png"]
    labels = survey.parts["train"].labels
    assert labels is not None
    assert labels.tolist() == ["cat", "dog", "dog", "cat"]
    assert survey.parts["train"].sizes.tolist() == [[5, 6]] * 4
    assert not survey.parts["train"].is_grey


def test_every_picture_is_decoded_once_whatever_its_format_mode_and_size(tmp_path: Path) -> None:
    files = {
        "a/1.png": picture(1),
        "a/2.jpg": picture(2, kind="JPEG"),
        "b/3.gif": picture(3, kind="GIF", mode="P"),
        "b/4.tif": picture(4, size=(60, 40), kind="TIFF", mode="CMYK"),
        "b/5": picture(5, kind="WEBP", mode="RGBA"),
        "b/6.PNG": picture(6, mode="LA"),
        "b/7.bmp": picture(7, kind="BMP", mode="1"),
    }
    source = PictureFolder(write_files(tmp_path, files))
    assert len(source.survey().parts["train"]) == 7
    images, damaged = decoded(source)
    assert sorted(images) == [*range(7)]
    assert not damaged
    with Image.open(tmp_path / "a/1.png") as image:
        assert np.array_equal(images[0], np.asarray(image).transpose(2, 0, 1))


def test_damaged_pictures_are_named_and_other_files_counted(tmp_path: Path) -> None:
    files = {
        **pictures(["cat/1.png", "dog/2.png"]),
        "cat/3.jpg": b"",
        "cat/4.png": picture(4)[:60],
        "dog/5.jpg": b"<html>not found</html>",
        "dog/6.heic": b"\0\0\0\x18ftypheic" + bytes(90),
        "dog/Thumbs.db": b"\xd0\xcf",
        "readme.txt": b"hello",
        "labels.json": b"{}",
        ".DS_Store": b"x",
        "cat/._1.png": b"x",
        "__MACOSX/cat/1.png": picture(9),
        ".git/cat/1.png": picture(9),
    }
    source = PictureFolder(write_files(tmp_path, files))
    survey = source.survey()
    assert [*reasons_of(survey)] == ["cat/3.jpg", "dog/5.jpg", "dog/6.heic"]
    assert all(entry.is_damaged for entry in survey.skipped)
    (note,) = survey.notes
    assert note.startswith("3 files that are no pictures were left out (")
    images, damaged = decoded(source)
    assert [survey.parts["train"].name_of(position) for position in damaged] == ["cat/4.png"]
    assert len(images) == 2
    assert "damaged" in next(iter(damaged.values()))
    assert str(tmp_path) not in "".join([*damaged.values(), *reasons_of(survey).values()])


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_lead_neither_in_circles_nor_nowhere(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "pets", pictures(["cat/1.png", "dog/2.png"]))
    write_files(tmp_path / "elsewhere", pictures(["3.png"]))
    (folder / "cow").symlink_to(tmp_path / "elsewhere")
    (folder / "cat" / "again").symlink_to(folder)
    (folder / "dog" / "4.png").symlink_to("nothing.png")
    (folder / "dog" / "5.png").symlink_to("5.png")
    os.mkfifo(folder / "dog" / "6.png")
    survey = surveyed(folder)
    assert names_of(survey) == ["cat/1.png", "dog/2.png", "cow/3.png"]
    assert reasons_of(survey) == {
        "cat/again": "a link to a folder that is read already",
        "dog/4.png": "a link to nothing",
        "dog/5.png": "a link to nothing",
        "dog/6.png": "no file",
    }


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, scan = write_files(tmp_path, pictures(["cat/1.png", "dog/2.png", "cow/3.png"])), os.scandir

    def refuse(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "cow":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (entry,) = surveyed(folder).skipped
    assert entry.name == "cow"
    assert entry.is_damaged


def test_empty_classes_are_told(tmp_path: Path) -> None:
    files = {**pictures(["train/cat/1.png", "train/dog/2.png"]), "train/cow/": b"", "train/ant/3.png": b"nothing"}
    assert surveyed(write_files(tmp_path, files)).empty_classes == ("ant", "cow")


def test_a_folder_without_pictures_is_of_another_kind(tmp_path: Path) -> None:
    assert (
        recognise(write_files(tmp_path / "a", {"train.csv": b"label,pixel0\n", "x.npy": b"\x93NUMPY"}), Reading())
        is None
    )
    assert recognise(write_files(tmp_path / "b", {}), Reading()) is None
    assert recognise(write_files(tmp_path / "c", {"cat/picture": picture(1)}), Reading()) is not None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (pictures(["1.png", "2.png"]), "holds 2 pictures without a folder for each class: put them as pets/cat/1.jpg"),
        ({"cat/1.png": b"", "dog/2.png": b"x"}, r"holds no picture that can be read \(cat/1.png: no picture in a"),
    ],
    ids=["no classes", "all damaged"],
)
def test_what_cannot_be_trained_on_is_one_line(files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        surveyed(write_files(tmp_path / "pets", files))


def test_large_images_come_in_small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "BLOCK_BYTES", 3 * int(np.prod(SMALL)))
    source = PictureFolder(write_files(tmp_path, pictures([f"{label}/{n}.png" for label in "ab" for n in range(4)])))
    source.survey()
    blocks = [*source.blocks("train", SMALL)]
    assert [len(block.images) for block in blocks] == [3, 3, 2]
    assert np.concatenate([block.positions for block in blocks]).tolist() == [*range(8)]


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_is_begun_any_more_once_nobody_wants_it(threads: int) -> None:
    begun: list[int] = []
    jobs = (((number,), 1_000_000) for number in range(10_000))
    results = pictures_module._in_parallel(begun.append, jobs, threads)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 100


def test_order_and_number_are_kept_in_threads() -> None:
    jobs = (((number,), number * 10_000 % 7_000_000) for number in range(1000))
    assert [*pictures_module._in_parallel(lambda number: -number, jobs, 4)] == [-number for number in range(1000)]


class FewDigits(Dataset):
    """Generated digits by name, as few as a test can train on."""

    title, class_names, sizes = "few digits", tuple("0123456789"), {"train": 300, "test": 20}

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Nothing."""

    def read(self, data_dir: Path, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
        return synthetic_digits(range(min(limit or self.sizes[split], self.sizes[split])), split=split)


def write_digits(folder: Path) -> None:
    """Write `FewDigits` as pictures with running numbers."""
    for split in ("train", "test"):
        images, labels = FewDigits().read(folder, split)
        for number, (image, label) in enumerate(zip(images.numpy(), labels.tolist(), strict=True)):
            (folder / split / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0]).save(folder / split / str(label) / f"{number}.png")


def test_a_network_of_pictures_ends_as_one_of_the_data_set_by_name(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(registry._registered, "few", FewDigits())
    write_digits(tmp_path / "pictures")
    settings = ("--data.val_size", "50", "--epochs", "1", "--device", "cpu", "--model.network.channels", "[4,8]")
    weights = []
    for name in ("few", "pictures"):
        status, _, error = cli("fit", "--data.dataset", name, *settings, "--trainer.default_root_dir", f"run_{name}")
        assert status == 0, error
        (checkpoint,) = Path(f"run_{name}").rglob("last.ckpt")
        weights.append(contents_of(checkpoint)["state_dict"])
    assert_equal(*weights)


def test_digits_as_pictures_with_running_numbers_are_the_digits_themselves(tmp_path: Path) -> None:
    write_digits(tmp_path)
    dataset = OwnDataset(tmp_path, Reading())
    assert dataset.class_names == FewDigits.class_names
    for split in ("train", "test"):
        for found, expected in zip(dataset.read(tmp_path, split), FewDigits().read(tmp_path, split), strict=True):
            assert found[:].equal(expected)
