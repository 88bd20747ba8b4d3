"""MATLAB's files, as SVHN's and EMNIST's."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from mnist_cnn.errors import UserError
from tests.data.own.test_arrays import COLOUR, GREY, LABELS, assert_grey, read


@pytest.mark.parametrize("packed", [False, True])
def test_svhn_keeps_its_labels_and_pairs_its_splits(packed: bool, tmp_path: Path) -> None:
    labels = np.where(LABELS == 0, 10, LABELS)  # 10 stands for the digit 0
    for split, count in (("train", 24), ("test", 7)):
        arrays = {"X": COLOUR[:count].transpose(1, 2, 3, 0), "y": labels[:count, None].astype(np.uint8)}
        savemat(tmp_path / f"{split}_32x32.mat", arrays, do_compression=packed)
    found, _ = read(tmp_path)
    assert {split: len(images) for split, (images, _) in found.items()} == {"train": 24, "test": 7}
    assert (found["train"][0] == COLOUR.transpose(0, 3, 1, 2)).all()
    assert found["train"][1] == labels.tolist()
    assert read(tmp_path / "test_32x32.mat")[0]["train"][1] == labels[:7].tolist()


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    columnwise = GREY.transpose(0, 2, 1).reshape(24, -1)
    split = {"images": columnwise, "labels": LABELS[:, None].astype(np.uint8), "writers": LABELS[:, None]}
    mapping = np.array([[label, ord("A") + label] for label in range(5)])
    savemat(tmp_path / "emnist-letters.mat", {"dataset": {"train": split, "test": split, "mapping": mapping}})
    assert_grey(tmp_path / "emnist-letters.mat")
    found, survey = read(tmp_path / "emnist-letters.mat")
    assert (found["test"][0] == GREY[:, None]).all()
    assert survey.class_names == ("A", "B", "C", "D", "E")


def test_labels_in_cells_of_text(tmp_path: Path) -> None:
    names = np.array([*"abcde"], object)[LABELS]
    savemat(tmp_path / "data.mat", {"images": GREY, "labels": names})
    assert read(tmp_path / "data.mat")[0]["train"][1] == names.tolist()


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_version_7_3_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "data.mat"
    for content in (
        b"MATLAB 7.3 MAT-file, Platform".ljust(512) + b"\x89HDF\r\n\x1a\n",
        b"\x89HDF\r\n\x1a\n" + bytes(99),
    ):
        path.write_bytes(content)
        assert "data.mat is of MATLAB's version 7.3, which is HDF5: save it in MATLAB with" in refused(path)


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    savemat(tmp_path / "whole.mat", {"X": GREY, "y": LABELS}, do_compression=True)
    whole, path = (tmp_path / "whole.mat").read_bytes(), tmp_path / "data.mat"
    for content in (b"", b"hello" * 100, whole[:100], whole[:200], whole[:-20]):
        path.write_bytes(content)
        assert "data.mat" in refused(path)
    savemat(path, {"name": "hello"})
    assert "data.mat holds no array of images; found: name" in refused(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("value", [np.array([["a", "b"]], object), {"train": {"images": GREY}}])
def test_a_billion_cells_are_not_believed(value: Any, packed: bool, tmp_path: Path) -> None:
    savemat(tmp_path / "data.mat", {"X": value})
    content = (tmp_path / "data.mat").read_bytes()
    shape = np.array([5, 8, *np.asarray(value).reshape(1, -1).shape], "<i4").tobytes()
    assert shape in content
    body = content[128:].replace(shape, np.array([5, 8, 1 << 15, 1 << 15], "<i4").tobytes())
    if packed:
        body = zlib.compress(body)
        body = np.array([15, len(body)], "<i4").tobytes() + body
    (tmp_path / "data.mat").write_bytes(content[:128] + body)
    assert "data.mat is damaged: a variable promises 32768x32768 parts" in refused(tmp_path / "data.mat")


def test_what_unpacks_to_more_than_can_be_held_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_cnn.data.own.matlab.MOST_UNPACKED", 1 << 20)
    savemat(tmp_path / "small.mat", {"X": GREY, "y": LABELS}, do_compression=True)
    assert len(read(tmp_path / "small.mat")[0]["train"][0]) == 24
    savemat(tmp_path / "bomb.mat", {"X": np.zeros((8 << 20, 1), np.uint8)}, do_compression=True)
    assert "would be in memory whole; save the images as .npz or .npy" in refused(tmp_path / "bomb.mat")
