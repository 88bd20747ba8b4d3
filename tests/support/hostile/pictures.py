"""Pictures that are odd, damaged, enormous, or none at all: each one by its seed and number."""

import io
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.pictures import seven

# What is written in every mode that it takes.
FORMATS = (
    *(
        "AVIF",
        "BMP",
        "DDS",
        "DIB",
        "EPS",
        "GIF",
        "ICNS",
        "ICO",
        "IM",
        "JPEG",
        "JPEG2000",
        "MPO",
        "MSP",
        "PCX",
        "PDF",
        "PNG",
    ),
    *("PPM", "QOI", "SGI", "SPIDER", "TGA", "TIFF", "WEBP", "XBM"),
)
MODES = (
    "1",
    "L",
    "LA",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
    "PA",
    "RGBX",
    "RGBa",
    "La",
)
RASTER = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "PCX", "SGI")
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_deflate", "packbits")
ENDINGS = (".png", ".jpg", ".tif", ".gif", ".bmp", ".webp", ".PNG", ".jp2", ".ppm", ".tga", "")
SIDES = (1, 2, 3, 5, 27, 28, 29, 64, 120, 300, 401, 900)
MOST_PIXELS = 7000  # squared, 49 million are just allowed
FIRST_OF_THE_LARGE = 200  # pictures at the limit take seconds each: long series have a few
NAMES = ("new\nline", "\x1b[31mred\x1b]0;title\x07", "$a$ ${HOME} `id`", "{0} {x!r} %s", "a b", "né", "‮gnp", "x" * 240)
NOT_UTF8 = b"\xff\xfe\x80byte"

TEXTS: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n{} loop\n",
    "postscript-writes": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(made) (w) file closefile\n",
    "dos-postscript": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 30, 100, 0, 0, 0, 0) + b"  %!PS\n{} loop\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
    "html": b"<!DOCTYPE html><title>404</title>",
    "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj trailer<</Root 1 0 R>>",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    "zip": b"PK\x05\x06" + bytes(18),
    "program": b"\x7fELF" + bytes(60),
    "script": b"#!/bin/sh\ntouch made-by-script\n",
    "utf-16": "\ufeffpicture".encode("utf-16"),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(40),
    "fits": b"SIMPLE  =                    T".ljust(2880),
    "ppm-endless-comment": b"P5 #" + b"x" * 5000,
    "ppm-odd-numbers": b"P5 -3 9999999999999999999999 0\n",
    "ppm-plain": b"P3 300 300 255\n" + b"9 " * 100,
    "xpm": b'/* XPM */\nstatic char *x[] = {"9999 9999 1 1", "a c #000000"};',
}


def cases(count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Make hostile pictures.

    Args:
        count: How many; the kinds take turns, so that a few dozen have them all.
        seed: The same seed makes the same ones.
        folder: Where to.

    Yields:
        The path of each. Most are files, some are folders, pipes or links.
    """
    kinds = list(KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        chance = random.Random(f"{seed}-{number}")
        path = folder / f"{number:05}-{kind}{chance.choice(ENDINGS)}"
        if kind == "large" and (number < FIRST_OF_THE_LARGE or chance.random() < 0.8):
            make = claimed
        yield make(chance, path) or path


def written(chance: random.Random, path: Path) -> None:
    """Any format in any mode that it takes."""
    path.write_bytes(_content(chance, FORMATS, MODES))


def flipped(chance: random.Random, path: Path) -> None:
    """A few bits of a picture are others."""
    content = bytearray(_content(chance, RASTER))
    for _ in range(chance.randint(1, 20)):
        # Most in the beginning, where the headers are.
        where = chance.randrange(min(len(content), chance.choice([64, 600, len(content)])))
        content[where] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(chance: random.Random, path: Path) -> None:
    """A picture that ends early, or lacks a piece, or has one twice, or zeros, or something behind it."""
    content = _content(chance, RASTER)
    start, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    path.write_bytes(
        chance.choice(
            [
                content[:start],
                content[:start] + content[end:],
                content[:end] + content[start:],
                content[:start] + bytes(end - start) + content[end:],
                content + content[start:],
                chance.randbytes(start % 5000),
            ]
        )
    )


def other_files(chance: random.Random, path: Path) -> None:
    """What is no picture, under a picture's name."""
    kind = chance.choice(list(TEXTS))
    path.write_bytes(TEXTS[kind])


def odd_exif(chance: random.Random, path: Path) -> None:
    """A whole picture with damaged data beside its pixels."""
    exif = Image.Exif()
    exif[0x0112] = chance.choice([0, 1, 3, 6, 8, 9, 65535])
    exif[0x010F] = "maker" * chance.randrange(9)
    data = bytearray(exif.tobytes())
    for _ in range(chance.randrange(1, 12)):
        data[chance.randrange(6, len(data))] = chance.randrange(256)
    kind = chance.choice(["JPEG", "PNG", "WEBP"])
    file = io.BytesIO()
    seven(chance.choice(SIDES[5:])).convert("RGB").save(file, kind, exif=bytes(data))
    path.write_bytes(file.getvalue())


def claimed(chance: random.Random, path: Path) -> None:
    """A small file whose header claims enormous or odd dimensions."""
    width, height = (chance.choice([0, 1, 9000, 30_000, 65_535, 100_000, 2**31 - 1, 2**32 - 1]) for _ in range(2))
    kind = chance.choice(["png", "gif", "bmp", "ppm", "jpeg", "tiff", "tga", "jp2", "webp"])
    path.write_bytes(CLAIMS[kind](width, height))


def bombs(chance: random.Random, path: Path) -> None:
    """Much more than is allowed, in few bytes."""
    kind = chance.choice(["png", "gif", "tiff", "text", "icc", "frames"])
    side = chance.choice([8000, 12_000, 20_000])
    if kind == "png":
        path.write_bytes(_png(side, side, 1, 0, zlib.compress(bytes((side // 8 + 1) * side), 1)))
    elif kind == "text":
        path.write_bytes(_png(40, 40, 8, 0, extra=_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000), 1))))
    elif kind == "icc":
        path.write_bytes(_png(40, 40, 8, 0, extra=_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(80_000_000), 1))))
    elif kind == "frames":
        frames = [Image.new("L", (200, 200), shade) for shade in range(250)]
        frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])
    else:
        # Written small, and larger by its header: the decoders run out of data, or of what is allowed.
        path.write_bytes(CLAIMS[kind](side, side))


