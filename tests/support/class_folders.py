"""Small pictures in folders, for tests of own data."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(number: int, size: tuple[int, int] = (6, 5), kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A picture as the bytes of a file, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def pictures(names: Iterable[str]) -> dict[str, bytes]:
    """A picture for each name."""
    return {name: picture(number) for number, name in enumerate(names)}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files under their names, and folders under names that end in a slash."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder
