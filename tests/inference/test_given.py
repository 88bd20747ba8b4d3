"""Files of many images are answered image after image, whatever kind they are of."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_cnn.data.base import Split
from mnist_cnn.data.own.source import Block, Form, Skipped, Source
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from mnist_cnn.inference import given
from mnist_cnn.inference.answers import AnswerFile, AnswerTable
from mnist_cnn.inference.base import BATCH_SIZE, Classifier, Prediction
from mnist_cnn.inference.found import find_pictures, holds_data
from mnist_cnn.inference.given import DataFile, Item, Pictures, Tally, answered, classes_of, in_order, open_all
from mnist_cnn.inference.pictures import to_network_input
from mnist_cnn.runs.provenance import Provenance
from tests.support.pictures import seven
from tests.support.sources import MadeTable


class Brightest(Classifier):
    """Says which row of an image is the brightest."""

    def __init__(self, shape: tuple[int, int, int] = (1, 4, 5), layout: str = "picture", names: str = "0123") -> None:
        self.path, self.class_names = Path("brightest.ckpt"), list(names)
        self.provenance = Provenance(image_shape=shape, layout=layout)

    def _probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = images.astype(np.float32).sum(axis=(1, 3))[:, : len(self.class_names)] + 1
        return rows / rows.sum(axis=1, keepdims=True)


FORM = Form(1, 4, 5)


def bright(position: int, form: Form = FORM) -> NDArray[np.uint8]:
    image = np.zeros(form, np.uint8)
    image[:, position % 4] = 255
    return image


def table(count: int, **settings: Any) -> MadeTable:
    return MadeTable(count, bright, **settings)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataFile]:
    """A file of images that a source gives."""

    def make(source: Source, classifier: Classifier | None = None) -> DataFile:
        monkeypatch.setattr(given, "recognise", lambda path, reading: source)
        return DataFile(Path("made.csv"), classifier or Brightest(), Reading())

    return make


def test_each_image_of_a_file_is_answered_under_its_name(made: Callable[..., DataFile]) -> None:
    found = list(answered(Brightest(), [made(table(8))], 1))
    assert [item.name for item, _ in found] == [f"made.csv, row {row}" for row in range(1, 9)]
    assert [(item.number, item.stem) for item, _ in found][-1] == (8, "made-8")
    assert [prediction.label for _, prediction in found] == list("01230123")


def test_a_file_of_any_length_is_answered_in_constant_memory(made: Callable[..., DataFile], tmp_path: Path) -> None:
    source = table(40 * BATCH_SIZE)
    tally, printed, most = Tally(), AnswerTable(), 0
    with AnswerFile(tmp_path / "answers.csv", "csv", 1) as file:
        for item, prediction in answered(Brightest(), [made(source)], 1):
            for sink in (file, printed):
                sink.write(item, prediction)
            tally.add(item, prediction)
            if item.number % 1000 == 0:
                gc.collect()
                most = max(most, sum(block() is not None for block in source.made))
    assert tally.answered == len((tmp_path / "answers.csv").read_text().splitlines()) - 1 == 40 * BATCH_SIZE
    assert len(source.made) > 100
    assert most <= BATCH_SIZE // 100 * 2 + 2, "blocks that were answered are still there"
    assert "and 10,220 more" in str(printed)
    assert len(str(printed).splitlines()) == 22


def test_a_few_answers_are_all_printed() -> None:
    printed = AnswerTable()
    for number in range(100):
        printed.write(Item(f"{number}.png", None, "x"), Prediction("7", 7, 1.0, (("7", 1.0),)))
    assert len(str(printed).splitlines()) == 101


def test_images_come_in_their_order_and_damaged_ones_among_them() -> None:
    image = np.zeros((1, 1, 1, 1), np.uint8)
    blocks = [
        Block(np.array([2, 1]), np.concatenate([image + 2, image + 1])),
        Block(np.array([0]), image, {3: "ragged"}),
        Block(np.array([5]), image + 5),  # nobody says what has become of the one before
    ]
    found = [(position, x if isinstance(x, str) else int(x.max())) for position, x in in_order(blocks)]
    assert found == [(0, 0), (1, 1), (2, 2), (3, "ragged"), (5, 5)]


def test_damaged_images_are_a_problem_each_and_the_others_answered(made: Callable[..., DataFile]) -> None:
    class Damaged(MadeTable):
        def blocks(self, split: Split, form: Form) -> Iterator[Block]:
            yield Block(np.array([0, 2]), np.stack([bright(0), bright(2)]), {1: "19 values\x1b where 20 are needed"})
            raise UserError("made.csv, row 4: cut off")

    file = made(Damaged(5, bright, skipped=[Skipped("made.csv, row 9", "no numbers"), Skipped("x", "hidden", False)]))
    assert file.failures == ["made.csv, row 9: no numbers"]
    found = [
        (item.name, answer.label, answer.problem) for item, answer in answered(Brightest(), [file, Pictures([])], 1)
    ]
    assert [row[:2] for row in found] == [
        ("made.csv, row 1", "0"),
        ("made.csv, row 2", ""),
        ("made.csv, row 3", "2"),
        ("", ""),
    ]
    assert found[1][2].startswith("made.csv, row 2: 19 values")
    assert "\x1b" not in found[1][2]
    assert found[3][2] == "made.csv, row 4: cut off"


def test_images_of_another_size_are_asked_for_in_the_networks_own(made: Callable[..., DataFile]) -> None:
    source = table(4, side=(8, 10))
    file = made(source, Brightest((3, 4, 5)))
    assert file.notes == ["made.csv: its images of 8x10 pixels are brought to 4x5, which the network takes"]
    assert [answer.label for _, answer in answered(Brightest((3, 4, 5)), [file], 1)] == list("0123")
    assert source.asked == [Form(3, 4, 5)]


def test_digits_of_another_size_are_laid_out_and_those_of_the_same_stay(made: Callable[..., DataFile]) -> None:
    class Sevens(MadeTable):
        def blocks(self, split: Split, form: Form) -> Iterator[Block]:
            self.asked.append(form)
            yield Block(np.arange(1), np.asarray(seven(form.height))[None, None])

    network = Brightest((1, 28, 28), "digit", "0123456789")
    for side, expected in [(60, to_network_input(seven(60))), (28, np.asarray(seven(28)))]:
        source = Sevens(1, bright, side=(side, side))
        ((_, answer),) = answered(network, [made(source, network)], 1)
        assert source.asked == [Form(1, side, side)]
        assert answer.image is not None
        assert np.array_equal(answer.image, expected)


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (["b", "a", "c"], (), [1, 0, -1]),
        ([1, 0, 7], ("a", "b"), [1, 0, -1]),
        ([1.0, 0.0], (), [1, 0]),
        (["01", "0"], (), [1, 0]),
        ([1, 2], (), None),
        (["x", "y"], (), None),
    ],
)
def test_labels_are_found_among_the_networks_classes(labels: Any, names: Any, expected: Any) -> None:
    found = classes_of(np.array(labels), names, ("a", "b"))
    assert (found.tolist() if found is not None else None) == expected


def test_how_many_are_right_is_counted_where_there_are_labels(made: Callable[..., DataFile]) -> None:
    tally = Tally()
    for pair in answered(Brightest(), [made(table(4, labels=[0, 1, 1, 9]))], 1):
        tally.add(*pair)
    assert (tally.answered, tally.labelled, tally.unknown, tally.right) == (4, 4, 1, 2)


CONTENTS = {
    "test.csv": b"pixel0\n",
    "TEST.TSV.GZ": b"\x1f\x8b",
    "images.npy": b"",
    "t10k-images-idx3-ubyte": b"",
    "array": b"\x93NUMPY\x01\x00",
    "matrix": b"MATLAB 5.0 MAT-file",
    "idx": b"\0\0\x08\x03\0\0\0\x01",
    "parquet": b"PAR1",
    "archive": b"x" * 257 + b"ustar\0",
}


def test_files_of_many_images_are_told_by_their_name_or_content(tmp_path: Path) -> None:
    for name, content in CONTENTS.items():
        Path(name).write_bytes(content)
        assert holds_data(Path(name)), name
    seven().save("seven.png")
    seven().save("seven.tga")
    Path("text").write_text("1,2,3")
    for name in ("seven.png", "seven.tga", "text", "-", "absent.png"):
        assert not holds_data(Path(name)), name


def test_pictures_and_files_are_opened_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def recognise(path: Path, reading: Reading) -> Source:
        if path.name == "bad.csv":
            raise UserError("bad.csv: no pixels")
        return table(2)

    monkeypatch.setattr(given, "recognise", recognise)
    for name in ("good.csv", "bad.csv"):
        Path(name).write_text("")
    seven().save("a.png")
    seven().save("b.png")
    paths, _ = find_pictures(["a.png", "b.png", "good.csv", "bad.csv", "a.png"])
    found, failures = open_all(paths, Brightest(), Reading())
    assert [each.count for each in found] == [2, 2, 1]
    assert failures == ["bad.csv: no pixels"]


def test_labels_that_the_network_does_not_know_count_as_wrong_and_are_counted() -> None:
    tally = Tally()
    for truth, answer in ((0, 0), (1, 0), (-1, 0), (None, 0)):
        tally.add(Item("x", None, "x", 1, truth), Prediction("a", answer, 1.0))
    assert (tally.answered, tally.labelled, tally.unknown, tally.right) == (4, 3, 1, 1)
