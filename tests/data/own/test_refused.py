"""Pickles are known by name and content, are not read, and their refusal says how they are converted."""

import bz2
import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from tests.support.pictures import seven


class CreatesAFile:
    """What a pickle of it does when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("code-ran",)


HOSTILE = {protocol: pickle.dumps(CreatesAFile(), protocol) for protocol in range(6)}


def refused(path: Path) -> str:
    """The line about a path, when nothing in it was run."""
    with pytest.raises(UserError) as error:
        recognise(path, Reading()).survey()
    assert not Path("code-ran").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["mnist.pkl", "data.pickle", "weights.pth", "images.PT", "data.joblib"])
def test_pickles_are_known_by_their_names(name: str, protocol: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(HOSTILE[protocol])
    line = refused(tmp_path / name)
    assert f"{name} is a pickle, which runs code when it is read" in line
    assert "numpy.savez(" in line


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", ["train", "data_batch_1", "images.bin"])
def test_pickles_are_known_by_their_first_bytes(
    name: str, protocol: int, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(pack(HOSTILE[protocol]))
    assert "is a pickle, which runs code" in refused(tmp_path / name)


def test_what_torch_saves_is_known_whatever_it_is_called(tmp_path: Path) -> None:
    torch.save(torch.zeros(2, 3), tmp_path / "training.data")
    assert "is a pickle, which runs code" in refused(tmp_path / "training.data")


def test_the_way_out_fits_the_file(tmp_path: Path) -> None:
    ways = {
        "mnist.pkl.gz": "pickle.load(gzip.open('mnist.pkl.gz', 'rb'), encoding='latin1'); numpy.savez('mnist.npz', x_",
        "training.pt": "torch.load('training.pt', weights_only=True); numpy.savez('training.npz'",
        "digits.joblib": "joblib.load('digits.joblib')",
        "data_batch_1": "CIFAR-10 by name (--data.dataset cifar10)",
    }
    for name, way in ways.items():
        (tmp_path / name).write_bytes(HOSTILE[2])
        assert way in refused(tmp_path / name)


def test_the_words_for_numpy_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.random.default_rng(0).integers(0, 256, (20, 3 * 64), np.uint8), [0, 1] * 10
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({"data": images, "labels": labels}, 2))
    line = refused(tmp_path / "data_batch_1")
    monkeypatch.chdir(tmp_path)
    import numpy

    exec(line.partition("If you trust it: ")[2], {"pickle": pickle, "numpy": numpy})
    (tmp_path / "data_batch_1").unlink()
    part = recognise(tmp_path, Reading()).survey().parts["train"]
    assert part.labels is not None
    assert part.labels.tolist() == labels


def test_a_folder_of_pickles_is_refused_and_one_of_pictures_beside_a_pickle_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "readme.html").write_text("hello")
    for name in ("data_batch_1", "data_batch_2", "test_batch", "batches.meta"):
        (folder / name).write_bytes(HOSTILE[2])
    for path in (folder, tmp_path):
        assert f"{path} holds pickles" in refused(path)
    for number in range(4):
        picture = folder / "ab"[number % 2] / f"{number}.png"
        picture.parent.mkdir(exist_ok=True)
        seven(12).save(picture)
    assert set(recognise(folder, Reading()).survey().parts) == {"train"}
