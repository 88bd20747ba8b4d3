"""`mnist-cnn predict`, `mnist-cnn export` and `mnist_cnn.load`."""

import csv
import errno
import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import mnist_cnn
from mnist_cnn.data.own.source import Skipped
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.inference import answers
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.inference.onnx import ONNXClassifier
from mnist_cnn.inference.pictures import to_network_input
from mnist_cnn.training.classifier import ImageClassifier
from tests.support.checkpoints import write_checkpoint
from tests.support.commands import ROOT, Cli
from tests.support.pictures import seven
from tests.support.sources import MadeTable


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "lightning_logs/version_0/checkpoints/best.ckpt")


def test_answers_are_those_of_the_lightning_module(checkpoint: Path) -> None:
    images, _ = synthetic_digits(range(20))
    expected = ImageClassifier.load_from_checkpoint(checkpoint, weights_only=True).predict_proba(images)
    found = mnist_cnn.load(checkpoint).predict_proba(images.numpy())
    torch.testing.assert_close(torch.from_numpy(found), expected)


def test_a_picture_is_answered_in_a_table_with_its_runners_up(cli: Cli, checkpoint: Path) -> None:
    seven().save("photo.jpg")
    status, out, err = cli("predict", "photo.jpg", "--top_k", "4")
    assert status == 0
    answer = mnist_cnn.load("best").predict("photo.jpg", top_k=4)[0]
    row = out.splitlines()[1]
    assert row.split()[:2] == ["photo.jpg", answer.label]
    assert [f"{label} {100 * p:.1f} %" for label, p in answer.top[1:]] == row.split(" %  ", 1)[1].split(", ")
    assert len(answer.top) == 4
    assert "version_0/checkpoints/best.ckpt" in err


