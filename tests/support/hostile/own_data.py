"""Tables, arrays and archives that are damaged, enormous, ragged or mean harm: each one by its seed and number."""

import gzip
import io
import os
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROWS, SIDE = 12, 28
BOMB = 16_000_000  # bytes of a member of a gzip file, which may have many
RAN = "code-ran"  # what the code in files writes beside them


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.path, "ran"))


def cases(count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Make hostile files of many images.

    Args:
        count: How many; the kinds take turns, so that a few dozen have them all.
        seed: The same seed makes the same ones.
        folder: Where to; code in the files would write `RAN` there.

    Yields:
        The path of each.
    """
    kinds = list(KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        chance = random.Random(f"{seed}-{number}")
        place = folder / f"{number:04}-{kind}"
        place.mkdir()
        yield make(chance, place)


def whole(chance: random.Random, place: Path) -> Path:
    """Nothing is damaged."""
    name = chance.choice(list(WHOLE))
    return _written(place / name, WHOLE[name](chance))


def flipped(chance: random.Random, place: Path) -> Path:
    """A few bits are others."""
    name = chance.choice(list(WHOLE))
    content = bytearray(WHOLE[name](chance))
    for _ in range(chance.randint(1, 9)):
        content[chance.randrange(min(len(content), chance.choice([40, len(content)])))] ^= 1 << chance.randrange(8)
    return _written(place / name, bytes(content))


def cut(chance: random.Random, place: Path) -> Path:
    """The file ends early, goes on, or is empty."""
    name = chance.choice(list(WHOLE))
    content = WHOLE[name](chance)
    end = chance.randrange(len(content))
    return _written(place / name, chance.choice([content[:end], content * 2, content + b"\0" * 9, b"", content[end:]]))


def other_kind(chance: random.Random, place: Path) -> Path:
    """The name ends otherwise than the content says."""
    name, other = chance.sample(list(WHOLE), 2)
    return _written(place / name, WHOLE[other](chance))


def odd_table(chance: random.Random, place: Path) -> Path:
    """Text that is no table of pixels."""
    name = chance.choice(["test.csv", "test.tsv", "test.csv.gz"])
    content = chance.choice(TABLES)
    return _written(place / name, gzip.compress(content, 1) if name.endswith(".gz") else content)


def odd_cells(chance: random.Random, place: Path) -> Path:
    """A table in which some cells are something else, are missing, or are too many."""
    rows = _rows(chance, chance.random() < 0.5)
    for _ in range(chance.randint(1, 5)):
        row = chance.choice(rows[1:])
        what = chance.randrange(4)
        if what < 2:
            row[chance.randrange(len(row))] = chance.choice(CELLS)
        elif what == 2:
            row.pop()
        else:
            row.append("7")
    return _written(place / "test.csv", "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogateescape"))


def objects(chance: random.Random, place: Path) -> Path:
    """Pickles, as they are and inside arrays; loading them would run code."""
    harm = Harm(place.parent / RAN)
    boxed = np.empty(1, object)
    boxed[0] = harm
    file = io.BytesIO()
    kind = chance.choice(["images.npy", "images.npz", "mnist.pkl.gz", "data.pkl", "data_batch_1", "labels.npz"])
    if kind == "images.npy":
        np.save(file, boxed, allow_pickle=True)
    elif kind.endswith(".npz"):
        images = np.zeros((1, 28, 28), np.uint8)
        np.savez(file, **({"images": boxed} if kind == "images.npz" else {"images": images, "labels": boxed}))
    else:
        file.write(pickle.dumps(harm, protocol=chance.randrange(5)))
    content = file.getvalue()
    return _written(place / kind, gzip.compress(content) if kind.endswith(".gz") else content)


def promise(chance: random.Random, place: Path) -> Path:
    """A header that promises more than any machine has."""
    size = chance.choice([10**6, 10**9, 10**12, 2**31 - 1, 2**63 - 1, 0, -1])
    shape = chance.choice([(size, 28, 28), (size,), (10, size), (size, size, size), (10, 28, 28, size)])
    kind = chance.choice(["|u1", "<f8", "|O", "|V9", "<U9"])
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(118 - 1 + 64) + "\n"
    npy = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + bytes(3000)
    idx = bytes([0, 0, 8, 3]) + b"".join(struct.pack(">I", abs(side) & 0xFFFFFFFF) for side in (size, 28, 28))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("images.npy", npy)
    made = {"images.npy": npy, "images.npz": archive.getvalue(), "images-idx3-ubyte": idx + bytes(3000)}
    name = chance.choice(list(made))
    return _written(place / name, made[name])


def bomb(chance: random.Random, place: Path) -> Path:
    """A few kilobytes that unpack to gigabytes."""
    kind = chance.choice(["test.csv.gz", "images.npz", "images.zip", "images.tar.gz", "images-idx3-ubyte.gz"])
    beginning = {"test.csv.gz": b"pixel0,pixel1\n1,", "images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 255, 255, 255])}
    zeros = bytes(BOMB)
    if kind.endswith((".npz", ".zip")):
        with zipfile.ZipFile(place / kind, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for number in range(8):
                name = f"images{number}.npy" if kind == "images.npz" else f"cat/{number}.png"
                archive.writestr(name, zeros)
        return place / kind
    if kind == "images.tar.gz":
        with tarfile.open(place / kind, "w:gz", compresslevel=1) as packed:
            entry = tarfile.TarInfo("cat/1.png")
            entry.size = BOMB
            packed.addfile(entry, io.BytesIO(zeros))
        return place / kind
    member = gzip.compress(zeros, 1)
    return _written(place / kind, gzip.compress(beginning[kind]) + member * 120)


def climbing(chance: random.Random, place: Path) -> Path:
    """An archive or a table whose names lead out of it."""
    _written(place.parent / "secret.png", _png(chance))
    names = [
        "../secret.png",
        str(place.parent / "secret.png"),
        "cat/../../secret.png",
        "C:\\secret.png",
        "..\\secret.png",
    ]
    kind = chance.choice(["images.zip", "images.tar", "train.csv"])
    if kind == "train.csv":
        return _written(place / kind, "path,label\n" + "".join(f"{name},cat\n" for name in names))
    if kind == "images.zip":
        with zipfile.ZipFile(place / kind, "w") as archive:
            for name in [*names, "cat/1.png", "dog/2.png"]:
                archive.writestr(name, _png(chance))
        return place / kind
    with tarfile.open(place / kind, "w") as packed:
        for name in [*names, "cat/1.png", "dog/2.png"]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content := _png(chance))
            packed.addfile(entry, io.BytesIO(content))
        for number, target in enumerate(["../secret.png", "/etc/passwd", "cat/1.png", "/dev/zero"]):
            entry = tarfile.TarInfo(f"cat/link{number}.png")
            entry.type, entry.linkname = chance.choice([tarfile.SYMTYPE, tarfile.LNKTYPE]), target
            packed.addfile(entry)
        entry = tarfile.TarInfo("cat/device.png")
        entry.type = tarfile.CHRTYPE
        packed.addfile(entry)
    return place / kind


def odd_arrays(chance: random.Random, place: Path) -> Path:
    """Arrays that hold no images, or not as many as labels."""
    images, labels = _images(chance), _labels(chance)
    given: dict[str, Any] = chance.choice(
        [
            {"images": images, "labels": labels[:-1]},
            {"images": images[:0], "labels": labels[:0]},
            {"images": images.astype(np.complex64), "labels": labels},
            {"images": images.astype("U3")},
            {"images": images.astype(np.float32) * np.nan},
            {"images": images.astype(np.int64) - 10**15},
            {"images": np.float32(7)},
            {"images": images[:, :, :0]},
            {"images": images.reshape(1, 1, 1, ROWS, SIDE, SIDE)},
            {"x": labels, "y": labels, "z": labels},
            {"weights": np.zeros((3, 3)), "a\x1b[31m": labels},
            {"images": images, "labels": np.full(ROWS, np.nan)},
            {"images": images, "labels": np.array(["a\x1b]0;x\x07"] * ROWS)},
            {},
        ]
    )
    file = io.BytesIO()
    np.savez(file, **given)
    return _written(place / "images.npz", file.getvalue())


def odd_name(chance: random.Random, place: Path) -> Path:
    """A whole file with a name that terminals would obey."""
    name = chance.choice(
        ["new\nline", "\x1b[31mred\x1b]0;title\x07", "$a ${HOME} `id`", "{0} %s", "\u202eabc", "x" * 230]
    )
    ending = chance.choice([".csv", ".npz"])
    return _written(place / f"{name}{ending}", WHOLE["test.csv" if ending == ".csv" else "images.npz"](chance))


def no_file(chance: random.Random, place: Path) -> Path:
    """A folder, a pipe, a device, or a link to itself, called as a table is."""
    path = place / chance.choice(["test.csv", "images.npz", "images.zip"])
    kind = chance.choice(["folder", "pipe", "device", "loop"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe" and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    return path


KINDS: dict[str, Callable[[random.Random, Path], Path]] = {
    make.__name__: make
    for make in (
        *(whole, odd_cells, flipped, objects, odd_table, cut, climbing, odd_arrays, promise, other_kind),
        *(bomb, odd_name, no_file),
    )
}

TABLES = (
    *(
        b"",
        b"\n\n\n",
        b"pixel0,pixel1,pixel2,pixel3\n",
        b"label\n1\n",
        b"hello\n",
        b"\0" * 900,
        b"\xff\xfe" + b"1\0,\0" * 9,
    ),
    *(b"1," * 300_000, b"1" * 3_000_000, b"," * 9000 + b"\n" + b"1,2\n", b'"' + b"1,2\n" * 500, b"1;2;3;4\n5;6;7;8\n"),
    *(b"a,b,c,d\n1,2,3,4\n", b"path,label\nabsent.png,cat\n", b"1,2,3\n4,5,6\n", b"<!DOCTYPE html><title>404</title>"),
    *(b"=cmd|' /C calc'!A0,1,2,3\n1,2,3,4\n", b"label,label,p,p\n1,1,2,3\n", b"\xff\xd8\xff\xe0,1\n", b"1\r2\r3\r4\r"),
)
CELLS = (
    "",
    "x",
    "-1",
    "256",
    "1e400",
    "nan",
    "inf",
    "7.5",
    "9" * 400,
    "\x1b[31m",
    '"',
    "0x10",
    "1_000",
    "\udcff",
    "٣",
    " ",
)


def _images(chance: random.Random) -> np.ndarray:
    return np.random.default_rng(chance.randrange(1 << 30)).integers(0, 256, (ROWS, SIDE, SIDE), np.uint8)


def _labels(chance: random.Random) -> np.ndarray:
    return np.arange(ROWS, dtype=np.int64) % 3


def _rows(chance: random.Random, is_labelled: bool) -> list[list[str]]:
    """A table of pixels, its names of columns first."""
    names = ["label"] * is_labelled + [f"pixel{number}" for number in range(SIDE * SIDE)]
    rows = [list(map(str, image.ravel().tolist())) for image in _images(chance)]
    labels = _labels(chance).tolist()
    return [names, *([str(label)] * is_labelled + row for label, row in zip(labels, rows, strict=True))]


def _csv(chance: random.Random) -> bytes:
    return "\n".join(",".join(row) for row in _rows(chance, chance.random() < 0.5)).encode()


def _npz(chance: random.Random) -> bytes:
    file = io.BytesIO()
    chance.choice([np.savez, np.savez_compressed])(file, images=_images(chance), labels=_labels(chance))
    return file.getvalue()


def _npy(chance: random.Random) -> bytes:
    file = io.BytesIO()
    np.save(file, _images(chance))
    return file.getvalue()


def _idx(chance: random.Random) -> bytes:
    return bytes([0, 0, 8, 3]) + struct.pack(">3I", ROWS, SIDE, SIDE) + _images(chance).tobytes()


def _mat(chance: random.Random) -> bytes:
    from scipy.io import savemat

    file = io.BytesIO()
    savemat(file, {"X": _images(chance).transpose(1, 2, 0)[:, :, None], "y": _labels(chance)})
    return file.getvalue()


def _png(chance: random.Random) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_images(chance)[0]).save(file, "PNG")
    return file.getvalue()


def _zip(chance: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(6):
            archive.writestr(f"{'cat' if number % 2 else 'dog'}/{number}.png", _png(chance))
    return file.getvalue()


def _tar(chance: random.Random) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(6):
            entry = tarfile.TarInfo(f"{'cat' if number % 2 else 'dog'}/{number}.png")
            entry.size = len(content := _png(chance))
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


WHOLE: dict[str, Callable[[random.Random], bytes]] = {
    "test.csv": _csv,
    "test.csv.gz": lambda chance: gzip.compress(_csv(chance), 1),
    "test.tsv": lambda chance: _csv(chance).replace(b",", b"\t"),
    "images.npz": _npz,
    "images.npy": _npy,
    "images-idx3-ubyte": _idx,
    "images-idx3-ubyte.gz": lambda chance: gzip.compress(_idx(chance), 1),
    "images.mat": _mat,
    "images.zip": _zip,
    "images.tar": _tar,
    "images.tar.gz": lambda chance: gzip.compress(_tar(chance), 1),
    "images.parquet": lambda chance: b"PAR1" + chance.randbytes(900) + b"PAR1",
}


def _written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
