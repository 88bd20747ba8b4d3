import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_cnn.data import downloaded
from mnist_cnn.data.cifar import CIFARDataset
from mnist_cnn.data.downloaded import CheckedDataset
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError
from tests.support.checked import COUNT, packed, told_to_torchvision, write_checked
from tests.support.datasets import whole

NAMES = ("cifar10", "cifar100", "svhn", "usps")


def _unreachable(*args: Any) -> list[str]:
    return ["http://mirror: no network"]


@pytest.mark.parametrize("name", NAMES)
def test_pixels_and_labels_are_those_that_torchvision_reads_from_the_same_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_checked(name, tmp_path)
    monkeypatch.setattr(downloaded, "download_from_any", _unreachable)
    dataset.obtain(tmp_path)  # which finds all of them intact
    source = told_to_torchvision(dataset, monkeypatch)
    for split, is_train in (("train", True), ("test", False)):
        images, labels = whole(dataset, tmp_path, split)  # type: ignore[arg-type]
        held = source(tmp_path, split) if name == "svhn" else source(tmp_path, is_train)
        expected = np.asarray(held.data)
        if name.startswith("cifar"):
            expected = expected.transpose(0, 3, 1, 2)
        assert np.array_equal(images.numpy(), expected.reshape(images.shape))
        assert labels.tolist() == list(held.labels if name == "svhn" else held.targets)
        assert images.dtype == torch.uint8
        assert labels.dtype == torch.int64
        assert images.shape[1:] == dataset.image_shape


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_reads_the_first_images(name: str, tmp_path: Path) -> None:
    dataset = write_checked(name, tmp_path)
    images, labels = whole(dataset, tmp_path, "train")
    for limit in (5, COUNT):
        first, of_first = whole(dataset, tmp_path, "train", limit)
        assert torch.equal(first, images[:limit])
        assert torch.equal(of_first, labels[:limit])


@pytest.mark.parametrize("name", NAMES)
def test_files_and_checksums_are_those_that_torchvision_lists(name: str) -> None:
    dataset = find_dataset(name)
    assert isinstance(dataset, CheckedDataset)
    source = dataset._torchvision_class()
    if isinstance(dataset, CIFARDataset):
        listed = dict([*source.train_list, *source.test_list])
        assert [*dataset.files["train"]] == [f"{source.base_folder}/{file}" for file, _ in source.train_list]
        assert dataset.archive == source.filename
    else:
        listed = {file: md5 for _, file, md5 in source.split_list.values() if "extra" not in file}
        assert dataset.published().keys() >= listed.keys()
    assert dataset.md5 == listed


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_the_published_one_is_refused_unread(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_checked(name, tmp_path)

    class Hostile:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / dataset.files["test"][0]
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(DatasetAlteredError, match=f"{path.name} is not what was published"):
        dataset.read(tmp_path, "test")
    monkeypatch.setattr(downloaded, "download_from_any", _unreachable)
    with pytest.raises(DatasetAlteredError, match=r"MD5 .* expected, .* found. Could not be fetched"):
        dataset.obtain(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", NAMES)
def test_absent_files_are_named_with_the_ways_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = find_dataset(name)
    assert len(dataset.absent_files(tmp_path)) == dataset.count_files()
    with pytest.raises(DatasetAbsentError, match="not found in"):
        whole(dataset, tmp_path, "train")
    monkeypatch.setattr(downloaded, "download_from_any", _unreachable)
    with pytest.raises(DatasetAbsentError, match="could not be downloaded") as caught:
        dataset.obtain(tmp_path)
    assert "or name a folder that has them with --data.data_dir" in str(caught.value)


@pytest.mark.parametrize("is_there", [True, False])
def test_cifar_comes_out_of_an_archive_that_is_there_or_is_downloaded(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_checked("cifar10", tmp_path)
    images, labels = whole(dataset, tmp_path, "train")
    md5 = packed(dataset, tmp_path)
    archive = tmp_path / dataset.archive
    content = archive.read_bytes()
    if not is_there:
        archive.unlink()

    def given(urls: Any, path: Path, md5: str, largest: int) -> list[str]:
        assert not is_there
        path.write_bytes(content)
        return []

    monkeypatch.setattr(downloaded, "download_from_any", given)
    monkeypatch.setattr(CIFARDataset, "published", lambda dataset: {dataset.archive: (["http://mirror"], md5)})
    dataset.obtain(tmp_path, ["train"])
    read, of_read = whole(dataset, tmp_path, "train")
    assert torch.equal(read, images)
    assert torch.equal(of_read, labels)
    assert dataset.absent_files(tmp_path) == [*dataset.files["test"]]
    assert archive.exists() == is_there, "what was downloaded for it is removed, what was there stays"


def test_what_is_larger_than_published_is_not_read_into_memory(tmp_path: Path) -> None:
    dataset = write_checked("usps", tmp_path)
    path = tmp_path / "usps.bz2"
    with path.open("wb") as file:
        file.truncate(dataset.largest_bytes(path.name) + 1)
    with pytest.raises(DatasetAlteredError, match="not what was published"):
        whole(dataset, tmp_path, "train")
