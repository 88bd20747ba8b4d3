"""Decoded images of one's own, kept on the disk, so that they are decoded once.

    sources/KEY.json         what was read before: the key is of the files, by place, size and times, and of the
                             settings that decide on the pixels; it names the images, and says what was left out of them
    images/FINGERPRINT/      the images, by their content, so that the same ones in two places are kept once
    building/KEY-NUMBER/     images that are being decoded; KEY.lock beside it is held meanwhile

Images take their place when they are whole, by a change of name. Whatever ends a process before leaves a folder in
`building`, which the next one that decodes clears away. What is kept is checked by its fingerprint when it is opened.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import PIL
import torch
from filelock import FileLock, Timeout

from mnist_cnn.console import is_first_process, remark, short_path
from mnist_cnn.data import on_disk
from mnist_cnn.data.base import Split
from mnist_cnn.data.fingerprint import DIGITS, fingerprint
from mnist_cnn.data.own.source import Skipped, Source
from mnist_cnn.data.own.storing import Decoder, InFiles, InMemory, Known, Stored, images_path
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError, of_system
from mnist_cnn.files import cache_folder, expanded, write_json

SAID_AFTER = 3.0  # seconds of waiting for another process
CONTENT = "content.json"
HERE = Path(__file__).parent
DECODERS = ("decoding", "modes", "transparency", "idx")  # beside this room, what decides on pixels too


class NotKeptError(Exception):
    """The cache's folder does not take what it should keep; the cause is the system's error."""


def stored(source: Source, reading: Reading) -> Stored:
    """The decoded images of a source: from the cache, or decoded and kept there.

    Where the cache cannot be written, images that fit into memory are held there.

    Raises:
        UserError: if the source cannot be used, or its images can be neither kept nor held.
    """
    decoder = Decoder(source, reading)
    folder = None
    try:
        with _kept():
            folder = expanded(reading.cache_dir) if reading.cache_dir else cache_folder()
        return _Cache(folder).get(decoder)
    except NotKeptError as error:
        why = of_system(error.__cause__) if error.__cause__ else None
        size = f"{decoder.bytes / 1e9:.1f} GB" if decoder.bytes > 1e8 else f"{max(decoder.bytes / 1e6, 0.1):.1f} MB"
        where = f"decoded images ({size}) cannot be kept in {folder or 'the cache folder'}: {why}"
        if decoder.bytes > on_disk.LARGEST_IN_MEMORY:
            raise UserError(
                f"{where}. They are too many to be held in memory: name another folder with --data.cache_dir"
            ) from error
        _say(f"{where}. They are held in memory this time; --data.cache_dir names another folder")
    key, place = key_of(source, reading), InMemory()
    return place.stored(decoder.decode(place), key)


class _Cache:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources, self.images, self.building = (folder / name for name in ("sources", "images", "building"))

    def get(self, decoder: Decoder) -> Stored:
        """What is kept of a source, else decode and keep it.

        Raises:
            NotKeptError: if the folder does not take it.
        """
        key = key_of(decoder.source, decoder.reading)
        if found := self._find(key, repairs=False):
            return found
        with self._locked(key, decoder.source.path):
            # Another process may have decoded them while this one waited.
            found = self._find(key, repairs=True)
            return found or self._build(key, decoder)

    def _find(self, key: str, repairs: bool) -> Stored | None:
        """Open what is kept of a source; None if there is nothing, or nothing intact, which a repair then removes."""
        try:
            kept = json.loads((self.sources / f"{key}.json").read_text(encoding="utf-8"))
            mark, notes = str(kept["fingerprint"]), tuple(map(str, kept["notes"]))
            skipped = tuple(Skipped(str(name), str(reason), bool(bad)) for name, reason, bad in kept["skipped"])
            dropped = {split: [int(place) for place in places] for split, places in kept["dropped"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if opened := self._open(mark):
            images, labels, names, marks = opened
            return Stored(images, labels, names, skipped, notes, dropped, marks, key)
        if repairs and mark.isalnum() and (self.images / mark).exists():
            _say(f"the decoded images in {self.images / mark} are damaged; decoding anew")
            with _kept():
                shutil.rmtree(self.images / mark)
        return None

    def _open(self, mark: str) -> tuple[Any, Any, tuple[str, ...], dict[Split, str]] | None:
        """Open images by their fingerprint: images, labels, names of the classes, fingerprints by split.

        Returns:
            None if they are not there, or not as they were kept.
        """
        folder = self.images / mark
        try:
            content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
            names, splits = tuple(map(str, content["class_names"])), dict(content["labelled"])
            size = sum(images_path(folder, split).stat().st_size for split in splits)
            images, labels = {}, {}
            for split, is_labelled in splits.items():
                images[split] = on_disk.opened(images_path(folder, split), size <= on_disk.LARGEST_IN_MEMORY)
                labels[split] = _read_labels(folder, split) if is_labelled else None
            marks = _marks(images, labels, names)
            return (images, labels, names, marks) if _mark_of(marks) == mark else None
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, UserError):
            return None

    def _build(self, key: str, decoder: Decoder) -> Stored:
        """Decode a source and keep the images."""
        self._clear_away(key)
        part = self.building / f"{key}-{uuid4().hex[:8]}"
        size = decoder.bytes  # looks the source through
        try:
            with _kept():
                part.mkdir(parents=True)
                if shutil.disk_usage(part).free < size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            place = _Watched(part)
            try:
                known = decoder.decode(place)
            finally:
                with suppress(OSError):
                    place.close()
            with _kept():
                mark = self._keep(part, known)
                write_json(
                    self.sources / f"{key}.json",
                    {
                        "path": str(decoder.source.path),
                        "fingerprint": mark,
                        "notes": known.notes,
                        "skipped": known.skipped,
                        "dropped": known.dropped,
                    },
                )
        finally:
            shutil.rmtree(part, ignore_errors=True)
        found = self._find(key, repairs=False)
        if found is None:
            raise NotKeptError from OSError(errno.EIO, os.strerror(errno.EIO), str(self.images / mark))
        return found

    def _keep(self, part: Path, known: Known) -> str:
        """Complete a folder of images and give it its place; return its name, the fingerprint."""
        for split, numbers in known.labels.items():
            if numbers is not None:
                np.save(_labels_path(part, split), numbers)
        images = {split: on_disk.opened(images_path(part, split), in_memory=False) for split in known.labels}
        mark = _mark_of(_marks(images, known.labels, known.class_names))
        del images  # open files have no other name on some systems
        labelled = {split: numbers is not None for split, numbers in known.labels.items()}
        write_json(part / CONTENT, {"class_names": known.class_names, "labelled": labelled})
        target = self.images / mark
        self.images.mkdir(parents=True, exist_ok=True)
        if target.exists() and not self._open(mark):
            shutil.rmtree(target)
        with suppress(FileExistsError):
            try:
                part.rename(target)
            except OSError as error:  # the same images of another place are there
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not target.exists():
                    raise
        return mark

    @contextmanager
    def _locked(self, key: str, path: Path) -> Iterator[None]:
        """Be the only process that decodes a source."""
        lock = FileLock(self.building / f"{key}.lock")
        with _kept():
            self.building.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=SAID_AFTER)
            except Timeout:
                _say(f"another process is decoding {short_path(path)} for the cache: waiting for its end")
                lock.acquire()
            except NotImplementedError as error:  # a file system without locks
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(self.building)) from error
        try:
            yield
        finally:
            lock.release()

    def _clear_away(self, key: str) -> None:
        """Remove what processes have left that were killed: folders whose lock nobody holds."""
        for folder in self.building.glob("*-*"):
            other = folder.name.partition("-")[0]
            with suppress(OSError, Timeout):
                if other == key:
                    shutil.rmtree(folder)
                    continue
                with FileLock(self.building / f"{other}.lock", timeout=0):
                    shutil.rmtree(folder)


class _Watched(InFiles):
    """Files in the cache: what the system says of them is told from what it says of the source's."""

    def begin(self, *arguments: Any) -> None:
        with _kept():
            super().begin(*arguments)

    def put(self, *arguments: Any) -> None:
        with _kept():
            super().put(*arguments)

    def end(self, *arguments: Any) -> None:
        with _kept():
            super().end(*arguments)


