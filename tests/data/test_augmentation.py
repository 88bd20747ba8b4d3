import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mnist_cnn.data.augmentation import (
    Augmentation,
    random_colour,
    random_crop,
    random_cutout,
    random_erasing,
    random_flip,
    random_warp,
)
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


def pictures(count: int = BATCH, height: int = 10, width: int = 16) -> Tensor:
    """Random colour pictures (count, 3, height, width) of soft colours, as bytes."""
    return torch.randint(60, 190, (count, 3, height, width), dtype=torch.uint8, generator=generator(0))


@pytest.mark.parametrize("padding", [1, 4, 30])
@pytest.mark.parametrize("side", [1, 2, 5, 16])
def test_crop_is_a_part_of_the_reflected_image_at_any_whole_pixel(padding: int, side: int) -> None:
    images = pictures(height=side, width=side + 3)
    cropped = random_crop(images, padding, generator(0))
    assert cropped.shape == images.shape
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], axis=(1, 2, 3))[:, 0]
    same = (windows == cropped.numpy()[:, None, None]).all((-1, -2, -3))  # (BATCH, 2 padding + 1, 2 padding + 1)
    assert same.any((1, 2)).all()
    if side > 5 and padding < 5:  # else reflections repeat themselves
        assert (same.sum((1, 2)) == 1).all()
        rows, columns = same.any(2).sum(0), same.any(1).sum(0)
        assert min(rows.min(), columns.min()) > 0.5 * BATCH / (2 * padding + 1), "every place is as likely"


def test_crop_takes_bytes_and_floats_alike() -> None:
    images = pictures()
    assert torch.equal(Augmentation(crop=3)(images, generator(1)), Augmentation(crop=3)(images.float(), generator(1)))


@pytest.mark.parametrize("side", [1, 4, 5, 100])
def test_cutout_blanks_a_square_to_the_mean_colour_and_less_at_the_border(side: int) -> None:
    images = pictures().float()
    cut = random_cutout(images, side, generator(0))
    changed = (cut != images).any(1)  # (BATCH, H, W)
    area = changed.sum((1, 2))
    assert area.max() == min(side, 10) * min(side, 16)
    assert (area == changed.any(2).sum(1) * changed.any(1).sum(1)).all()
    assert torch.allclose(cut.movedim(1, -1)[changed], images.mean((0, 2, 3)))
    if side == 5:
        assert area.min() >= 2 * 2
        assert changed.float().mean(0).amin() > 0, "every pixel is reached"


def test_brightness_multiplies_and_contrast_spreads_about_the_mean() -> None:
    images = pictures().float()
    factors = random_colour(images, 0.3, 0, 0, 0, generator(0)) / images
    assert (factors.flatten(1).std(1) < 1e-5).all()
    assert 0.69 < factors.min() < 0.72
    assert 1.28 < factors.max() < 1.31
    spread = random_colour(images, 0, 0.2, 0, 0, generator(0))
    assert torch.allclose(luma(spread).mean((1, 2)), luma(images).mean((1, 2)), atol=1e-2)
    ratio = spread.flatten(1).std(1) / images.flatten(1).std(1)
    assert 0.75 < ratio.min() < 0.85
    assert 1.15 < ratio.max() < 1.25


def luma(images: Tensor) -> Tensor:
    return images[:, 0] * 0.299 + images[:, 1] * 0.587 + images[:, 2] * 0.114


@pytest.mark.parametrize(("saturation", "hue"), [(0.3, 0.0), (0.0, 0.05), (0.2, 0.1)])
def test_saturation_and_hue_change_colours_and_neither_luma_nor_grey(saturation: float, hue: float) -> None:
    images = pictures().float() * 0.2 + 100  # far from the ends, at which colours are cut
    changed = random_colour(images, 0, 0, saturation, hue, generator(0))
    assert torch.allclose(luma(changed), luma(images), atol=1e-2)
    assert (changed - images).abs().max() > 2
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    assert torch.allclose(random_colour(grey, 0, 0, saturation, hue, generator(0)), grey, atol=1e-2)
    single = images[:, :1]
    assert torch.equal(random_colour(single, 0, 0, saturation, hue, generator(0)), single)


def test_saturation_of_minus_one_is_grey_and_half_a_turn_the_opposite_colour() -> None:
    images = pictures().float() * 0.2 + 100
    saturations = random_colour(images, 0, 0, 1, 0, generator(0))
    chroma = (saturations - luma(saturations)[:, None]).flatten(1).norm(dim=1)
    original = (images - luma(images)[:, None]).flatten(1).norm(dim=1)
    assert (chroma / original).min() < 0.03
    assert (chroma / original).max() > 1.97
    turned = random_colour(images, 0, 0, 0, 0.5, generator(0))
    opposite = 2 * luma(images)[:, None] - images
    assert (turned - opposite).abs().flatten(1).amax(1).min() < 1


def test_colours_stay_within_0_and_255() -> None:
    images = torch.randint(0, 256, (BATCH, 3, 6, 6), generator=generator(0)).float()
    changed = Augmentation(brightness=1, contrast=1, saturation=1, hue=0.5)(images, generator(0))
    assert changed.min() == 0
    assert changed.max() == 255


def test_changes_that_are_new_draw_nothing_where_they_are_off() -> None:
    images = pictures()
    old = Augmentation(12, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0)
    random = generator(0)
    expected = random_erasing(
        random_warp(random_flip(images.float(), 0.5, random), 12, 0.1, 0.1, 0.1, 1.0, random), 0.5, random
    )
    assert torch.equal(old(images, generator(0)), expected)


@pytest.mark.parametrize(
    ("channels", "augmentation"),
    [
        (1, Augmentation(12, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0)),
        (1, Augmentation(crop=20)),
        (1, Augmentation(cutout=3)),
        (1, Augmentation(brightness=0.2)),
        (3, Augmentation(contrast=0.2)),
        (3, Augmentation(12, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0, 3, 5, 0.1, 0.1, 0.1, 0.1)),
    ],
)
def test_each_sample_gets_a_transform_of_its_own_from_the_generator_alone(
    channels: int, augmentation: Augmentation
) -> None:
    images = synthetic_digits(range(1))[0].expand(50, channels, -1, -1)
    first, again, other = (augmentation(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(torch.unique(first.flatten(1), dim=0)) >= 40


def only(name: str, amount: Any) -> Augmentation:
    return Augmentation(**{name: amount})


@pytest.mark.parametrize("name", [field.name for field in fields(Augmentation)])
def test_amounts_out_of_range_are_named(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}=-0.5"):
        only(name, -0.5)


@pytest.mark.parametrize("name", ["crop", "cutout"])
def test_pixels_are_whole(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}=2.5: a whole number of pixels is needed"):
        only(name, 2.5)
