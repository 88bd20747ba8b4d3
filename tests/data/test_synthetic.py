import torch

from mnist_cnn.data.synthetic import synthetic_digits


def test_is_a_pure_function_of_seed_split_and_index() -> None:
    images, labels = synthetic_digits(range(2500))
    part_images, part_labels = synthetic_digits(range(900, 2100))
    assert torch.equal(part_images, images[900:2100])
    assert torch.equal(part_labels, labels[900:2100])
    assert not torch.equal(synthetic_digits(range(100), seed=1)[0], images[:100])
    assert not torch.equal(synthetic_digits(range(100), split="test")[0], images[:100])


def test_looks_like_mnist_in_numbers() -> None:
    images, labels = synthetic_digits(range(2000))
    assert images.shape == (2000, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    counts = torch.bincount(labels, minlength=10)
    assert counts.min() > 150
    grey = images.float() / 255
    assert 0.1 < grey.mean() < 0.2  # MNIST: 0.13
    assert 0.27 < grey.std() < 0.36  # MNIST: 0.31
    border = torch.cat([images[:, 0, 0], images[:, 0, -1], images[:, 0, :, 0], images[:, 0, :, -1]])
    assert border.float().mean() < 1, "digits stay inside the image"


def test_no_digit_repeats() -> None:
    images, _ = synthetic_digits(range(1000))
    assert len(torch.unique(images.flatten(1), dim=0)) == 1000


def test_no_digits_are_drawn_for_an_empty_range() -> None:
    images, labels = synthetic_digits(range(0))
    assert images.shape == (0, 1, 28, 28)
    assert len(labels) == 0
