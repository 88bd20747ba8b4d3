import gzip
from pathlib import Path

import pytest
import torch

from mnist_cnn.data.idx import read_idx
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError, UserError
from tests.support.datasets import checksums, idx_bytes, published_dataset, write_dataset


@pytest.mark.parametrize("packed", [True, False])
def test_reads_packed_and_unpacked_files_and_writes_nothing(tmp_path: Path, packed: bool) -> None:
    write_dataset(tmp_path, packed=packed)
    before = checksums(tmp_path / "MNIST" / "raw")
    images, labels = find_dataset("mnist").read(tmp_path, "test")
    expected_images, expected_labels = synthetic_digits(range(100), split="test")
    assert torch.equal(images, expected_images)
    assert torch.equal(labels, expected_labels)
    assert checksums(tmp_path / "MNIST" / "raw") == before


def test_a_limit_reads_the_first_images(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    assert torch.equal(
        find_dataset("mnist").read(tmp_path, "train", 7)[0], find_dataset("mnist").read(tmp_path, "train")[0][:7]
    )


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    write_dataset(tmp_path, "emnist_digits")
    images, _ = find_dataset("emnist_digits").read(tmp_path, "test")
    assert torch.equal(images.transpose(2, 3), synthetic_digits(range(100), split="test")[0])


def test_qmnist_takes_the_class_from_the_first_column(tmp_path: Path) -> None:
    write_dataset(tmp_path, "qmnist")
    _, labels = synthetic_digits(range(100), split="test")
    table = torch.stack([labels, labels + 100, labels * 1000], dim=1).to(torch.int32)
    path = tmp_path / "QMNIST" / "raw" / published_dataset("qmnist").files["test"][1]
    path.write_bytes(gzip.compress(idx_bytes(table)))
    assert torch.equal(find_dataset("qmnist").read(tmp_path, "test")[1], labels)


def test_absent_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError, match=r"MNIST: t10k-images-idx3-ubyte.gz, .* not found in .*raw"):
        find_dataset("mnist").read(tmp_path, "test")


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'minst' is not known; choose one of mnist, fashion_mnist"):
        find_dataset("minst").read(tmp_path, "test")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    good = idx_bytes(synthetic_digits(range(5))[0][:, 0])
    damaged = {
        "short": good[:-1],
        "foreign": b"hello",
        "empty": b"",
        "short.gz": gzip.compress(good)[:-9],
        "no.gz": good,
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetAlteredError, match=name):
            read_idx(tmp_path / name)


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    path = tmp_path / "MNIST" / "raw" / published_dataset("mnist").files["test"][1]
    path.write_bytes(gzip.compress(idx_bytes(torch.full((100,), 11, dtype=torch.uint8))))
    with pytest.raises(DatasetAlteredError, match="label 11"):
        find_dataset("mnist").read(tmp_path, "test")


def test_images_and_labels_of_different_counts_are_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    path = tmp_path / "MNIST" / "raw" / published_dataset("mnist").files["test"][1]
    path.write_bytes(gzip.compress(idx_bytes(torch.zeros(99, dtype=torch.uint8))))
    with pytest.raises(DatasetAlteredError, match="do not belong together"):
        find_dataset("mnist").read(tmp_path, "test")
