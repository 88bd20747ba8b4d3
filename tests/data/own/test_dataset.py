"""What is said of one's own images, and which of them are trained on."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_cnn.data import on_disk
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.own import dataset as module
from mnist_cnn.data.own.dataset import OwnDataset
from mnist_cnn.data.own.form import form_of
from mnist_cnn.data.own.source import Form, Part, Skipped, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError
from tests.support.array_source import ArraySource, write_arrays
from tests.support.checkpoints import assert_equal, contents_of
from tests.support.commands import Cli
from tests.support.interruptions import interrupt_at

NOWHERE = Path("data")


def own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: Any = (), reading: Reading | None = None, **arrays: Any
) -> OwnDataset:
    """Arrays as `write_arrays` makes them, with others in their place; None leaves one out."""
    written = write_arrays(tmp_path / "own.npz", **{name: some for name, some in arrays.items() if some is not None})
    np.savez(tmp_path / "own.npz", **{n: some for n, some in written.items() if arrays.get(n, some) is not None})  # type: ignore[arg-type]
    source = ArraySource(tmp_path / "own.npz", damaged)
    monkeypatch.setattr(module, "recognise", lambda path, reading: source)
    return OwnDataset(tmp_path / "own.npz", reading or Reading())


def labelled(*names: str) -> dict[str, Any]:
    return {"train": np.zeros((len(names), 1, 2, 2), np.uint8), "train_labels": np.array(names), "test": None}


@pytest.mark.parametrize(
    ("arrays", "damaged", "expected"),
    [
        ({"train": None, "test": None}, (), "holds no images"),
        ({"train": np.zeros((0, 1, 2, 2), np.uint8), "test": None}, (), "holds no images"),
        ({"train": None}, (), "holds no training images, but test alone"),
        ({"train_labels": None}, (), r"has no labels for its training images.*--data\.label_column"),
        ({}, range(40), r"no training image can be read \(train \d+: damaged\)"),
        (labelled("ant", "ant", "ant"), (), "all 3 images belong to one class, 'ant', and at least two are needed"),
        (labelled("ant"), (), "the only image there is belongs to one class"),
        (labelled("ant", "bee"), (), "holds 2 images for training: at least 3 are needed, as one is held out for"),
        ({"class_names": np.array(["x"]), "train_labels": np.arange(40)}, (), "label 39, but names its classes from 0"),
    ],
)
def test_images_that_nothing_can_be_trained_on_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: Any, damaged: Any, expected: str
) -> None:
    if "class_names" in arrays:
        arrays = {**arrays, "test": None}
    dataset = own(tmp_path, monkeypatch, damaged, **arrays)
    with pytest.raises(UserError, match=expected) as caught:
        _ = dataset.sizes
    assert "\n" not in str(caught.value)


def test_a_class_without_training_images_stays_one_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = own(tmp_path, monkeypatch, test_labels=np.array(["ant", "bee", "yak"] * 3))
    assert dataset.class_names == ("ant", "bee", "cat", "yak")
    assert dataset.notes() == ("There are no training images of the class 'yak', which has 3 test images.",)


def test_classes_without_images_are_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: dict[str, Any] = {"train_labels": np.arange(40) % 2 * 3, "test_labels": np.arange(9) % 2}
    names = np.array(["zebra", "yak", "nobody", "ant"])
    dataset = own(tmp_path, monkeypatch, class_names=names, **numbers)
    assert dataset.class_names == ("zebra", "yak", "ant"), "in the order of their numbers"
    labels = dataset.read(NOWHERE, "train")[1]
    assert labels[:4].tolist() == [0, 2, 0, 2]
    assert dataset.notes()[0] == "Left out, as there are no images of the class 'nobody'."


def test_a_class_whose_images_are_all_damaged_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = own(tmp_path, monkeypatch, range(2, 40, 3), test=None)
    assert dataset.class_names == ("ant", "bee")
    assert dataset.notes() == ("Left out, as there are no images of the class 'cat'.",)


def test_damaged_images_are_named_in_one_line_and_an_error_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = own(tmp_path, monkeypatch, [3, 7, 9, 30])
    assert dataset.remarks()[0].startswith("Left out 4 of 49 images: ")
    assert dataset.remarks()[0].count("(damaged)") == 3
    with pytest.raises(UserError, match=r"train \d+: damaged \(one of 4\); --data\.on_damaged skip leaves it out"):
        _ = OwnDataset(tmp_path / "own.npz", Reading(on_damaged="error")).sizes
    assert len(dataset.read(NOWHERE, "train")[0]) == 36
    monkeypatch.setattr("mnist_cnn.data.datamodule.find_dataset", lambda name, reading: dataset)
    data = MNISTDataModule(str(tmp_path / "own.npz"))
    for splits in (["train"], ["test"]):
        data.obtain(splits)  # type: ignore[arg-type]
    assert capsys.readouterr().err.count("Left out 4 of 49 images") == 1


def test_images_are_called_as_their_files_call_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = own(tmp_path, monkeypatch, [0, 3, 4], test=None)
    held_out = dataset._splits["test"].indices
    assert held_out is not None
    whole = np.delete(np.arange(40), [0, 3, 4])
    assert [dataset.name_of("test", i) for i in range(3)] == [f"train {whole[i]}" for i in held_out[:3]]


@pytest.mark.parametrize(("test_size", "count"), [(None, 4), (7, 7)])
def test_test_images_are_held_out_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_size: int | None, count: int
) -> None:
    seen = []
    for most in (1 << 30, 100):  # on the disk too
        monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", most)
        dataset = own(tmp_path, monkeypatch, test=None, reading=Reading(test_size=test_size))
        assert dataset.sizes == {"train": 40 - count, "test": count}
        train, test = (dataset.read(NOWHERE, split)[0][:] for split in ("train", "test"))
        assert len({image.numpy().tobytes() for image in torch.cat([train, test])}) == 40
        seen.append((train, test, dataset.fingerprint("train", *dataset.read(NOWHERE, "train"))))
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])
    assert seen[0][2] == seen[1][2]
    with pytest.raises(UserError, match=r"test_size=40: .* has 40 images in all"):
        _ = own(tmp_path, monkeypatch, test=None, reading=Reading(test_size=40)).sizes


def test_the_fingerprint_from_the_cache_is_that_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = own(tmp_path, monkeypatch)
    images, labels = dataset.read(NOWHERE, "train")
    known = dataset.fingerprint("train", images, labels)
    object.__setattr__(dataset.stored, "fingerprints", {})  # as of images that are held in memory
    assert dataset.fingerprint("train", images, labels) == known


def test_a_run_after_the_files_have_changed_sees_what_they_hold_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.npz"
    random = np.random.default_rng(0)
    for classes, count in ((2, 40), (3, 60), (3, 60)):
        np.savez(path, images=random.integers(0, 256, (count, 8, 8), dtype=np.uint8), labels=np.arange(count) % classes)
        data = MNISTDataModule(str(path))
        assert data.num_classes == classes
        data.setup("fit")
        assert sum(data.sizes().values()) == count * 9 // 10


def survey(*sizes: tuple[int, int], is_grey: bool = True) -> Survey:
    return Survey({"train": Part(None, np.array(sizes), is_grey, str)}, [Skipped("a", "b")])


@pytest.mark.parametrize(
    ("sizes", "form", "note"),
    [
        ([(28, 28)] * 3, Form(1, 28, 28), ""),
        ([(128, 100)] * 3, Form(1, 128, 100), ""),
        ([(129, 100)] * 3, Form(1, 64, 64), "Images of 100 to 129 pixels a side are brought to 64x64"),
        ([(224, 224)] * 3, Form(1, 64, 64), "Images of 224 pixels a side are brought to 64x64"),
        ([(20, 30), (30, 20), (10, 40)], Form(1, 30, 30), "Images of 10 to 40 pixels a side are brought to 30x30"),
        ([(2000, 30), (30, 20), (1000, 40)], Form(1, 64, 64), "--data.image_size chooses another size"),
    ],
)
def test_small_images_of_one_size_keep_it_and_others_become_squares(
    sizes: list[tuple[int, int]], form: Form, note: str
) -> None:
    found, notes = form_of(survey(*sizes), Reading())
    assert found == form
    assert note in "".join(notes)
    assert len(notes) == bool(note)
    assert form_of(survey(*sizes), Reading(image_size=(9, 7), channels=3)) == (Form(3, 9, 7), [])


@pytest.mark.slow
def test_training_from_the_disk_is_resumed_exactly(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a run does with images, with none of them in memory."""
    monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr(on_disk, "BLOCK_BYTES", 10 * 192)
    monkeypatch.setattr(on_disk, "WINDOW_BYTES", 40 * 192)
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (300, 8, 8, 3), dtype=np.uint8), random.integers(0, 3, 300)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_test=images[:50], y_test=labels[:50])
    settings = [
        *("--data.dataset", str(tmp_path / "own.npz"), "--data.train_size", "200", "--batch-size", "25"),
        *("--epochs", "2", "--device", "cpu", "--data.flip", "0.5", "--trainer.enable_progress_bar", "false"),
        *("--model.network.channels", "[4,8,8]", "--checkpoint.every_n_train_steps", "1"),
    ]
    ended = []
    for name, stops in (("whole", []), ("stopped", [3, 11])):
        folder = tmp_path / name
        folder.mkdir()
        os.chdir(folder)
        for attempt, step in enumerate([*stops, None]):
            resume = ["--ckpt_path", "last"] if attempt else []
            stop = interrupt_at(step, "after", "SIGTERM") if step else []
            status, _, err = cli("fit", *settings, *resume, *stop)
            assert status == (143 if step else 0), err
        ended.append(contents_of(Path("lightning_logs/version_0/checkpoints/last.ckpt")))
    assert ended[0]["global_step"] == ended[1]["global_step"] == 16
    assert_equal(ended[0]["state_dict"], ended[1]["state_dict"])
    status, _, err = cli("test", "--ckpt_path", "last")
    assert status == 0, err
    status, _, err = cli("figures", "--ckpt_path", "last")
    assert status == 0, err
    assert Path("figures/mistakes.png").exists()


