"""Damaged, foreign and hostile arrays: one line that names file and array, and nothing in them is run."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8)
LABELS = np.arange(24) % 5


class CreatesAFile:
    """What a pickle of it does when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("code-ran",)


def read(path: Path) -> None:
    source = recognise(path, Reading())
    for split in source.survey().parts:
        for _ in source.blocks(split, Form(1, 8, 8)):
            pass


def header(shape: tuple[int, ...], descr: Any = "|u1", is_fortran: bool = False) -> bytes:
    """The beginning of a .npy file that promises an array."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": is_fortran, "shape": shape})
    return stream.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def write_npz(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def pixels() -> bytes:
    return IMAGES.tobytes()


NPY_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no header"),
    "text": (b"hello" * 40, "no header"),
    "header cut": (npy(IMAGES)[:40], "no header"),
    "truncated": (npy(IMAGES)[:-1], "truncated"),
    "a promise": (header((10**9, 28, 28)) + pixels(), "truncated"),
    "more than numbers can say": (header((2**62, 2**62)) + pixels(), "truncated"),
    "negative": (header((-24, 8, 8)) + pixels(), "negative size"),
    "twice negative": (header((-24, -8, 8)) + pixels(), "negative size"),
    "nothing": (header((0, 8, 8)), "holds no images"),
    "a single number": (header(()) + b"\0", "holds no array of images"),
    "a video": (header((1, 24, 8, 8, 1)) + pixels(), "holds no images; taken are"),
    "a volume": (header((6, 8, 8, 4 * 8)) + pixels() * 8, "holds no images; taken are"),
    "seven channels": (header((5, 8, 8, 7)) + pixels() * 2, "holds no images; taken are"),
    "code in the header": (header((1,)).replace(b"(1,)", b"f()"), "no header"),
    "a long header": (npy(IMAGES)[:8] + b"\xff\xff" + b" " * 65535, "no header"),
    "true as a size": (header((24, 8, 8)).replace(b"24, 8, 8", b"True,8,8") + pixels(), "damaged|no labels|shape"),
    "records": (header((24,), [("image", "|u1", (64,)), ("label", "|u1")]) + pixels() * 2, "records"),
    "complex numbers": (npy(IMAGES.astype(complex)), "complex128: images are numbers"),
    "dates": (npy(IMAGES.astype("M8[s]")), r"datetime64\[s\]: images are numbers"),
}


@pytest.mark.parametrize("kind", NPY_FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_and_foreign_arrays_are_one_line(kind: str, packed: bool, tmp_path: Path) -> None:
    content, reason = NPY_FILES[kind]
    path = tmp_path / ("x.npz" if packed else "x.npy")
    if packed:
        write_npz(path, x=content)
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=reason) as error:
        read(path)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("role", ["x", "y"])
@pytest.mark.parametrize("packed", [False, True])
def test_arrays_of_objects_are_refused_and_nothing_in_them_runs(role: str, packed: bool, tmp_path: Path) -> None:
    objects = np.empty(24, object)
    objects[:] = [CreatesAFile() for _ in range(24)]
    members = {"x": npy(IMAGES), "y": npy(LABELS)} | {role: npy(objects)}
    write_npz(tmp_path / "data.npz", **members)
    for name, content in members.items():
        (tmp_path / f"{name}.npy").write_bytes(content)
    path = tmp_path / ("data.npz" if packed else f"{role}.npy")
    with pytest.raises(UserError, match="runs code when it is read, and is not read here; if you trust it") as error:
        read(path)
    assert f"array {role}" in str(error.value) if packed else path.name in str(error.value)
    assert not Path("code-ran").exists()


def test_objects_in_an_array_that_nobody_needs_harm_nobody(tmp_path: Path) -> None:
    write_npz(tmp_path / "d.npz", x=npy(IMAGES), y=npy(LABELS), meta=npy(np.array([CreatesAFile()], object)))
    read(tmp_path / "d.npz")
    assert not Path("code-ran").exists()


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    head = header((60_000, 256, 256))
    write_npz(path, x=head + bytes(1 << 20))
    with pytest.raises(UserError, match="array x is truncated"):
        read(path)
    size = (1 << 20) + len(head)  # as both headers of the member say; now they promise as much as the array does
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little")))
    with pytest.raises(UserError, match=r"array x: \d+ packed bytes would become 3\.9 GB, which is not unpacked"):
        read(path)


def test_a_member_that_says_less_than_it_holds_is_not_read_further(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    write_npz(path, x=npy(IMAGES), y=npy(LABELS))
    size = len(npy(IMAGES)).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (len(npy(IMAGES)) - 100).to_bytes(4, "little")))
    with pytest.raises(UserError, match=r"array x (is truncated|cannot be read: it is damaged)"):
        read(path)


def test_a_changed_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=IMAGES, y=LABELS)
    content = bytearray(path.read_bytes())
    content[content.index(pixels()) + 700] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"array x cannot be read: it is damaged.*CRC"):
        read(path)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_truncated_npz_is_one_line(cut: int, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "whole.npz", x=IMAGES, y=LABELS)
    (tmp_path / "data.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"data\.npz cannot be read: it is damaged"):
        read(tmp_path / "data.npz")


def test_an_npz_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(UserError, match=r"data\.npz cannot be read"):
        read(tmp_path / "data.npz")
    write_npz(tmp_path / "empty.npz")
    with pytest.raises(UserError, match=r"empty\.npz holds no array of images; found: nothing"):
        read(tmp_path / "empty.npz")


def test_paths_that_climb_out_of_an_npz_are_names_and_no_more(tmp_path: Path) -> None:
    write_npz(tmp_path / "data.npz", **{"../../x": npy(IMAGES), "/etc/y": npy(LABELS)})
    read(tmp_path / "data.npz")
    assert {path.name for path in tmp_path.rglob("*")} == {"data.npz"}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (LABELS[:-1], r"holds 24 images as \(N, H, W\), and there are 23 labels"),
        (LABELS + 0.5, "holds fractions as 0.5"),
        (np.stack([LABELS, LABELS], axis=1), r"array y of shape \(24, 2\).*row 0 is not one-hot"),
        (np.zeros((24, 5)), "row 0 is not one-hot"),
        (np.array([["a", "b"]] * 24), "several texts for each image"),
        (LABELS.astype("M8[s]"), r"type datetime64\[s\]; as labels one whole number or text"),
        (np.zeros((24, 2, 2)), "row 0 is not one-hot|holds no labels"),
        (np.array("one"), "holds no labels"),
    ],
)
def test_labels_that_are_none_are_one_line(labels: NDArray[Any], reason: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=IMAGES, y=labels)
    with pytest.raises(UserError, match=reason) as error:
        read(tmp_path / "data.npz")
    assert "data.npz" in str(error.value)


def test_labels_alone_are_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", LABELS)
    with pytest.raises(UserError, match=r"labels\.npy holds labels, and no images of the same name lie beside it"):
        read(tmp_path / "labels.npy")
    with pytest.raises(UserError, match=r"holds no array of images; found: labels\.npy \(24,\)"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\x08\x03" + (24).to_bytes(4, "big"), "ends within its header"),
        (b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (24, 8, 8)) + pixels()[:-1], "truncated"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + pixels(), "truncated"),
        (b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (0, 8, 8)), "holds no images"),
    ],
)
def test_damaged_idx_files_are_one_line(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=rf"images-idx3-ubyte.*{reason}"):
        read(tmp_path)