def large(chance: random.Random, path: Path) -> None:
    """As large as is allowed, in modes that take most memory."""
    choices: list[tuple[str, str, dict[str, Any]]] = [
        ("RGBA", "PNG", {"compress_level": 1}),
        ("LA", "PNG", {"compress_level": 1}),
        ("RGB", "JPEG", {"progressive": True}),
        ("CMYK", "JPEG", {}),
        ("L", "GIF", {}),
        ("F", "TIFF", {"compression": "tiff_deflate"}),
        ("I", "TIFF", {"compression": "tiff_lzw"}),
        ("I;16", "PNG", {"compress_level": 1}),
        ("RGBA", "TIFF", {"compression": "packbits"}),
    ]
    mode, kind, settings = chance.choice(choices)
    Image.new(mode, (MOST_PIXELS, MOST_PIXELS)).save(path, kind, **settings)


def odd_shapes(chance: random.Random, path: Path) -> None:
    """Very wide, very high, very small, and of few values."""
    shape = chance.choice([(1, 1), (1, 2), (2, 1), (3, 3), (1, 5000), (5000, 1), (60_000, 2), (28, 28), (401, 1)])
    values = np.random.default_rng(chance.randrange(1 << 30)).integers(0, chance.choice([1, 2, 256]), shape)
    Image.fromarray(values.astype(np.uint8) * chance.choice([1, 255])).save(path, chance.choice(["PNG", "BMP", "PPM"]))


def odd_numbers(chance: random.Random, path: Path) -> None:
    """Grey values that are infinite, no numbers, negative, or of an enormous range."""
    values = np.random.default_rng(chance.randrange(1 << 30)).standard_normal((60, 60)).astype(np.float32)
    values[chance.randrange(60), chance.randrange(60)] = chance.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40])
    if chance.random() < 0.3:
        values[:] = chance.choice([np.nan, 3e38, -7.0, 300.0])
    Image.fromarray(values).save(path, "TIFF")


def frames(chance: random.Random, path: Path) -> None:
    """Several pictures in a file, also in a circle."""
    kind = chance.choice(["GIF", "TIFF", "WEBP", "PNG", "MPO", "circle"])
    images = [seven(60).convert("RGB"), Image.new("RGB", (90, 40)), seven(30).convert("RGB")]
    if kind in ("WEBP", "PNG"):
        images = [image.resize((60, 60)) for image in images]
    file = io.BytesIO()
    images[0].save(file, "TIFF" if kind == "circle" else kind, save_all=True, append_images=images[1:])
    content = bytearray(file.getvalue())
    if kind == "circle":  # the list of the first picture's entries is followed by itself
        (first,) = struct.unpack_from("<I", content, 4)
        (entries,) = struct.unpack_from("<H", content, first)
        struct.pack_into("<I", content, first + 2 + 12 * entries, first)
    path.write_bytes(content)


