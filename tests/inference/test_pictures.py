"""Any picture of a digit becomes what MNIST's makers would have made of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.inference.pictures import (
    BOX,
    SIDE,
    STROKE_WIDTHS,
    NoInkError,
    UnreadablePictureError,
    find_ink,
    read_grey,
    stroke_width,
    to_network_input,
)
from tests.support.pictures import seven


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two images, which may be a pixel apart: where the centre of mass is rounded to is chance."""
    shifts = [np.roll(one, (y, x), axis=(0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(float(np.corrcoef(shifted.ravel(), other.ravel())[0, 1]) for shifted in shifts)


EXPECTED = to_network_input(seven())


def test_a_drawn_digit_fits_mnists_box_and_has_its_mass_in_the_middle() -> None:
    rows, columns = np.nonzero(EXPECTED > 30)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (BOX - 1, BOX)
    assert ndimage.center_of_mass(EXPECTED) == pytest.approx([(SIDE - 1) / 2] * 2, abs=0.6)
    assert EXPECTED.dtype == np.uint8
    assert EXPECTED.shape == (SIDE, SIDE)
    assert EXPECTED.max() > 240
    assert EXPECTED[0].max() == 0
    # The bar is above, and the stroke goes down to the left.
    assert EXPECTED[4:9].sum() > EXPECTED[19:24].sum()


def test_images_made_as_mnists_are_stay_as_they_are_and_inverted_ones_are_turned() -> None:
    images, _ = synthetic_digits(range(30))
    for image in images[:, 0].numpy():
        made = to_network_input(Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC))
        assert np.array_equal(to_network_input(made), made)
        assert np.array_equal(to_network_input(Image.fromarray(255 - made)), made)


@pytest.mark.parametrize(
    ("kind", "convert"),
    [
        ("light on dark", lambda image: image.point(lambda v: 255 - v)),
        ("colours", lambda image: image.convert("RGB")),
        ("one bit", lambda image: image.convert("1", dither=Image.Dither.NONE)),
        ("palette", lambda image: image.convert("RGB").quantize(8)),
        ("CMYK", lambda image: image.convert("RGB").convert("CMYK")),
        ("16 bit", lambda image: Image.fromarray(np.asarray(image, np.uint16) * 257)),
        ("32 bit", lambda image: Image.fromarray(np.asarray(image, np.int32) * 257)),
        ("floats to 1", lambda image: Image.fromarray(np.asarray(image, np.float32) / 255)),
        ("floats to 255", lambda image: Image.fromarray(np.asarray(image, np.float32))),
        ("array", np.asarray),
        ("array of floats", lambda image: np.asarray(image) / 255.0),
        ("signed array", lambda image: np.asarray(image) / 127.5 - 1),
        ("colour array", lambda image: np.asarray(image.convert("RGB"))),
        ("tensor", lambda image: torch.from_numpy(np.asarray(image).copy())[None]),
        ("twice the size", lambda image: image.resize((600, 600))),
        ("small", lambda image: image.resize((60, 60))),
        ("in a corner", lambda image: _on_canvas(image, (900, 700), (20, 30))),
        ("in shadow", lambda image: _shaded(image)),
        ("faint", lambda image: image.point(lambda v: 150 + v // 5)),
    ],
)
def test_every_kind_of_picture_gives_the_same_digit(kind: str, convert: Any) -> None:
    assert likeness(to_network_input(convert(seven())), EXPECTED) > 0.93


def _on_canvas(image: Image.Image, size: tuple[int, int], place: tuple[int, int]) -> Image.Image:
    canvas = Image.new("L", size, 230)
    canvas.paste(image, place)
    return canvas


def _shaded(image: Image.Image) -> Image.Image:
    light = np.linspace(1.0, 0.35, image.width)[None] * np.linspace(0.8, 1.0, image.height)[:, None]
    return Image.fromarray((np.asarray(image) * light).astype(np.uint8))


@pytest.mark.parametrize("ink", [20, 235])
def test_transparent_pictures_are_laid_on_what_contrasts(ink: int) -> None:
    mask = seven(ink=255, paper=0)
    image = Image.merge("LA", [Image.new("L", mask.size, ink), mask])
    assert likeness(to_network_input(image), EXPECTED) > 0.98


def test_exif_orientation_is_followed(tmp_path: Path) -> None:
    image = seven()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    image.rotate(90).save(tmp_path / "turned.jpg", exif=exif)
    assert likeness(to_network_input(tmp_path / "turned.jpg"), EXPECTED) > 0.98


@pytest.mark.parametrize("pen", [5, 50])
def test_very_thin_and_thick_pens_are_brought_to_mnists_strokes(pen: int) -> None:
    enlarged = Image.fromarray(to_network_input(seven(pen=pen))).resize((560, 560), Image.Resampling.BICUBIC)
    width = stroke_width(find_ink(read_grey(enlarged))) / 20
    assert STROKE_WIDTHS[0] - 0.4 < width < STROKE_WIDTHS[1]


def test_a_thin_stroke_in_a_large_picture_is_not_lost() -> None:
    assert likeness(to_network_input(seven(side=3000, pen=30)), to_network_input(seven(pen=5))) > 0.8


def test_specks_and_what_comes_in_from_the_edge_are_left_out() -> None:
    image = seven()
    draw = ImageDraw.Draw(image)
    draw.ellipse([40, 250, 46, 256], fill=30)
    draw.rectangle([0, 0, 6, 300], fill=30)  # the table beside the sheet
    assert likeness(to_network_input(image), EXPECTED) > 0.95


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (200, 200), 255),
        Image.new("L", (28, 28), 0),
        Image.new("RGBA", (50, 50), (0, 0, 0, 0)),
        np.full((100, 100), 0.5) + 0.01 * np.random.default_rng(0).standard_normal((100, 100)),
        _shaded(Image.new("L", (300, 300), 230)),
    ],
)
def test_an_empty_picture_has_no_ink(picture: Any) -> None:
    with pytest.raises(NoInkError, match="no ink"):
        to_network_input(picture)


@pytest.mark.parametrize("shape", [(0, 5), (4,), (2, 3, 4, 5), (5, 6, 7)])
def test_arrays_that_are_no_pictures_are_refused_with_their_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnreadablePictureError, match=str(shape)[1:-2]):
        to_network_input(np.zeros(shape))


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UnreadablePictureError, match="infinite"):
        to_network_input(np.full((30, 30), np.nan))
    with pytest.raises(UnreadablePictureError, match="numbers are needed"):
        to_network_input(np.full((30, 30), "x"))


def test_files_that_are_no_pictures_are_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    seven().save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    Image.new("1", (9000, 6000)).save(tmp_path / "bomb.png")
    Image.new("1", (15000, 15000)).save(tmp_path / "larger_bomb.png")
    for name, reason in [
        ("text.png", "no picture in a format"),
        ("half.png", "damaged"),
        ("bomb.png", "9000x6000 pixels are more than 50 megapixels"),
        ("larger_bomb.png", "too large|megapixels"),
        ("absent.png", "No such file"),
    ]:
        with pytest.raises(UnreadablePictureError, match=reason) as error:
            to_network_input(tmp_path / name)
        assert name in str(error.value)


def test_garments_fill_the_image_and_are_centred_by_their_middle() -> None:
    image = Image.new("L", (300, 200), 255)
    ImageDraw.Draw(image).rectangle([40, 120, 120, 180], fill=60)
    pixels = to_network_input(image, layout="garment")
    rows, columns = np.nonzero(pixels > 100)
    assert (columns.min(), columns.max()) == (0, SIDE - 1)
    assert abs(rows.min() + rows.max() - (SIDE - 1)) <= 1
