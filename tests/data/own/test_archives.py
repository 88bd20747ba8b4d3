"""Archives are read as they are packed, as the folder that they hold; what is odd in them does no harm."""

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_cnn.data.own import packed, tars
from mnist_cnn.data.own.folders import PictureFolder
from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Source, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from tests.data.own.test_folders import decoded, names_of, reasons_of
from tests.support.class_folders import picture, pictures, write_files

FILES = {
    **pictures(
        [f"pets/{split}/{label}/{n}.png" for split in ("train", "test") for label in ("cat", "käfer") for n in (1, 2)]
    ),
    "pets/train/cat/3.jpg": picture(99, kind="JPEG"),
    "pets/train/cow/": b"",
    "pets/readme.txt": b"hello",
}
PACKED = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Pack files as the archive's name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tar(path) as archive:
        for name, content in files.items():
            add(archive, name, content)
    return path


def tar(path: Path) -> tarfile.TarFile:
    """A new archive, compressed as its name says."""
    kind = {".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz"}.get(path.suffix, "")
    mode: Any = f"w:{kind}"
    return tarfile.open(path, mode)


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **settings: Any) -> None:
    entry = tarfile.TarInfo(name.rstrip("/"))
    entry.size, entry.type = len(content), tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    for setting, value in settings.items():
        setattr(entry, setting, value)
    archive.addfile(entry, io.BytesIO(content))


def source_of(path: Path) -> Source:
    return recognise(path, Reading())


def surveyed(path: Path) -> Survey:
    return source_of(path).survey()