def test_folders_are_walked_and_every_format_of_answer_holds_the_same(cli: Cli, checkpoint: Path) -> None:
    for name in ("scans/a.png", "scans/deeper/b.PNG", "c.bmp"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        seven().save(name)
    Path("scans/notes.txt").write_text("no picture")
    assert cli("predict", "c.bmp", "scans", "--output", "out/answers.json")[0] == 0
    assert cli("predict", "c.bmp", "scans", "--output", "answers.csv")[0] == 0
    answers = json.loads(Path("out/answers.json").read_text())
    assert [answer["picture"] for answer in answers] == ["c.bmp", "scans/a.png", "scans/deeper/b.PNG"]
    with Path("answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for answer, row in zip(answers, rows, strict=True):
        assert (row["label"], float(row["probability"])) == (answer["label"], answer["probability"])
        assert row["label_3"] == answer["top"][2]["label"]


def test_bad_pictures_are_a_line_each_and_the_others_are_answered(cli: Cli, checkpoint: Path) -> None:
    seven().save("good.png")
    Path("text.png").write_text("hello")
    Path("half.png").write_bytes(Path("good.png").read_bytes()[:200])
    Image.new("1", (9000, 6000)).save("bomb.png")
    Path("empty").mkdir()
    status, out, err = cli("predict", "text.png", "half.png", "absent.png", "good.png", "bomb.png", "empty")
    assert status == 1
    lines = [line for line in err.splitlines() if "error" in line]
    assert len(lines) == 5
    for name in ("text.png", "half.png", "absent.png", "bomb.png", "empty"):
        assert sum(name in line for line in lines) == 1
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["good.png"]


def test_a_picture_comes_over_the_standard_input(cli: Cli, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seven().save("photo.png")
    for content in (Path("photo.png").read_bytes(), b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        status, out, err = cli("predict", "-", "photo.png")
        assert status == (0 if content else 1)
        assert [line.split()[0] for line in out.splitlines()[1:]] == (["-"] if content else []) + ["photo.png"]
        assert err.count("error") == (0 if content else 1)


def test_names_that_terminals_would_obey_are_spelled_out(cli: Cli, checkpoint: Path) -> None:
    Path("odd").mkdir()
    for name in ("new\nline.png", "\x1b[31m.png", os.fsdecode(b"\xff.png")):
        seven().save(f"odd/{name}", "PNG")
    Path("odd/\x1b]0;bad.png").write_text("no picture")
    status, out, err = cli("predict", "odd", "odd/absent\x1b[0m.png")
    assert status == 1
    assert "\x1b" not in out + err
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "odd/\\x1b[31m.png",
        "odd/new\\nline.png",
        "odd/\\xff.png",
    ]
    assert err.count("\n") == 3


def test_an_empty_picture_is_answered_with_that(cli: Cli, checkpoint: Path) -> None:
    Image.new("L", (100, 100), 255).save("blank.png")
    status, out, _ = cli("predict", "blank.png")
    assert status == 0
    assert "blank.png                       no ink found: the picture is empty" in out


def test_inputs_are_saved_as_the_network_saw_them_none_over_another(cli: Cli, checkpoint: Path) -> None:
    for name in ("one/digit.png", "two/digit.png"):
        Path(name).parent.mkdir()
        seven(pen=20 if "one" in name else 40).save(name)
    assert cli("predict", "one", "two", "--save_inputs", "seen")[0] == 0
    for seen, source in [("seen/digit.png", "one/digit.png"), ("seen/digit-2.png", "two/digit.png")]:
        assert np.array_equal(np.asarray(Image.open(seen)), to_network_input(source))


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        ([], 2, "PICTURE"),
        (["x.png", "--top_k", "0"], 2, "--top_k 0: at least 1"),
        (["x.png", "--output", "answers.txt"], 2, "must end in .csv or .json"),
        (["x.png", "--nonsense"], 2, "--nonsense"),
        (["x.png", "--format", "xml"], 2, "--format"),
        (
            ["x.png", "--format", "json", "--output", "a.csv"],
            2,
            "--format json --output a.csv: the name must end in .json",
        ),
        (["x.png", "--format", "kaggle", "--output", "a.json"], 2, "the name must end in .csv"),
        (["x.png", "--format", "table", "--output", "a.csv"], 2, "a table is printed; leave --output out"),
        (["there.png", "--ckpt_path", "none.ckpt"], 1, "none.ckpt: no such file"),
        (["there.png", "--ckpt_path", "there.png"], 1, "damaged or no checkpoint"),
        (["there.png", "--ckpt_path", "there.onnx"], 1, "damaged or no ONNX file"),
    ],
)
def test_mistakes_are_explained(cli: Cli, arguments: list[str], status: int, expected: str) -> None:
    seven().save("there.png")
    Path("there.onnx").write_text("nothing")
    found, out, err = cli("predict", *arguments)
    assert (found, out) == (status, "")
    assert expected in err
    assert len(err.strip().splitlines()) <= 2


def test_export_gives_the_same_answers_for_every_batch_size(cli: Cli, checkpoint: Path) -> None:
    status, out, _ = cli("export", "--output", "model.onnx")
    assert status == 0
    assert "differs from PyTorch by" in out
    exported, original = mnist_cnn.load("model.onnx"), mnist_cnn.load("best")
    assert isinstance(exported, ONNXClassifier)
    assert isinstance(original, CheckpointClassifier)
    assert exported.class_names == original.class_names
    assert exported.provenance == original.provenance
    images = synthetic_digits(range(33))[0].numpy()
    for size in (1, 2, 33):
        one, other = exported.predict_proba(images[:size]), original.predict_proba(images[:size])
        assert np.abs(one - other).max() < 1e-5
        assert one.sum(axis=1) == pytest.approx(1)
    assert not list(Path().glob("*.part*"))
    model = onnx.load("model.onnx")
    shape = model.graph.input[0].type.tensor_type
    assert shape.elem_type == onnx.TensorProto.UINT8
    assert [dimension.dim_value for dimension in shape.shape.dim] == [0, 1, 28, 28]  # 0: the batch is free
    assert shape.shape.dim[0].dim_param
    assert str(ROOT).encode() not in Path("model.onnx").read_bytes(), "it tells of no machine"
    seven().save("photo.png")
    assert cli("predict", "photo.png", "--ckpt_path", "model.onnx")[0] == 0


def test_prediction_with_onnx_imports_neither_torch_nor_lightning(cli: Cli, checkpoint: Path) -> None:
    seven().save("photo.png")
    np.save("digits.npy", np.zeros((2, 28, 28), np.uint8))
    with zipfile.ZipFile("scans.zip", "w") as archive:
        archive.write("photo.png")
    assert cli("export")[0] == 0
    program = (
        "import sys; from mnist_cnn.cli.main import main; status = main(['predict', 'photo.png', 'digits.npy', "
        "'scans.zip', '--ckpt_path', 'model.onnx']); "
        "sys.exit(sorted({'torch', 'pytorch_lightning'} & set(sys.modules)) or status)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(ROOT)}, capture_output=True)


def test_prediction_with_a_checkpoint_does_not_import_lightning(checkpoint: Path) -> None:
    seven().save("photo.png")
    program = (
        "import sys; from mnist_cnn.cli.main import main; status = main(['predict', 'photo.png']); "
        "sys.exit('pytorch_lightning' in sys.modules or status)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(ROOT)}, capture_output=True)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_named_with_its_install_command(
    cli: Cli, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    status, _, err = cli("export")
    assert status == 1
    assert package in err
    assert "mnist-cnn[onnx]" in err
    assert not Path("model.onnx").exists()


def test_load_takes_paths_images_arrays_and_tensors_one_or_many(checkpoint: Path) -> None:
    classifier = mnist_cnn.load("best")
    seven().save("photo.png")
    images, _ = synthetic_digits(range(4))
    assert len(classifier.predict("photo.png")) == 1
    assert len(classifier.predict([Path("photo.png"), seven(), np.asarray(seven())])) == 3
    assert len({answer.label for answer in classifier.predict([Path("photo.png"), seven()])}) == 1
    assert len(classifier.predict(images)) == 4
    assert len(classifier.predict(images[:, 0].numpy())) == 4
    assert len(classifier.predict(images[0])) == 1
    assert len(classifier.predict(np.asarray(seven().convert("RGB")))) == 1
    assert classifier.predict([]) == []
    problem = classifier.predict(["absent.png"])[0]
    assert problem.is_error
    assert "absent.png" in problem.problem
    with pytest.raises(UserError, match="top_k=0"):
        classifier.predict("photo.png", top_k=0)


def test_clothes_are_named_and_laid_out_as_fashion_mnist(tmp_path: Path) -> None:
    names = [f"garment {number}" for number in range(10)]
    path = write_checkpoint(tmp_path / "fashion.ckpt", dataset="fashion_mnist", class_names=names)
    answer = mnist_cnn.load(path).predict(seven())[0]
    assert answer.label in names
    assert answer.image is not None
    assert np.array_equal(answer.image, to_network_input(seven(), layout="garment"))


def test_a_network_trained_on_a_stand_in_says_so(cli: Cli, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x.ckpt", dataset="synthetic", stand_in_for="mnist")
    seven().save("photo.png")
    status, _, err = cli("predict", "photo.png", "--ckpt_path", "x.ckpt")
    assert status == 0
    assert "trained on synthetic digits, not on mnist" in err


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the file test.csv hold digits, with labels or without."""
    Path("test.csv").write_text("pixel0\n")
    images, labels = synthetic_digits(range(150))

    def make(are_labelled: bool = False, **settings: Any) -> None:
        truth = labels.tolist() if are_labelled else None
        source = MadeTable(150, lambda position, form: images[position].numpy(), truth, (28, 28), **settings)
        monkeypatch.setattr("mnist_cnn.inference.given.recognise", lambda path, reading: source)

    return make


def test_a_table_without_labels_is_answered_as_kaggle_takes_it(cli: Cli, digits: Callable[..., None]) -> None:
    digits()
    status, out, _ = cli("predict", "test.csv", "--output", "submission.csv", "--ckpt_path", "reference")
    assert status == 0
    assert "as Kaggle takes" in out
    assert "150 answers written to submission.csv" in out
    lines = Path("submission.csv").read_text().splitlines()
    expected = mnist_cnn.load("reference").predict_proba(synthetic_digits(range(150))[0].numpy()).argmax(axis=1)
    assert lines == ["ImageId,Label", *(f"{number},{label}" for number, label in enumerate(expected.tolist(), 1))]
    assert cli("predict", "test.csv", "--output", "all.csv", "--format", "csv", "--ckpt_path", "reference")[0] == 0
    with Path("all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [line.partition(",")[2] for line in lines[1:]]
    assert rows[16]["picture"] == "made.csv, row 17"


def test_labels_in_a_file_say_how_many_answers_are_right(cli: Cli, digits: Callable[..., None]) -> None:
    digits(are_labelled=True)
    status, out, err = cli("predict", "test.csv", "--output", "answers.csv", "--ckpt_path", "reference")
    assert status == 0
    assert "Kaggle" not in out, "there is nothing to submit"
    labels = synthetic_digits(range(150))[1].tolist()
    with Path("answers.csv").open(newline="") as file:
        right = sum(row["label"] == str(label) for row, label in zip(csv.DictReader(file), labels, strict=True))
    assert f"Right: {100 * right / 150:.2f} % of 150" in err


def test_many_answers_are_printed_in_part_and_other_formats_whole(cli: Cli, digits: Callable[..., None]) -> None:
    digits()
    status, out, _ = cli("predict", "test.csv", "--ckpt_path", "reference")
    assert status == 0
    assert len(out.splitlines()) == 22
    assert "and 130 more: --output" in out
    _, out, _ = cli("predict", "test.csv", "--format", "json", "--ckpt_path", "reference")
    assert len(json.loads(out)) == 150
    _, out, _ = cli("predict", "test.csv", "--format", "csv", "--top_k", "2", "--ckpt_path", "reference")
    assert out.splitlines()[0] == "picture,label,probability,label_2,probability_2,problem"
    assert len(out.splitlines()) == 151
    _, out, _ = cli("predict", "test.csv", "--format", "kaggle", "--ckpt_path", "reference")
    assert out.splitlines()[:2] == ["ImageId,Label", f"1,{out.splitlines()[1].partition(',')[2]}"]


def test_damaged_rows_are_named_but_not_by_the_thousand(cli: Cli, digits: Callable[..., None]) -> None:
    digits(skipped=[Skipped(f"test.csv, row {row}", "783 values") for row in range(1000)])
    status, out, err = cli("predict", "test.csv", "--ckpt_path", "reference")
    assert status == 1
    assert "test.csv, row 7: 783 values" in err
    assert "and 900 more that could not be read" in err
    assert err.count("\n") < 110
    assert "made.csv, row 1 " in out


def test_a_disk_that_becomes_full_leaves_nothing_and_the_first_answers_are_printed(
    cli: Cli, digits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_at(item: Any, prediction: Any) -> None:
        if item.number == 70:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def full(file: Any, places: int) -> Iterator[Any]:
        yield fail_at

    digits()
    monkeypatch.setitem(answers._WRITERS, "csv", full)
    command = ("predict", "test.csv", "--output", "answers.csv", "--format", "csv", "--ckpt_path", "reference")
    status, out, err = cli(*command)
    assert status == 1
    assert "error: answers.csv: no space is left on the disk: free some; the answers are printed instead" in err
    assert "made.csv, row 20 " in out
    assert [path.name for path in Path().iterdir()] == ["test.csv"]


def _packed(images: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in images.shape)
    return gzip.compress(header + images.tobytes())


def _as_table(images: np.ndarray) -> str:
    names = ",".join(f"pixel{number}" for number in range(images[0].size))
    return "\n".join([names, *(",".join(map(str, image.ravel().tolist())) for image in images)])


FILES: dict[str, Callable[[np.ndarray], object]] = {
    "digits.csv": lambda images: Path("digits.csv").write_text(_as_table(images)),
    "digits.tsv.gz": lambda images: Path("digits.tsv.gz").write_bytes(
        gzip.compress(_as_table(images).replace(",", "\t").encode())
    ),
    "digits.npy": lambda images: np.save("digits.npy", images),
    "digits.npz": lambda images: np.savez("digits.npz", x_test=images / np.float32(255)),
    "digits.gz": lambda images: Path("digits.gz").write_bytes(_packed(images)),
}


def test_archives_are_answered_picture_by_picture_whatever_folders_are_in_them(cli: Cli) -> None:
    file = io.BytesIO()
    seven().save(file, "PNG")
    with zipfile.ZipFile("scans.zip", "w") as archive:
        for name in ("7/a.png", "deeper/8/b.png", "c.png"):
            archive.writestr(name, file.getvalue())
        archive.writestr("d.png", b"no picture")
        archive.writestr("../e.png", file.getvalue())
    status, out, err = cli("predict", "scans.zip", "--ckpt_path", "reference")
    assert status == 1
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["7/a.png", "7"],
        ["deeper/8/b.png", "7"],
        ["c.png", "7"],
    ]
    assert "error: d.png: no picture" in err
    assert "Right: 50.00 % of 2" in err, "of those in folders that are called as classes are"


@pytest.mark.parametrize("name", FILES)
def test_files_of_every_kind_are_answered_alike(cli: Cli, name: str) -> None:
    images = synthetic_digits(range(30))[0].numpy()
    FILES[name](images[:, 0])
    status, _, err = cli("predict", name, "--output", "answers.json", "--ckpt_path", "reference")
    assert status == 0, err
    expected = mnist_cnn.load("reference").predict_proba(images)
    answers = json.loads(Path("answers.json").read_text())
    assert [answer["label"] for answer in answers] == list(map(str, expected.argmax(axis=1)))
    assert [answer["probability"] for answer in answers] == pytest.approx(expected.max(axis=1).tolist(), abs=2e-6)


def test_damaged_rows_keep_their_numbers_for_kaggle(cli: Cli) -> None:
    images = synthetic_digits(range(9))[0].numpy()
    rows = _as_table(images).split("\n")
    rows[3], rows[5] = rows[3].rpartition(",")[0], rows[5].replace("0", "x", 1)
    Path("test.csv").write_text("\n".join(rows))
    status, _, err = cli("predict", "test.csv", "--output", "submission.csv", "--ckpt_path", "reference")
    assert status == 1
    assert "error: test.csv, row 4: it has 783 cells" in err
    assert "error: test.csv, row 6: 'x" in err
    found = [line.partition(",")[0] for line in Path("submission.csv").read_text().splitlines()]
    assert found == ["ImageId", "1", "2", "4", "6", "7", "8", "9"]


def test_rows_of_another_size_are_brought_to_the_networks_or_refused_in_a_line(cli: Cli, tmp_path: Path) -> None:
    shape: dict[str, Any] = {"layout": "picture", "image_shape": (1, 8, 18)}
    write_checkpoint(tmp_path / "own.ckpt", dataset="my photos", **shape)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1000), np.uint8)
    for count in (144, 100, 1000):
        Path(f"{count}.csv").write_text(_as_table(pixels[:, :count]))
    status, out, err = cli("predict", "144.csv", "--ckpt_path", "own.ckpt", "--save_inputs", "seen")
    assert status == 0
    assert "brought to" not in err, "they have the network's shape, though they would make a square too"
    assert np.array_equal(np.asarray(Image.open("seen/144-2.png")), pixels[1, :144].reshape(8, 18))
    status, out, err = cli("predict", "100.csv", "--ckpt_path", "own.ckpt")
    assert status == 0
    assert "100.csv: its images of 10x10 pixels are brought to 8x18" in err
    status, out, err = cli("predict", "1000.csv", "--ckpt_path", "own.ckpt")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "1000.csv, row 2: 1000 of 1000 columns hold numbers; pixels of square images are needed" in err
