"""Pictures as people see them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_cnn.inference.viewing import LARGEST_SIDE, as_seen

RIGHT_SIDE_UP = 6  # EXIF: turn it clockwise by a quarter


def test_a_photograph_is_upright_in_colour_and_small(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = RIGHT_SIDE_UP
    picture = Image.new("RGB", (1000, 500), "white")
    picture.paste("red", (0, 0, 250, 500))  # its left quarter, which is the upper one when it is upright
    picture.save(tmp_path / "photo.jpg", exif=exif)
    seen = as_seen(tmp_path / "photo.jpg")
    assert seen is not None
    assert seen.shape == (LARGEST_SIDE, LARGEST_SIDE // 2, 3)
    assert np.abs(seen[50].mean(axis=0) - [255, 0, 0]).max() < 20
    assert seen[300].min() > 240


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I", "I;16", "F"])
def test_any_mode_is_shown(mode: str, tmp_path: Path) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    image = Image.fromarray(ramp.astype(np.uint16) * 256) if mode == "I;16" else Image.fromarray(ramp).convert(mode)
    image.save(tmp_path / "picture.tif")
    seen = as_seen(tmp_path / "picture.tif")
    assert seen is not None
    assert seen.shape == (64, 64, 3)
    assert seen[:, -8:].mean() > seen[:, :8].mean() + 100


def test_what_is_transparent_is_white_and_what_cannot_be_shown_none(tmp_path: Path) -> None:
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    seen = as_seen(tmp_path / "clear.png")
    assert seen is not None
    assert seen.min() == 255
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert as_seen(tmp_path / "bad.png") is None
