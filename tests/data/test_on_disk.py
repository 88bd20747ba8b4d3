"""Images that stay on the disk are those that they would be in memory, in an order that is random in blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mnist_cnn.data import on_disk
from mnist_cnn.data.augmentation import Augmentation
from mnist_cnn.data.batches import EvaluationBatches, TrainingBatches
from mnist_cnn.data.on_disk import ImageFile, ImagesOnDisk, chosen, opened
from mnist_cnn.data.statistics import pixel_statistics
from mnist_cnn.errors import UserError

COUNT, BYTES = 503, 12
BLOCK, WINDOW = 10, 80
LABELS = torch.arange(COUNT)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and windows of a few images."""
    monkeypatch.setattr(on_disk, "BLOCK_BYTES", BLOCK * BYTES)
    monkeypatch.setattr(on_disk, "WINDOW_BYTES", WINDOW * BYTES)
    monkeypatch.setattr(on_disk, "GAP_BYTES", 4 * BYTES)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images (503, 3, 2, 2) whose first pixels say their number."""
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 3, 2, 2), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(COUNT) // 256, np.arange(COUNT) % 256
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, images)
    return path


@pytest.fixture
def images(file: Path) -> ImagesOnDisk:
    return ImagesOnDisk(ImageFile(file))


@pytest.fixture
def whole(file: Path) -> Tensor:
    return torch.from_numpy(np.load(file))


def numbers(images: Tensor) -> Tensor:
    return images[:, 0, 0, 0].long() * 256 + images[:, 0, 0, 1].long()


def test_what_is_read_is_what_memory_would_hold(images: ImagesOnDisk, whole: Tensor, file: Path) -> None:
    assert images.shape == whole.shape
    assert torch.equal(images[:], whole)
    assert torch.equal(images[-1], whole[-1])
    assert torch.equal(images[3:50:7], whole[3:50:7])
    assert len(images[:0]) == 0
    some = torch.tensor([400, 7, 7, 8, 9, 13, 0, 502])
    assert torch.equal(images[some], whole[some])
    part, of_whole = chosen(images, some), whole[some]
    assert torch.equal(part[2:], of_whole[2:])
    assert torch.equal(torch.cat([*part.split(3)]), of_whole)
    assert torch.equal(torch.cat([*part.tensor_split(3)]), of_whole)
    assert torch.equal(chosen(part, torch.tensor([1, 5]))[:], of_whole[[1, 5]])
    assert torch.equal(opened(file, in_memory=True)[:], whole)


def test_an_order_is_random_in_blocks_and_holds_each_image_once(images: ImagesOnDisk) -> None:
    orders = [images.shuffled(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    for order in orders:
        assert order.sort().values.tolist() == list(range(COUNT))
        for window in order.split(72):  # 503 images are seven windows of that size at most
            assert 8 <= len((window // BLOCK).unique()) <= 10
            assert (window.diff().abs() > BLOCK).float().mean() > 0.5, "blocks are mixed"


@pytest.mark.parametrize("batch_size", [1, 7, 64, 80, 200, 1000])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_batches_are_those_of_the_order(images: ImagesOnDisk, whole: Tensor, batch_size: int, first: int) -> None:
    order = images.shuffled(torch.Generator().manual_seed(3))
    batches = list(images.batches(order, batch_size, first))
    expected = whole[order].split(batch_size)[first:]
    assert len(batches) == len(expected)
    assert all(torch.equal(*pair) for pair in zip(batches, expected, strict=True))


def test_each_window_is_read_but_once(images: ImagesOnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = ImageFile.read

    def counting(self: ImageFile, places: Tensor) -> tuple[Tensor, Tensor]:
        found = original(self, places)
        read.append(len(found[0]))
        return found

    monkeypatch.setattr(ImageFile, "read", counting)
    part = images.chosen(torch.arange(COUNT)[torch.arange(COUNT) % 9 > 0])  # as validation leaves it
    list(part.batches(part.shuffled(torch.Generator().manual_seed(3)), 7))
    assert sum(read) < 1.1 * COUNT
    assert max(read) < 1.3 * WINDOW


def batches_of(images: ImagesOnDisk, **settings: Any) -> TrainingBatches:
    return TrainingBatches(images, LABELS, 16, seed=3, augmentation=Augmentation(flip=0.5), **settings)


def test_a_balanced_epoch_is_drawn_as_from_memory_and_read_in_blocks(images: ImagesOnDisk, whole: Tensor) -> None:
    rare = (torch.arange(COUNT) % 10 == 0).long()
    left, read = (list(TrainingBatches(held, rare, 16, seed=3, balances=True)) for held in (images, whole))
    order, expected = (
        torch.cat([found[:, 0, 0, 0].long() * 256 + found[:, 0, 0, 1].long() for found, _ in batches])
        for batches in (left, read)
    )
    assert torch.equal(order.sort().values, expected.sort().values)
    assert torch.equal(torch.cat([labels for _, labels in left]), rare[order])
    assert all(len((window // BLOCK).unique()) < COUNT // BLOCK / 2 for window in order.split(72))


@pytest.mark.parametrize("stop", [1, 5, 17, 31])
def test_going_on_from_a_saved_position_gives_the_remaining_batches(images: ImagesOnDisk, stop: int) -> None:
    whole_epoch = batches_of(images)
    whole_epoch.set_epoch(2)
    expected = list(whole_epoch)
    assert torch.cat([labels for _, labels in expected]).sort().values.tolist() == list(range(COUNT))
    interrupted = batches_of(images)
    interrupted.set_epoch(2)
    iterator = iter(interrupted)
    for _ in range(stop):
        next(iterator)
    resumed = batches_of(images)
    resumed.load_state_dict(interrupted.state_dict())
    rest = list(resumed)
    assert len(rest) == len(expected) - stop
    for (found, labels), (images_before, labels_before) in zip(rest, expected[stop:], strict=True):
        assert torch.equal(found, images_before)
        assert torch.equal(labels, labels_before)
    resumed.set_epoch(3)
    assert len(list(resumed)) == len(resumed)


def test_images_and_labels_stay_together(images: ImagesOnDisk) -> None:
    for rank in range(3):
        share = list(TrainingBatches(images, LABELS, 16, rank=rank, world_size=3))
        assert all(torch.equal(numbers(found), labels) for found, labels in share)
        assert sum(len(labels) for _, labels in share) == COUNT // 3


def test_processes_share_an_epoch_in_equal_parts(images: ImagesOnDisk) -> None:
    shares = [torch.cat([labels for _, labels in batches_of(images, rank=rank, world_size=4)]) for rank in range(4)]
    assert [len(share) for share in shares] == [COUNT // 4] * 4
    assert len(torch.cat(shares).unique()) == COUNT - COUNT % 4


@pytest.mark.parametrize("world_size", [1, 3])
def test_evaluation_sees_every_image_once_in_order(images: ImagesOnDisk, whole: Tensor, world_size: int) -> None:
    for rank in range(world_size):
        found, in_memory = (EvaluationBatches(some, LABELS, 50, rank, world_size) for some in (images, whole))
        assert len(found.dataset) == len(in_memory.dataset)
        for (some, labels), (expected, expected_labels) in zip(found, in_memory, strict=True):
            assert torch.equal(some, expected)
            assert torch.equal(labels, expected_labels)


def test_pixel_statistics_are_the_same_to_the_last_bit(images: ImagesOnDisk, whole: Tensor) -> None:
    assert pixel_statistics(images) == pixel_statistics(whole)


def test_a_file_that_was_cut_is_an_error_in_words(tmp_path: Path, whole: Tensor) -> None:
    np.save(tmp_path / "images.npy", whole.numpy())
    images = ImagesOnDisk(ImageFile(tmp_path / "images.npy"))
    with (tmp_path / "images.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(UserError, match=r"images\.npy has become shorter"):
        images[:]


@pytest.mark.parametrize("other", [np.zeros(3, np.uint8), np.zeros((2, 3, 4, 5)), np.array([{}], dtype=object)])
def test_other_arrays_are_refused(tmp_path: Path, other: np.ndarray) -> None:
    np.save(tmp_path / "other.npy", other)
    with pytest.raises(ValueError, match=r"images|Object arrays|Python objects"):
        ImageFile(tmp_path / "other.npy")