@contextmanager
def _kept() -> Iterator[None]:
    """Tell errors of the cache's folder from all others.

    Raises:
        NotKeptError: for an error of the system.
    """
    try:
        yield
    except OSError as error:
        raise NotKeptError from error


def _say(text: str) -> None:
    if is_first_process():
        remark(text)


def key_of(source: Source, reading: Reading) -> str:
    """A number of everything that decides on the decoded images: files, settings, and the code that reads them."""
    found = hashlib.sha256()
    for module in [*sorted(HERE.glob("*.py")), *(HERE.parent / f"{name}.py" for name in DECODERS)]:
        found.update(module.read_bytes())
    found.update(f"{PIL.__version__} {np.__version__}".encode())
    settings = (reading.size, reading.channels, reading.label_column)
    found.update(repr((source.kind, str(source.path.absolute()), settings)).encode("utf-8", "surrogatepass"))
    for file in source.files:
        try:
            state = file.stat()
            times = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        except OSError:  # it is said when it is read
            times = (0, 0, 0)
        found.update(repr((str(file.absolute()), times)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:DIGITS]


def _marks(images: Mapping[Split, Any], labels: Mapping[Split, Any], names: tuple[str, ...]) -> dict[Split, str]:
    """The fingerprint of each split."""
    none = np.zeros(0, np.int64)
    return {
        split: fingerprint(found, none if labels[split] is None else labels[split], names)
        for split, found in images.items()
    }


def _mark_of(marks: Mapping[Split, str]) -> str:
    """The fingerprint of all splits together."""
    return hashlib.sha256(repr(sorted(marks.items())).encode()).hexdigest()[:DIGITS]


def _labels_path(folder: Path, split: Split) -> Path:
    return folder / f"{split}.labels.npy"


def _read_labels(folder: Path, split: Split) -> torch.Tensor:
    found = np.load(_labels_path(folder, split), allow_pickle=False)
    if found.dtype != np.int64 or found.ndim != 1:
        raise ValueError(f"{_labels_path(folder, split)} does not hold labels")
    return torch.from_numpy(found)
