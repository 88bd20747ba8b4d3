import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_cnn.data.idx import read_idx
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError, UserError
from tests.support.datasets import checksums, idx_bytes, mirrored, published_dataset, write_dataset
from tests.support.hostile.data_files import cases


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


def test_the_labels_of_emnist_letters_begin_at_one(tmp_path: Path) -> None:
    write_dataset(tmp_path, "emnist_letters")
    dataset = published_dataset("emnist_letters")
    path = dataset.raw_folder(tmp_path) / dataset.files["test"][1]
    held = torch.arange(100, dtype=torch.uint8) % 26 + 1
    path.write_bytes(gzip.compress(idx_bytes(held)))
    labels = dataset.read(tmp_path, "test")[1]
    assert [dataset.class_names[label] for label in labels[:3]] == ["A", "B", "C"]
    assert dataset.class_names[labels[25]] == "Z"
    for outside in (0, 27):
        path.write_bytes(gzip.compress(idx_bytes(torch.full((100,), outside, dtype=torch.uint8))))
        with pytest.raises(DatasetAlteredError, match=f"label {outside}, but EMNIST Letters has classes 1 to 26"):
            dataset.read(tmp_path, "test")


def test_the_classes_of_emnist_are_those_that_torchvision_has() -> None:
    from torchvision.datasets import EMNIST

    for part in ("balanced", "byclass"):
        assert [*find_dataset(f"emnist_{part}").class_names] == EMNIST.classes_split_dict[part]
    assert [*find_dataset("emnist_letters").class_names] == [
        n.upper() for n in EMNIST.classes_split_dict["letters"][1:]
    ]


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
    with pytest.raises(UserError, match=r"'minst' is not known, .*choose one of mnist, fashion_mnist"):
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


def _raw(kind: int, *shape: int) -> bytes:
    """An IDX file of zeros."""
    content = bytes(int(np.prod(shape)) * {0x08: 1, 0x0C: 4}.get(kind, 8))
    return bytes([0, 0, kind, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape) + content


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("which", "content", "words"),
    [
        (0, _raw(8, 0, 28, 28), "holds 0x28x28 bytes, but EMNIST Digits needs up to 40000 images of 28x28 bytes"),
        (0, _raw(8, 100, 10, 10), "holds 100x10x10 bytes"),
        (0, _raw(8, 100, 56, 56), "holds 100x56x56 bytes"),
        (0, _raw(12, 100, 28, 28), "holds 100x28x28 32-bit integers"),
        (0, _raw(8, 100, 784), "holds 100x784 bytes"),
        (0, _raw(8, 40_001, 28, 28), "holds 40001x28x28 bytes"),
        (0, _raw(14, 100, 28, 28), "no IDX file of bytes or integers"),
        (0, bytes([0, 0, 8, 65]) + bytes([0, 0, 0, 1]) * 65 + b"x", "has 65 dimensions"),
        (0, bytes([0, 0, 8, 0]) + b"x", "has 0 dimensions"),
        (0, bytes([0, 0, 8, 3, 0, 0]), "within its header"),
        (0, bytes([0, 0, 8, 3]) + b"\xff" * 12, "is truncated"),
        (0, _raw(8, 100, 28, 28)[:-1], "is truncated"),
        (0, _raw(8, 100, 28, 28) + b"x", "goes on behind the 78400 bytes"),
        (1, _raw(8, 100, 0), "holds 100x0 bytes, but EMNIST Digits needs up to 40000 labels"),
        (1, _raw(8, 100, 3), "holds 100x3 bytes"),
        (1, _raw(8, 0), "holds 0 bytes"),
        (1, _raw(8, 99), "100 images and 99 labels"),
        (1, _raw(8, 100)[:-5] + b"\xff" * 5, "label 255"),
        (1, _raw(12, 100)[:-4] + b"\xff" * 4, "label -1"),
    ],
)
def test_files_of_something_else_are_refused_with_what_they_hold_and_what_is_needed(
    which: int, content: bytes, words: str, packed: bool, tmp_path: Path
) -> None:
    write_dataset(tmp_path, "emnist_digits", packed=packed)  # whose files have no published checksums
    dataset = published_dataset("emnist_digits")
    path = dataset.raw_folder(tmp_path) / dataset.files["test"][which]
    path = path if packed else path.with_suffix("")
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    with pytest.raises(DatasetAlteredError) as caught:
        dataset.read(tmp_path, "test")
    assert words in str(caught.value)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_packed_file_is_not_unpacked_beyond_what_it_promises(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    header = bytes([0, 0, 8, 1]) + (10).to_bytes(4, "big")
    path.write_bytes(gzip.compress(header + bytes(50_000_000), 1))
    tracemalloc.start()
    with pytest.raises(DatasetAlteredError, match="goes on behind the 10 bytes"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_promise_that_no_file_of_this_size_can_keep_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "promise.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 2]) + (2**31).to_bytes(4, "big") * 2))
    with pytest.raises(DatasetAlteredError, match="is truncated: 4611686018427387916 bytes expected"):
        read_idx(path)


def test_hostile_data_are_read_or_refused_in_a_line(tmp_path: Path) -> None:
    listed = {"gzip.zip": (["http://127.0.0.1:9/none"], "")}  # where nothing listens
    dataset = mirrored(listed, "emnist_digits")
    read, refused = 0, list[str]()
    for folder in cases(24, 0, tmp_path):
        try:
            dataset.obtain(folder)
            for split in ("train", "test"):
                images, labels = dataset.read(folder, split)
                assert images.shape == (len(labels), 1, 28, 28)
                assert 0 <= int(labels.min()) <= int(labels.max()) <= 9
            read += 1
        except UserError as error:
            refused.append(str(error).split("\nWay out: ")[0])
    assert all(map(str.isprintable, refused))
    assert 2 <= read < 12, "those of the first kind are whole"
