import math

import pytest
import torch
from torch import Tensor

from mnist_cnn.data.augmentation import Augmentation, random_erasing, random_flip
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import UserError
from mnist_cnn.seeding import generator

BATCH = 400


def bars() -> Tensor:
    """A vertical bar of 3x11 pixels in the middle of each image (BATCH, 1, 28, 28)."""
    images = torch.zeros(BATCH, 1, 28, 28)
    images[:, :, 8:19, 12:15] = 255
    return images


def centres(images: Tensor) -> Tensor:
    """Centre of mass of each image, (N, 2): x and y in pixels."""
    mass = images.sum((1, 2, 3))
    pixels = torch.arange(images.shape[-1], dtype=torch.float32)
    return torch.stack([(images.sum((1, 2)) @ pixels) / mass, (images.sum((1, 3)) @ pixels) / mass], dim=1)


def angles(images: Tensor) -> Tensor:
    """Angle of each bar against the vertical, in degrees, from its second moments."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    weight = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    centre = centres(images)
    dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
    xx, yy, xy = ((weight * a).sum((1, 2)) for a in (dx * dx, dy * dy, dx * dy))
    return torch.rad2deg(0.5 * torch.atan2(2 * xy, yy - xx))


def test_all_amounts_at_zero_change_nothing() -> None:
    images, _ = synthetic_digits(range(10))
    assert Augmentation().is_identity
    assert torch.equal(Augmentation()(images, generator(0)), images.float())


def test_rotation_is_uniform_within_its_limit_and_keeps_the_centre() -> None:
    rotated = Augmentation(rotation=30)(bars(), generator(0))
    found = angles(rotated)
    assert found.abs().max() < 31
    assert found.std() == pytest.approx(30 / math.sqrt(3), rel=0.1)
    assert (centres(rotated) - centres(bars())).abs().max() < 0.6


def test_shift_is_uniform_within_its_limit() -> None:
    moved = centres(Augmentation(shift=0.1)(bars(), generator(0))) - centres(bars())
    assert moved.abs().max() < 2.8 + 0.01
    assert moved.std(0).tolist() == pytest.approx([2.8 / math.sqrt(3)] * 2, rel=0.1)


def test_scale_changes_the_area_and_not_the_centre() -> None:
    scaled = Augmentation(scale=0.2)(bars(), generator(0))
    area = scaled.sum((1, 2, 3)) / bars().sum((1, 2, 3))
    assert area.min() > 0.8**2 - 0.05  # the bar's edges fall between pixels
    assert area.max() < 1.2**2 + 0.05
    assert area.std() > 0.15
    assert (centres(scaled) - centres(bars())).abs().max() < 0.6


def test_shear_slants_the_bar_and_keeps_its_height() -> None:
    sheared = Augmentation(shear=0.3)(bars(), generator(0))
    assert angles(sheared).abs().max() == pytest.approx(math.degrees(math.atan(0.3)), abs=2)
    heights = (sheared.amax(3) > 127).sum(2)
    assert set(heights.flatten().tolist()) <= {10, 11, 12}


def test_flip_mirrors_about_the_given_part() -> None:
    images, _ = synthetic_digits(range(BATCH))
    images = images.float()
    flipped = random_flip(images, 0.3, generator(0))
    mirrored = torch.tensor([torch.equal(a, b.flip(-1)) for a, b in zip(flipped, images, strict=True)])
    same = torch.tensor([torch.equal(a, b) for a, b in zip(flipped, images, strict=True)])
    assert (mirrored | same).all()
    assert mirrored.float().mean() == pytest.approx(0.3, abs=0.06)


def test_erasing_blanks_one_rectangle_of_2_to_20_percent() -> None:
    white = torch.full((BATCH, 1, 28, 28), 255.0)
    erased = random_erasing(white, 0.5, generator(0))[:, 0] == 0
    touched = erased.any(2).any(1)
    assert touched.float().mean() == pytest.approx(0.5, abs=0.07)
    area = erased[touched].float().mean((1, 2))
    assert area.min() > 0.005
    assert area.max() < 0.24
    is_rectangle = erased.sum((1, 2)) == erased.any(2).sum(1) * erased.any(1).sum(1)
    assert is_rectangle.all()


def test_elastic_bends_but_does_not_move_on_average() -> None:
    bent = Augmentation(elastic=1.0)(bars(), generator(0))
    moved = centres(bent) - centres(bars())
    assert moved.mean(0).abs().max() < 0.15
    assert (bent - bars()).abs().mean() > 1


def test_each_sample_gets_a_transform_of_its_own_from_the_generator_alone() -> None:
    augmentation = Augmentation(12, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0)
    images = synthetic_digits(range(1))[0].expand(50, -1, -1, -1)
    first, again, other = (augmentation(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(torch.unique(first.flatten(1), dim=0)) == 50


@pytest.mark.parametrize("name", ["rotation", "shift", "scale", "shear", "flip", "erasing", "elastic"])
def test_amounts_out_of_range_are_named(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}=-0.5"):
        Augmentation(**{name: -0.5})
