"""Whatever picture comes ends in the form asked for; what has it already keeps its pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.data.decoding import UnreadablePictureError, decode, outline
from mnist_cnn.data.own.forming import formed, formed_array, formed_file
from mnist_cnn.data.own.source import Form

RANDOM = np.random.default_rng(0)
GREY: NDArray[np.uint8] = RANDOM.integers(0, 256, (20, 30), np.uint8)
COLOUR: NDArray[np.uint8] = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".ppm", ".tga", ".webp"])
def test_a_picture_of_the_forms_size_keeps_its_pixels(ending: str, tmp_path: Path) -> None:
    file, settings = tmp_path / f"picture{ending}", {"lossless": True} if ending == ".webp" else {}
    Image.fromarray(COLOUR).save(file, **settings)  # type: ignore[arg-type]
    assert (formed_file(file, Form(3, 20, 30)) == COLOUR.transpose(2, 0, 1)).all()
    grey = np.asarray(Image.fromarray(COLOUR).convert("L"))
    assert (formed_file(file, Form(1, 20, 30))[0] == grey).all()


def test_arrays_of_the_forms_size_keep_their_pixels() -> None:
    assert (formed_array(GREY, Form(1, 20, 30))[0] == GREY).all()
    assert (formed_array(GREY[..., None], Form(3, 20, 30)) == GREY).all()
    assert (formed_array(COLOUR, Form(3, 20, 30)) == COLOUR.transpose(2, 0, 1)).all()
    assert (formed_array(COLOUR / 255, Form(3, 20, 30)) == COLOUR.transpose(2, 0, 1)).all()
    assert (formed_array(GREY.astype(np.int64), Form(1, 20, 30))[0] == GREY).all()
    assert (formed_array(GREY.astype(np.uint16) * 257, Form(1, 20, 30))[0] == GREY).all()
    assert (formed_array(GREY > 99, Form(1, 20, 30))[0] == 255 * (GREY > 99)).all()
    assert (formed_array(GREY / 100, Form(1, 20, 30), white=2.55)[0] == GREY).all()
    assert (formed_array(GREY.astype(np.uint16), Form(1, 20, 30), white=65535)[0] <= 1).all()


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((3, 4, 5)), np.zeros(9), np.zeros((0, 4)), np.full((4, 4), np.nan), np.zeros((4, 4), complex)],
    ids=["five channels", "a row", "nothing", "no numbers", "complex"],
)
def test_arrays_that_are_no_pictures_are_refused(pixels: NDArray[Any]) -> None:
    with pytest.raises(UnreadablePictureError):
        formed_array(pixels, Form(1, 4, 4))


def test_every_pixel_counts_where_a_picture_is_reduced() -> None:
    dots = np.zeros((280, 280), np.uint8)
    dots[::7, ::7] = 255  # one in 49
    for pixels in (dots, dots.astype(np.uint16) * 257, dots.astype(np.float32) / 255):
        assert formed_array(pixels, Form(1, 28, 28)).mean() == pytest.approx(255 / 49, abs=1)


def test_sides_keep_their_ratio_and_the_rest_takes_the_borders_colour() -> None:
    picture = Image.new("RGB", (60, 20), (200, 100, 50))
    picture.paste((0, 0, 255), (25, 5, 35, 15))
    pixels = formed(picture, Form(3, 30, 30))
    assert (pixels[:, :10] == np.array([200, 100, 50])[:, None, None]).all()
    assert (pixels[:, 20:] == np.array([200, 100, 50])[:, None, None]).all()
    assert pixels[2, 15, 15] == 255
    assert formed(Image.new("L", (5000, 1), 9), Form(1, 28, 28)).tolist() == np.full((1, 28, 28), 9).tolist()


def test_sixteen_bits_are_scaled_over_their_whole_range_whatever_is_on_the_picture(tmp_path: Path) -> None:
    dark = np.full((4, 4), 257 * 3, np.uint16)
    for name in ("dark.png", "dark.tif"):
        Image.fromarray(dark).save(tmp_path / name)
        assert (formed_file(tmp_path / name, Form(1, 4, 4)) == 3).all()
        assert (formed_file(tmp_path / name, Form(3, 4, 4)) == 3).all()


def test_transparent_pictures_are_laid_on_what_they_stand_out_from() -> None:
    for ink, paper in ((40, 255), (230, 0)):
        picture = Image.new("RGBA", (6, 6), (0, 0, 0, 0))
        picture.paste((ink, ink, ink, 255), (2, 2, 4, 4))
        pixels = formed(decode(picture, in_colour=True), Form(3, 6, 6))
        assert (pixels[:, 0] == paper).all()
        assert (pixels[:, 3, 3] == ink).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_headers_tell_the_size_of_the_picture_as_it_stands(orientation: int, ending: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(tmp_path / f"a{ending}", exif=exif)
    seen, picture = outline(tmp_path / f"a{ending}"), decode(tmp_path / f"a{ending}", in_colour=True)
    assert (seen.height, seen.width) == (picture.height, picture.width)
    assert (seen.height, seen.width) == ((30, 20) if orientation > 4 else (20, 30))


def _palette(is_grey: bool) -> Image.Image:
    image = Image.fromarray(GREY % 4).convert("P")
    image.putpalette([0, 0, 0, 90, 90, 90, 50, 50, 50, *((200, 200, 200) if is_grey else (255, 0, 0))])
    return image


@pytest.mark.parametrize(
    ("image", "ending", "is_grey"),
    [
        (Image.fromarray(GREY), ".png", True),
        (Image.fromarray(GREY > 99), ".png", True),
        (Image.fromarray(GREY.astype(np.uint16) * 200), ".png", True),
        (Image.fromarray(GREY.astype(np.float32)), ".tif", True),
        (Image.merge("LA", [Image.fromarray(GREY)] * 2), ".png", True),
        (_palette(True), ".png", True),
        (_palette(True), ".gif", True),
        (_palette(True), ".bmp", True),
        (_palette(True), ".tif", True),
        (_palette(False), ".png", False),
        (_palette(False), ".gif", False),
        (_palette(False), ".bmp", False),
        (_palette(False), ".tif", False),
        (Image.new("RGB", (30, 20), (200, 40, 90)), ".jpg", False),
        (Image.new("RGB", (30, 20), (200, 40, 90)).convert("CMYK"), ".jpg", False),
        (Image.fromarray(COLOUR).convert("RGBA"), ".png", False),
    ],
)
def test_headers_tell_grey_pictures_from_those_in_colour(
    image: Image.Image, ending: str, is_grey: bool, tmp_path: Path
) -> None:
    image.save(tmp_path / f"a{ending}")
    assert outline(tmp_path / f"a{ending}").is_grey == is_grey
    expected = np.asarray(image.convert("RGB")).astype(int)
    if image.mode in ("P", "CMYK", "RGB"):
        found = formed_file(tmp_path / f"a{ending}", Form(3, 20, 30)).transpose(1, 2, 0)
        assert np.abs(found - expected).mean() < (3 if ending == ".jpg" else 1e-9)


def test_lab_keeps_its_colours(tmp_path: Path) -> None:
    red = Image.merge("LAB", [Image.new("L", (8, 8), value) for value in (136, 208, 195)])
    red.save(tmp_path / "a.tif")
    channels = formed_file(tmp_path / "a.tif", Form(3, 8, 8)).mean(axis=(1, 2))
    assert channels[0] > 200
    assert channels[1:].max() < 60
