"""Folders of data sets with a file that is damaged, enormous, something else, or not there: each by seed and number.

Each folder holds the same files twice: as MNIST, whose checksums are known, so that what is altered is refused before
it is read, and as EMNIST Digits, whose files have no published checksums, so that they are read.
"""

import gzip
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

DATASETS = ("mnist", "emnist_digits")
LAYOUTS = {"MNIST/raw": ("train", "t10k"), "EMNIST/raw": ("emnist-digits-train", "emnist-digits-test")}
COUNTS = (120, 40)  # images for training and for testing
BOMB = 64_000_000  # bytes of a member of a gzip file, which may have many
BOMB_MEMBERS = 40
ODD_SIZES = (0, 1, 2, 27, 29, 255, 1000, 65_535, 60_001, 2**31 - 1, 2**31, 2**32 - 1)


def cases(count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Make folders of hostile data.

    Args:
        count: How many; the kinds take turns, and the first folder's data are whole.
        seed: The same seed makes the same ones.
        folder: Where to.

    Yields:
        Each folder, to be given as `--data.data_dir` for one of `DATASETS`.
    """
    kinds = list(KINDS.items())
    for number in range(count):
        kind, damage = kinds[number % len(kinds)]
        chance = random.Random(f"{seed}-{number}")
        made = folder / f"{number:04}-{kind}"
        position, is_packed = chance.randrange(4), chance.random() < 0.7
        contents = _whole(chance)
        for layout, (train, test) in LAYOUTS.items():
            raw = made / layout
            raw.mkdir(parents=True)
            names = [f"{part}-{what}" for part in (train, test) for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]
            for name, content in zip(names, contents, strict=True):
                path = raw / (f"{name}.gz" if is_packed else name)
                path.write_bytes(gzip.compress(content, 1, mtime=0) if is_packed else content)
            target = raw / (names[position] + ".gz" * is_packed)
            damage(random.Random(f"{seed}-{number}"), target, contents[position])
        yield made


def whole(chance: random.Random, path: Path, content: bytes) -> None:
    """Nothing is damaged."""


def other_header(chance: random.Random, path: Path, content: bytes) -> None:
    """The header says something else about the same numbers."""
    changed = bytearray(content)
    position = chance.randrange(4 + 4 * content[3])
    changed[position] = chance.choice([0, 1, 3, 8, 9, 12, 14, 65, 255, changed[position] ^ 1 << chance.randrange(8)])
    _write(path, bytes(changed))


def other_shape(chance: random.Random, path: Path, content: bytes) -> None:
    """The sizes are others; with or without as many numbers as they promise."""
    shape = [chance.choice(ODD_SIZES) for _ in range(chance.choice([1, 2, 3, 3, 4, 65]))]
    _write(path, _idx(8, shape, _zeros(shape) if chance.random() < 0.7 else content))


def other_images(chance: random.Random, path: Path, content: bytes) -> None:
    """Images or labels of another kind, which are whole in themselves."""
    shape = chance.choice(
        [(120, 10, 10), (120, 56, 56), (40, 28), (40, 784), (120, 0), (0, 28, 28), (120,), (7,), (120, 2)]
    )
    kind = chance.choice([8, 8, 12])
    body = np.random.default_rng(chance.randrange(1 << 30)).integers(0, 256, shape)
    _write(path, _idx(kind, shape, body.astype(np.uint8 if kind == 8 else ">i4").tobytes()))


def other_labels(chance: random.Random, path: Path, content: bytes) -> None:
    """Labels out of range, or numbers where images should be."""
    size = int.from_bytes(content[4:8], "big")
    values = [chance.choice([10, 255, -1, 2**31 - 1, 0]) for _ in range(size)]
    _write(path, _idx(12, [size], np.array(values, ">i4").tobytes()))


def flipped(chance: random.Random, path: Path, content: bytes) -> None:
    """A few bits of the file are others."""
    changed = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 9)):
        changed[chance.randrange(min(len(changed), chance.choice([20, len(changed)])))] ^= 1 << chance.randrange(8)
    path.write_bytes(changed)


def cut(chance: random.Random, path: Path, content: bytes) -> None:
    """The file ends early, or goes on."""
    stored = path.read_bytes()
    end = chance.randrange(len(stored))
    path.write_bytes(
        chance.choice([stored[:end], stored + stored, stored + b"\0" * 9, stored + b"text", b"", stored[end:]])
    )


def cut_inside(chance: random.Random, path: Path, content: bytes) -> None:
    """What is packed ends early, or goes on."""
    end = chance.randrange(len(content))
    _write(path, chance.choice([content[:end], content + b"x", content + content, content[:4]]))


def bomb(chance: random.Random, path: Path, content: bytes) -> None:
    """A few megabytes that unpack to gigabytes, which the header promises or does not."""
    size = BOMB * BOMB_MEMBERS
    header = chance.choice([content[:16], _idx(8, [size], b""), _idx(8, [size // 784, 28, 28], b""), b"\0\0"])
    path.unlink()
    packed = path if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(header) + gzip.compress(bytes(BOMB), 1) * BOMB_MEMBERS)


def promise(chance: random.Random, path: Path, content: bytes) -> None:
    """A header that promises more than any machine has."""
    _write(path, _idx(chance.choice([8, 12]), [2**32 - 1] * chance.choice([1, 2, 3, 4]), content[16:]))


def other_file(chance: random.Random, path: Path, content: bytes) -> None:
    """No IDX file at all."""
    if chance.random() < 0.3:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.name, content)
    else:
        text = [b"", b"hello", b"<!DOCTYPE html><title>404</title>", b"\x1f\x8b", b"BZh91AY", b"\x93NUMPY\x01\0"]
        path.write_bytes(chance.choice([*text, chance.randbytes(5000)]))


def no_file(chance: random.Random, path: Path, content: bytes) -> None:
    """A folder, a pipe, a device, a link to itself, or nothing in the file's place."""
    path.unlink()
    kind = chance.choice(["folder", "pipe", "device", "loop", "nothing"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path.name)


KINDS: dict[str, Callable[[random.Random, Path, bytes], None]] = {
    make.__name__: make
    for make in (
        *(whole, other_header, other_shape, other_images, other_labels, flipped),
        *(cut, cut_inside, bomb, promise, other_file, no_file),
    )
}


def _whole(chance: random.Random) -> list[bytes]:
    """Images and labels for training, and for testing."""
    made = np.random.default_rng(chance.randrange(1 << 30))
    contents = []
    for count in COUNTS:
        contents.append(_idx(8, [count, 28, 28], made.integers(0, 256, (count, 28, 28), dtype=np.uint8).tobytes()))
        contents.append(_idx(8, [count], (np.arange(count) % 10).astype(np.uint8).tobytes()))
    return contents


def _idx(kind: int, shape: list[int] | tuple[int, ...], body: bytes) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape) + body


def _zeros(shape: list[int]) -> bytes:
    """As many bytes as the sizes promise, up to 30 million."""
    promised = 1
    for size in shape:
        promised = min(promised * size, 30_000_000)
    return bytes(promised)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
