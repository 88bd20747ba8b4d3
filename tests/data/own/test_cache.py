"""Decoded images are kept whole, found again, shared, and made anew where they are damaged or their files changed."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_cnn.data import on_disk
from mnist_cnn.data.own import cache
from mnist_cnn.data.own.storing import InFiles, Stored
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError
from tests.support.array_source import ArraySource, write_arrays


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of the cache."""
    return tmp_path / "cache"


def kept(path: Path, place: Path, **settings: Any) -> tuple[Stored, ArraySource]:
    source = ArraySource(path, **settings)
    return cache.stored(source, Reading(cache_dir=str(place))), source


def check(stored: Stored, arrays: dict[str, Any]) -> None:
    assert stored.class_names == ("ant", "bee", "cat")
    for split in ("train", "test"):
        assert torch.equal(stored.images[split][:], torch.from_numpy(arrays[split]))
        labels = stored.labels[split]
        assert labels is not None
        assert labels.tolist() == [i % 3 for i in range(len(arrays[split]))]


def files(place: Path) -> list[str]:
    """What the cache holds, but for locks."""
    found = [str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()]
    return sorted(file for file in found if not file.endswith(".lock"))


def test_images_are_decoded_once(tmp_path: Path, place: Path) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    stored, source = kept(tmp_path / "a.npz", place)
    check(stored, arrays)
    assert source.decoded == 49
    before = files(place)
    again, source = kept(tmp_path / "a.npz", place)
    check(again, arrays)
    assert source.decoded == 0
    assert files(place) == before
    assert not [*(place / "building").glob("*-*")]


def test_what_was_left_out_is_known_from_the_cache_too(tmp_path: Path, place: Path) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    damaged = [0, 1, 8, 38, 39]
    for _ in range(2):
        stored, _ = kept(tmp_path / "a.npz", place, damaged=damaged)
        assert len(stored.skipped) == 5
        assert all(entry.is_damaged for entry in stored.skipped)
        whole = np.delete(arrays["train"], damaged, axis=0)
        assert torch.equal(stored.images["train"][:], torch.from_numpy(whole))
        labels = stored.labels["train"]
        assert labels is not None
        assert labels.tolist() == np.delete(np.arange(40) % 3, damaged).tolist()
        assert list(stored.dropped["train"]) == damaged


@pytest.mark.parametrize("changed", ["content", "time"])
def test_a_changed_file_is_read_anew(tmp_path: Path, place: Path, changed: str) -> None:
    write_arrays(tmp_path / "a.npz")
    kept(tmp_path / "a.npz", place)
    arrays = write_arrays(tmp_path / "a.npz", seed=changed == "content")
    os.utime(tmp_path / "a.npz", ns=(0, 12345))
    stored, source = kept(tmp_path / "a.npz", place)
    assert source.decoded == 49
    check(stored, arrays)


@pytest.mark.parametrize("setting", [{"image_size": 3}, {"channels": 1}, {"label_column": "x"}])
def test_settings_that_decide_on_the_pixels_have_images_of_their_own(
    tmp_path: Path, place: Path, setting: dict[str, Any]
) -> None:
    write_arrays(tmp_path / "a.npz")
    keys = {
        cache.key_of(ArraySource(tmp_path / "a.npz"), Reading(**some))
        for some in ({}, setting, {"on_damaged": "error", "test_size": 3, "split_seed": 1, "layout": "digit"})
    }
    assert len(keys) == 2


def test_the_same_images_in_two_places_are_kept_once(tmp_path: Path, place: Path) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    write_arrays(tmp_path / "b.npz")
    write_arrays(tmp_path / "c.npz", seed=1)
    for name in "abc":
        stored, source = kept(tmp_path / f"{name}.npz", place)
        assert source.decoded == 49
    stored, source = kept(tmp_path / "b.npz", place)
    check(stored, arrays)
    assert source.decoded == 0
    assert len([*(place / "images").iterdir()]) == 2
    assert len([*(place / "sources").iterdir()]) == 3


@pytest.mark.parametrize("name", ["train.images.npy", "test.labels.npy", "content.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damaged_images_are_decoded_anew(
    tmp_path: Path, place: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    kept(tmp_path / "a.npz", place)
    (file,) = place.rglob(name)
    content = bytearray(file.read_bytes())
    content[-20] ^= 8
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(bytes(content) if damage == "flipped" else bytes(content[:-20]))
    stored, source = kept(tmp_path / "a.npz", place)
    check(stored, arrays)
    assert source.decoded == 49
    assert "are damaged; decoding anew" in capsys.readouterr().err
    assert kept(tmp_path / "a.npz", place)[1].decoded == 0


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"fingerprint": "../..", "notes": [], "skipped": [], "dropped": {}}']
)
def test_what_stands_in_the_place_of_an_entry_is_not_followed(tmp_path: Path, place: Path, content: str) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    kept(tmp_path / "a.npz", place)
    (entry,) = (place / "sources").iterdir()
    entry.write_text(content)
    check(kept(tmp_path / "a.npz", place)[0], arrays)
    assert len([*(place / "images").iterdir()]) == 1