def test_an_archive_holds_what_its_folder_holds(tmp_path: Path) -> None:
    folder = PictureFolder(write_files(tmp_path, FILES) / "pets")
    expected = folder.survey()
    images = {split: decoded(folder, split)[0] for split in ("train", "test")}
    for ending in PACKED:
        source = source_of(pack(tmp_path / f"pets{ending}", FILES))
        survey = source.survey()
        assert survey.empty_classes == expected.empty_classes == ("cow",)
        assert survey.notes == expected.notes
        for split in ("train", "test"):
            assert names_of(survey, split) == [f"pets/{name}" for name in names_of(expected, split)]
            assert np.array_equal(survey.parts[split].labels, expected.parts[split].labels)  # type: ignore[arg-type]
            found, _ = decoded(source, split)
            assert found.keys() == images[split].keys()
            assert all(np.array_equal(found[position], images[split][position]) for position in found)


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_what_leads_out_of_an_archive_is_named_and_left_out(ending: str, tmp_path: Path) -> None:
    good = pictures(["cat/1.png", "./dog/2.png", "dog//3.png"])
    odd = pictures(["../cat/4.png", "cat/../../5.png", "/cat/6.png", "C:/cat/7.png"])
    within = {"more.zip": b"PK", "cat/more.tar.gz": b"\x1f\x8b", "__MACOSX/cat/._1.png": b"x", "cat/.hidden.png": b"x"}
    survey = surveyed(pack(tmp_path / f"a{ending}", {**good, **odd, **within}))
    assert names_of(survey) == ["cat/1.png", "dog/2.png", "dog/3.png"]
    assert reasons_of(survey) == {
        **dict.fromkeys(odd, "its name leads out of the archive"),
        **dict.fromkeys(("more.zip", "cat/more.tar.gz"), "an archive within the archive; unpack it first"),
    }
    assert not any(entry.is_damaged for entry in survey.skipped)
    assert not survey.notes


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_names_without_end_are_no_trouble(ending: str, tmp_path: Path) -> None:
    odd = [f"cat/{'1' * 9000}.png", f"{'cat/' * 3000}1.png"]
    survey = surveyed(pack(tmp_path / f"a{ending}", pictures(["cat/1.png", "dog/2.png", *odd])))
    assert names_of(survey) == ["cat/1.png", "dog/2.png"]
    assert {entry.reason for entry in survey.skipped} == {"its name is longer than systems take"}
    assert all(len(entry.name) < 200 for entry in survey.skipped)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_links_and_devices_in_an_archive_are_named_and_left_out(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    with tar(path) as archive:
        add(archive, "cat/1.png", picture(1))
        add(archive, "cat/2.png", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "cat/3.png", type=tarfile.LNKTYPE, linkname="cat/1.png")
        add(archive, "cat/4.png", type=tarfile.CHRTYPE)
        add(archive, "cat/5.png", type=tarfile.FIFOTYPE)
        add(archive, "dog/6.png", picture(6))
    survey = surveyed(path)
    assert names_of(survey) == ["cat/1.png", "dog/6.png"]
    assert reasons_of(survey) == {f"cat/{n}.png": "a link or a device, no file" for n in (2, 3, 4, 5)}


def test_a_link_in_a_zip_is_named_and_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", picture(1))
        link = zipfile.ZipInfo("cat/2.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert [*reasons_of(surveyed(tmp_path / "a.zip"))] == ["cat/2.png"]


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_of_entries_with_one_name_the_last_one_counts(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    contents = [("cat/1.png", picture(1)), ("dog/1.png", picture(2)), ("cat/1.png", picture(3))]
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as zipped, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, content in contents:
                zipped.writestr(name, content)
    else:
        with tar(path) as tarred:
            for name, content in contents:
                add(tarred, name, content)
    source = source_of(path)
    survey = source.survey()
    assert names_of(survey) == ["cat/1.png", "dog/1.png"]
    assert reasons_of(survey) == {"cat/1.png": "a later entry has the same name"}
    single = PictureFolder(write_files(tmp_path / "a", dict(contents)))
    single.survey()
    assert np.array_equal(decoded(source)[0][0], decoded(single)[0][0])


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_an_archive_that_is_not_whole_is_one_line(ending: str, share: float, tmp_path: Path) -> None:
    files = {f"{label}/{n}.png": picture(n, size=(30, 30)) for label in ("cat", "dog") for n in range(20)}
    path = pack(tmp_path / f"a{ending}", files)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=r"a\.[a-z.0-9]+: the archive is damaged or not whole \(.*\); download or pack"):
        surveyed(path)


@pytest.mark.parametrize("ending", PACKED)
def test_damage_anywhere_in_an_archive_raises_nothing_but_one_line(ending: str, tmp_path: Path) -> None:
    files = {f"{label}/{n}.png": picture(n, size=(30, 30)) for label in ("cat", "dog") for n in range(3)}
    path, chance = pack(tmp_path / f"a{ending}", files), np.random.default_rng(0)
    whole = path.read_bytes()
    for _ in range(25):
        damaged = bytearray(whole)
        for place in chance.integers(0, len(whole), 4):
            damaged[place] = chance.integers(256)
        path.write_bytes(damaged)
        with suppress(UserError):
            source = source_of(path)
            source.survey()
            decoded(source)


@pytest.mark.parametrize("content", [b"", b"nothing", bytes(5000), b"\x1f\x8b nothing", b"PK\3\4nothing"])
@pytest.mark.parametrize("ending", PACKED)
def test_what_is_no_archive_is_one_line(ending: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"(damaged or not whole|holds no pic)"):
        surveyed(path)


def test_an_archive_without_pictures_says_how_it_should_look(tmp_path: Path) -> None:
    for ending in (".zip", ".tar.gz"):
        with pytest.raises(UserError, match=r"holds no pictures in folders of classes, as train/cat/1.jpg; tables"):
            surveyed(pack(tmp_path / f"a{ending}", {"train.csv": b"label,pixel0"}))


@pytest.mark.parametrize("name", ["pets.rar", "pets.7z", "pets.tar.zst"])
def test_archives_of_other_kinds_are_refused_with_a_way_out(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"Rar!")
    with pytest.raises(UserError, match=r"not read, but .zip, .tar, .tar.gz and the like: unpack it"):
        source_of(tmp_path / name)


def encrypted(path: Path, chosen: Callable[[str], bool]) -> Path:
    """Set the flag of an encrypted entry where the archive lists them."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
        for entry in archive.infolist():
            if chosen(entry.filename):
                content[content.index(b"PK\1\2", start) + 8] |= 1
            start = content.index(b"PK\1\2", start) + 4
    path.write_bytes(content)
    return path


def test_encrypted_entries_are_named_and_a_whole_encrypted_archive_is_one_line(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", pictures(["cat/1.png", "cat/2.png", "dog/3.png"]))
    assert reasons_of(surveyed(encrypted(path, "cat/2.png".__eq__))) == {"cat/2.png": "encrypted"}
    with pytest.raises(UserError, match=r"a.zip is encrypted: unpack it, and name the folder"):
        surveyed(encrypted(path, lambda name: True))


def test_an_entry_that_does_not_match_its_checksum_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in pictures(["cat/1.png", "dog/2.png"]).items():
            archive.writestr(name, content)
    content = path.read_bytes()
    place = content.index(b"dog/2.png") + 9 + len(picture(1)) - 40
    path.write_bytes(content[:place] + b"??" + content[place + 2 :])
    source = source_of(path)
    survey = source.survey()
    images, damaged = decoded(source)
    assert (len(images), len(damaged) + len(survey.skipped)) == (1, 1)


def test_entries_that_promise_too_much_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LARGEST_STREAM", 100_000)
    bomb = {"cat/1.png": picture(1), "dog/2.png": picture(2), "dog/bomb.png": bytes(200_000)}
    for ending in (".zip", ".tar", ".tar.gz"):
        (entry,) = surveyed(pack(tmp_path / f"a{ending}", bomb)).skipped
        assert entry.name == "dog/bomb.png"
        assert "are no picture" in entry.reason


def test_an_archive_that_unpacks_to_very_much_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "HARMLESS_BYTES", 1_000_000)
    path = pack(tmp_path / "a.tar.gz", {"cat/1.png": picture(1), "zeros": bytes(2_000_000), "dog/2.png": picture(2)})
    with pytest.raises(UserError, match=r"with zeros it would unpack to 2 MB, more than 200 times its size"):
        surveyed(path)


def test_headers_of_any_length_take_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 5_000_000_000
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(5_000_000)))
    with pytest.raises(UserError, match="a header of 5000000000 bytes"):
        surveyed(path)


def test_names_of_macos_and_of_windows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/caf\u00e9/1.png", picture(1))
        archive.writestr("train\\dog\\2.png", picture(2))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:  # macOS writes UTF-8 and does not say so
        flags = [content.index(b"PK\3\4") + 7, content.index(b"PK\1\2") + 9]
    path.write_bytes(bytes(0 if place in flags else byte for place, byte in enumerate(content)))
    labels = surveyed(path).parts["train"].labels
    assert labels is not None
    assert labels.tolist() == ["caf\u00e9", "dog"]
