"""One place decodes pictures: formats of pixels alone, and one line for whatever damaged data raise."""

import io
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

import mnist_cnn
from mnist_cnn.data import decoding
from mnist_cnn.data.decoding import UnreadablePictureError, decode
from mnist_cnn.errors import UserError
from mnist_cnn.inference.grey import read_grey
from mnist_cnn.inference.pictures import to_network_input
from tests.support.commands import run_program
from tests.support.hostile.pictures import TEXTS, cases
from tests.support.pictures import seven

EXPECTED = to_network_input(seven())


def content(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["postscript", "dos-postscript", "svg", "pdf", "wmf", "fits", "heic", "xpm"])
def test_what_is_no_raster_format_is_refused_whatever_it_is_called(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *args, **kwargs: pytest.fail("a program was started"))
    (tmp_path / "photo.png").write_bytes(TEXTS[kind])
    with pytest.raises(UnreadablePictureError, match=r"photo.png: no picture in a format that is read \(JPEG, PNG"):
        decode(tmp_path / "photo.png")


def test_an_eps_picture_that_pillow_itself_wrote_is_refused(tmp_path: Path) -> None:
    seven().save(tmp_path / "photo.eps")
    with pytest.raises(UnreadablePictureError, match="no picture in a format"):
        decode(tmp_path / "photo.eps")


def test_photographs_of_two_parts_and_lab_and_hsv_are_read(tmp_path: Path) -> None:
    seven().convert("RGB").save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    lab = Image.merge("LAB", [seven(), Image.new("L", (300, 300), 128), Image.new("L", (300, 300), 128)])
    lab.save(tmp_path / "lab.tif")
    for picture in (tmp_path / "a.jpg", tmp_path / "lab.tif", seven().convert("RGB").convert("HSV")):
        assert np.corrcoef(to_network_input(picture).ravel(), EXPECTED.ravel())[0, 1] > 0.98


def test_damaged_exif_data_leave_the_picture_as_it_lies() -> None:
    damaged = content(seven().convert("RGB"), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + bytes(9))
    assert np.corrcoef(to_network_input(damaged).ravel(), EXPECTED.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    "error", [AssertionError(), struct.error("two\nlines"), RuntimeError("\x1b[31m"), ZeroDivisionError()]
)
def test_whatever_a_decoder_raises_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise error

    coloured = content(seven().convert("RGB"), "PNG")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(UnreadablePictureError, match=r"damaged \(") as caught:
        decode(coloured)
    assert str(caught.value).isprintable()


def test_errors_of_our_own_arithmetic_are_not_taken_for_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.inference.grey._strips", lambda values: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read_grey(np.zeros((30, 30)))


def test_a_file_is_closed_again(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    for kind in ("GIF", "WEBP", "TIFF", "AVIF"):
        seven().save(tmp_path / "a.x", kind)
        to_network_input(tmp_path / "a.x")
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]


def test_nothing_is_printed_of_what_libtiff_has_to_say(capfd: pytest.CaptureFixture[str]) -> None:
    whole = content(seven(60).convert("1"), "TIFF", compression="group4")
    for position in range(8, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TiffImagePlugin, "READ_LIBTIFF", True)
            with suppress(UnreadablePictureError):
                decode(bytes(damaged))
    print("still here", file=sys.stderr)
    assert capfd.readouterr().err == "still here\n"


def test_what_would_keep_a_decoder_busy_for_minutes_is_refused() -> None:
    progressive = content(seven().convert("RGB"), "JPEG", progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    whole = progressive[:-2] + scan * 20 + b"\xff\xd9" + b"\xff\xda\0\2" * 200  # what follows the end does no harm
    assert np.corrcoef(to_network_input(whole).ravel(), EXPECTED.ravel())[0, 1] > 0.98
    with pytest.raises(UnreadablePictureError, match=r"damaged \(2\d\d scans"):
        decode(progressive[:-2] + scan * 200 + b"\xff\xd9")
    with pytest.raises(UnreadablePictureError, match="takes too long; save it as PNG"):
        decode(b"P5 2000 2000 254\n" + bytes(4_000_000))
    assert decode(b"P5 200 200 254\n" + bytes(40_000)).size == (200, 200)


def test_what_would_wait_for_ever_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("/dev/zero")
    for name, kind in (("pipe.png", "a pipe"), ("link.png", "a device")):
        with pytest.raises(UnreadablePictureError, match=kind):
            decode(tmp_path / name)


def test_a_stream_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    monkeypatch.setattr(decoding, "LARGEST_STREAM", 1_000_000)
    with pytest.raises(UnreadablePictureError, match="more than 1 MB"):
        decode(Endless())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "F"])
def test_large_pictures_are_reduced_in_strips_to_what_they_are_in_one_piece(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = (
        Image.fromarray(np.asarray(seven(900, 70)).astype(np.float32)) if mode == "F" else seven(900, 70).convert(mode)
    )
    whole = read_grey(image, 400)
    monkeypatch.setattr("mnist_cnn.inference.grey.STRIP_PIXELS", 10_000)
    assert np.array_equal(read_grey(image, 400), whole)


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("F", "TIFF")])
def test_fifty_megapixels_take_less_than_900_mb_beside_the_program(mode: str, kind: str, tmp_path: Path) -> None:
    Image.new(mode, (7000, 7000)).save(tmp_path / "large", kind, compress_level=1, compression="packbits")
    program = (
        "import pathlib, re, resource, sys\n"
        "from mnist_cnn.inference.pictures import NoInkError, to_network_input\n"
        "try: to_network_input(sys.argv[1])\n"
        "except NoInkError: pass\n"
        # Not ru_maxrss where this is there: that counts what the process had that started this one.
        "status = pathlib.Path('/proc/self/status')\n"
        "own = re.search(r'VmHWM:\\s+(\\d+) kB', status.read_text())[1] if status.exists() else None\n"
        "print(int(own or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024)\n"
    )
    done = run_program(program, str(tmp_path / "large"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 900


def test_odd_pictures_are_answered_or_named_in_a_line_and_the_good_one_beside_them_is_answered(tmp_path: Path) -> None:
    seven().save(tmp_path / "good.png")
    (tmp_path / "made").mkdir()
    odd = list(cases(100, 0, tmp_path / "made"))
    pictures = [picture for path in odd for picture in (path, tmp_path / "good.png")]
    answers = mnist_cnn.load().predict(pictures)
    for path, answer in zip(odd, answers[::2], strict=True):
        assert bool(answer.problem) != bool(answer.label), path
        assert answer.problem.isprintable(), path
    assert {answer.label for answer in answers[1::2]} == {"7"}
    assert sum(bool(answer.label) for answer in answers[::2]) > 20, "whole pictures are among them"


def test_a_lazily_opened_image_that_is_damaged_is_a_problem_and_no_exception() -> None:
    whole = content(seven(), "PNG")
    answer = mnist_cnn.load().predict(Image.open(io.BytesIO(whole[: len(whole) // 2])))[0]
    assert answer.is_error
    with pytest.raises(UserError):
        to_network_input(Image.open(io.BytesIO(whole[: len(whole) // 2])))