class FullDisk:
    """A disk that takes so many blocks of images."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
        put = InFiles.put

        def put_some(place: Any, positions: Any, images: Any) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            put(place, positions, images)

        self.left = blocks
        monkeypatch.setattr(InFiles, "put", put_some)


def test_on_a_full_disk_images_are_held_in_memory(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    FullDisk(monkeypatch, 3)
    check(kept(tmp_path / "a.npz", place)[0], arrays)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "no space is left on the disk" in line
    assert "held in memory this time; --data.cache_dir names another folder" in line
    assert str(place) in line
    assert files(place) == []


def test_on_a_full_disk_images_that_memory_cannot_hold_are_an_error(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_arrays(tmp_path / "a.npz")
    FullDisk(monkeypatch, 3)
    monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", 2000)
    with pytest.raises(UserError, match=r"cannot be kept in .*no space is left.*--data.cache_dir") as caught:
        kept(tmp_path / "a.npz", place)
    assert "\n" not in str(caught.value)
    assert files(place) == []


def test_a_disk_without_room_is_noticed_before_anything_is_decoded(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_arrays(tmp_path / "a.npz")
    monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", 2000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    source = ArraySource(tmp_path / "a.npz")
    with pytest.raises(UserError, match="no space is left on the disk"):
        cache.stored(source, Reading(cache_dir=str(place)))
    assert source.decoded == 0


@pytest.mark.parametrize("obstacle", ["file", "no home"])
def test_without_a_folder_for_it_images_are_held_in_memory(
    tmp_path: Path, place: Path, obstacle: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    place.touch()
    reading = Reading(cache_dir=str(place))
    if obstacle == "no home":
        reading = Reading()
        monkeypatch.delenv("MNIST_CNN_CACHE")
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    check(cache.stored(ArraySource(tmp_path / "a.npz"), reading), arrays)
    assert "held in memory this time" in capsys.readouterr().err


def test_what_the_source_says_is_no_error_of_the_cache(tmp_path: Path, place: Path) -> None:
    write_arrays(tmp_path / "a.npz")

    class Unreadable(ArraySource):
        def blocks(self, *arguments: Any) -> Any:
            raise UserError("a.npz cannot be read any more")

    with pytest.raises(UserError, match="any more"):
        cache.stored(Unreadable(tmp_path / "a.npz"), Reading(cache_dir=str(place)))
    assert files(place) == []


def test_images_of_more_bytes_than_memory_should_hold_stay_on_the_disk(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    in_memory, _ = kept(tmp_path / "a.npz", place)
    monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", 2000)
    left, source = kept(tmp_path / "a.npz", place)
    assert source.decoded == 0
    assert isinstance(left.images["train"], on_disk.ImagesOnDisk)
    check(left, arrays)
    assert left.fingerprints == in_memory.fingerprints


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.array_source", *map(str, arguments)]
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=root, env=environment, **pipes)  # type: ignore[call-overload]


@pytest.mark.slow
def test_a_kill_while_decoding_costs_nothing_and_is_cleared_away(tmp_path: Path, place: Path) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    write_arrays(tmp_path / "b.npz", seed=1)
    with start(tmp_path / "a.npz", place) as process:
        assert process.stdout.readline() == "decoding\n"  # type: ignore[union-attr]
        process.kill()
    assert [file for file in files(place) if not file.startswith("building/")] == []
    assert len([*(place / "building").glob("*-*")]) == 1
    kept(tmp_path / "b.npz", place)  # others clear it away as well
    assert not [*(place / "building").glob("*-*")]
    check(kept(tmp_path / "a.npz", place)[0], arrays)


@pytest.mark.slow
def test_of_two_processes_one_decodes_and_the_other_waits_and_says_so(tmp_path: Path, place: Path) -> None:
    arrays = write_arrays(tmp_path / "a.npz")
    with start(tmp_path / "a.npz", place) as first:
        assert first.stdout.readline() == "decoding\n"  # type: ignore[union-attr]
        with start(tmp_path / "a.npz", place) as second:
            assert "another process is decoding" in second.stderr.readline()  # type: ignore[union-attr]
            write_arrays(tmp_path / "b.npz", seed=1)
            kept(tmp_path / "b.npz", place)  # what is being decoded is not cleared away by others
            assert first.communicate("\n")[0].endswith("decoded 49\n")
            assert second.communicate()[0] == "decoded 0\n"
    check(kept(tmp_path / "a.npz", place)[0], arrays)
