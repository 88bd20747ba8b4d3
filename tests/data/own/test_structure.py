"""What people call their folders tells splits and classes."""

import pytest

from mnist_cnn.data.own.structure import split_of, structure_of
from mnist_cnn.errors import UserError


def found(*names: str, empty: tuple[str, ...] = ()) -> dict[str, str]:
    """Split and class of each picture that belongs to one, as "split/class"."""
    belongings = structure_of("pets", names, empty).belongings
    return {name: "/".join(belonging) for name, belonging in belongings.items()}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in ("train", "Train", "TRAINING", "train_images", "trainingSet", "seg_train")),
        *((name, "val") for name in ("val", "valid", "Validation", "dev", "val-set")),
        *((name, "test") for name in ("test", "Testing", "eval", "test images", "TestSet")),
        *((name, None) for name in ("trains", "training shoe", "cat", "images", "train_val", "testudo", "猫")),
    ],
)
def test_splits_have_many_names(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(("train", "val", "test"), [("train", "val", "test"), ("Training", "valid", "eval")])
def test_splits_hold_classes(train: str, val: str, test: str) -> None:
    names = [f"{split}/{label}/1.png" for split in (train, val, test) for label in ("cat", "dog")]
    expected = [f"{split}/{label}" for split in ("train", "val", "test") for label in ("cat", "dog")]
    assert [*found(*names).values()] == expected


def test_folders_alone_are_classes_and_what_is_deeper_in_them_belongs_to_them() -> None:
    assert found("cat/1.png", "cat/old/2.png", "cat/old/older/3.png", "dog/train/1.png") == {
        "cat/1.png": "train/cat",
        "cat/old/2.png": "train/cat",
        "cat/old/older/3.png": "train/cat",
        "dog/train/1.png": "train/dog",
    }
    assert found("train/cat/images/1.png", "train/dog/images/1.png") == {
        "train/cat/images/1.png": "train/cat",
        "train/dog/images/1.png": "train/dog",
    }


@pytest.mark.parametrize("wrapper", ["pets/", "pets/pets/", "a/b/c/"])
@pytest.mark.parametrize("inner", ["train/{}/1.png", "train/train/{}/1.png", "Train/images/{}/1.png", "{}/1.png"])
def test_folders_around_it_all_are_passed_through(wrapper: str, inner: str) -> None:
    names = [wrapper + inner.format(label) for label in ("cat", "dog")]
    assert [*found(*names, empty=("docs",)).values()] == ["train/cat", "train/dog"]


def test_a_class_may_be_called_train() -> None:
    assert set(found("train/1.png", "bus/1.png", "car/1.png").values()) == {"train/train", "train/bus", "train/car"}


def test_one_class_is_one() -> None:
    assert found("train/cat/1.png") == {"train/cat/1.png": "train/cat"}
    assert found("cat/1.png") == {"cat/1.png": "train/cat"}


def test_classes_may_lie_beside_the_test_images() -> None:
    assert found("cat/1.png", "dog/1.png", "test/cat/2.png") == {
        "cat/1.png": "train/cat",
        "dog/1.png": "train/dog",
        "test/cat/2.png": "test/cat",
    }


def test_what_lies_beside_the_classes_is_named() -> None:
    structure = structure_of("pets", ["train/cat/1.png", "train/2.png", "3.png", "extra/4.png", "test/cat/1.png"])
    assert [entry.name for entry in structure.skipped] == ["train/2.png", "3.png"]
    assert not any(entry.is_damaged for entry in structure.skipped)
    assert structure.notes == ["1 picture in extra/ was left out: it is no folder of a split"]


@pytest.mark.parametrize("names", [["test/1.png", "test/2.png"], ["test/unknown/1.png", "test/unknown/2.png"]])
def test_test_images_without_labels_are_noted_and_left_out(names: list[str]) -> None:
    structure = structure_of("pets", ["train/cat/1.png", "train/dog/1.png", *names])
    assert set(structure.belongings) == {"train/cat/1.png", "train/dog/1.png"}
    (note,) = structure.notes
    assert note.startswith("2 pictures in test/ were left out")


def test_classes_differ_between_splits_in_capitals_alone() -> None:
    structure = structure_of("pets", ["train/Cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/cow/1.png"])
    assert {belonging.label for belonging in structure.belongings.values()} == {"Cat", "dog", "cow"}
    assert structure.notes == ["test/cat was taken for the class Cat of the training images"]


def test_two_spellings_of_a_letter_are_one() -> None:
    assert set(found("train/Ka\u0308fer/1.png", "test/K\u00e4fer/1.png", "train/猫/1.png").values()) == {
        "train/K\u00e4fer",
        "test/K\u00e4fer",
        "train/猫",
    }


def test_bytes_that_are_no_letters_can_be_written_everywhere() -> None:
    assert "\udcff" not in "".join(found("\udcff/1.png", "a/1.png").values())


def test_empty_classes_are_told() -> None:
    names = ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png"]
    structure = structure_of("pets", names, ["train/cow", "test/dog", "train/cat/old", "docs"])
    assert structure.empty_classes == ["cow"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1.png", "2.png"], "pets holds 2 pictures without a folder for each class: put them as pets/cat/1.jpg"),
        (["images/1.png"], "pets holds a picture without a folder for each class"),
        (["train/1.png", "test/2.png"], "pets holds a picture without a folder for each class"),
        (["test/cat/1.png", "val/cat/1.png"], "pets holds nothing to train on, but test/ and val/ alone"),
        ([], "pets holds no pictures: put them as"),
    ],
)
def test_a_folder_without_classes_is_told_how_it_should_look(names: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        structure_of("pets", names)
    assert str(caught.value).startswith(said)
    assert "pets/train/cat/1.jpg" in str(caught.value)


def test_folders_that_never_end_are_no_trouble() -> None:
    assert len(found("a/" * 20_000 + "1.png", "b/1.png")) == 2