def test_what_was_looked_at_in_vain_is_looked_at_again(tmp_path: Path) -> None:
    for label in ("a", "b"):
        folder = tmp_path / "pets" / label
        folder.mkdir(parents=True)
        for number in range(4):
            Image.new("L", (4, 4), number).save(folder / f"{label}{number}.png")
    (tmp_path / "pets" / "b").rename(tmp_path / "b")
    settings = Reading(cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="to one class, 'a'"):
        find_dataset(str(tmp_path / "pets"), settings).class_names  # noqa: B018
    (tmp_path / "b").rename(tmp_path / "pets" / "b")
    dataset = find_dataset(str(tmp_path / "pets"), settings)
    dataset.refresh()
    assert dataset.class_names == ("a", "b")


def test_images_that_are_added_move_hardly_any_other_into_the_test(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (300, 6, 6), dtype=np.uint8), np.arange(300) % 3
    tests = []
    for count in (280, 300):
        path = tmp_path / f"{count}.npz"
        order = random.permutation(count)  # nor does their order matter
        np.savez(path, images=images[order], labels=labels[order])
        dataset = find_dataset(str(path), Reading(cache_dir=str(tmp_path / "cache")))
        held_out, of_classes = dataset.read(Path(), "test")
        assert torch.bincount(of_classes).max() - torch.bincount(of_classes).min() <= 1
        tests.append({image.numpy().tobytes() for image in held_out})
    assert [*map(len, tests)] == [28, 30]
    assert len(tests[0] & tests[1]) >= 25