def odd_names(chance: random.Random, path: Path) -> Path:
    """A good picture, or a bad one, under a name that does harm where it is printed or filled in."""
    stem = chance.choice([*NAMES, os.fsdecode(NOT_UTF8)])
    named = path.parent / f"{stem[: 200 if stem.isascii() else 60]}{path.name[:5]}.png"
    if chance.random() < 0.6:
        seven().save(named, "PNG")
    else:
        named.write_bytes(b"no picture")
    return named


def no_files(chance: random.Random, path: Path) -> None:
    """Folders, pipes, devices, links to nowhere and to themselves, and nothing at all."""
    kind = chance.choice(["folder", "pipe", "device", "dangling", "loop", "deep", "nothing"])
    if kind in ("folder", "deep"):
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to(chance.choice(["/dev/zero", "/dev/null", "/dev/random"]))
    elif kind == "dangling":
        path.symlink_to("nowhere.png")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "deep":
        (path / ".hidden").mkdir()
        seven().save(path / ".hidden" / "a.png")
        (path / "again").symlink_to(path, target_is_directory=True)
        os.mkfifo(path / "pipe.png")
        (path / "text.png").write_text("hello")


Kind = Callable[[random.Random, Path], Path | None]
KINDS: dict[str, Kind] = {
    make.__name__: make
    for make in (
        *(written, flipped, cut, other_files, odd_exif, claimed, bombs, large),
        *(odd_shapes, odd_numbers, frames, odd_names, no_files, flipped, written, cut),
    )
}


def _content(chance: random.Random, formats: tuple[str, ...], modes: tuple[str, ...] = MODES[:7]) -> bytes:
    """A picture in a format and a mode that go together."""
    side = chance.choice(SIDES[4:])
    drawn = seven(side, max(side // 12, 1))
    while True:
        kind, mode = chance.choice(formats), chance.choice(modes)
        others = {"1": ("group3", "group4"), "RGB": ("jpeg",)}.get(mode, ())
        settings = {"compression": chance.choice([*TIFF_COMPRESSIONS, *others])} if kind == "TIFF" else {}
        file = io.BytesIO()
        try:
            _in_mode(drawn, mode).save(file, kind, **settings)
        except Exception:  # a format that does not take this mode, or is not in this Pillow
            continue
        return file.getvalue()


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":
        return Image.merge("LAB", [image, image, image])
    if mode == "I;16":
        return Image.fromarray(np.asarray(image, np.uint16) * 257)
    if mode in ("PA", "La", "RGBa"):
        return image.convert({"PA": "P", "La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    return image.convert("RGB").convert(mode) if mode in ("HSV", "YCbCr", "CMYK") else image.convert(mode)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, bits: int, colour: int, pixels: bytes = b"", extra: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = _chunk(b"IDAT", pixels or zlib.compress(bytes((min(width, 99) + 1) * min(height, 99))))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + _chunk(b"IEND", b"")


def _tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, height)]
    tags.append((279, 4, min(width * height, 2**32 - 1)))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def _saved(kind: str) -> bytearray:
    file = io.BytesIO()
    seven(60).convert("RGB").save(file, kind)
    return bytearray(file.getvalue())


def _with(kind: str, mark: bytes, offset: int, form: str, *values: int) -> bytes:
    """A saved picture with other numbers at a place behind a mark."""
    content = _saved(kind)
    struct.pack_into(form, content, content.index(mark) + offset, *values)
    return bytes(content)


CLAIMS: dict[str, Callable[[int, int], bytes]] = {
    "png": lambda width, height: _png(width, height, 8, 6),
    "gif": lambda width, height: _with("GIF", b"GIF8", 6, "<HH", width & 0xFFFF, height & 0xFFFF),
    "bmp": lambda width, height: _with("BMP", b"BM", 18, "<II", width, height),
    "ppm": lambda width, height: f"P6 {width} {height} 255\n".encode() + bytes(300),
    "jpeg": lambda width, height: _with("JPEG", b"\xff\xc0", 5, ">HH", height & 0xFFFF, width & 0xFFFF),
    "tiff": _tiff,
    "tga": lambda width, height: (
        bytes([0, 0, 2]) + bytes(9) + struct.pack("<HHBB", width & 0xFFFF, height & 0xFFFF, 24, 0)
    ),
    "jp2": lambda width, height: _with("JPEG2000", b"ihdr", 4, ">II", height, width),
    "webp": lambda width, height: (
        b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0"
        + struct.pack("<I", width % (1 << 24))[:3]
        + struct.pack("<I", height)[:3]
    ),
}
