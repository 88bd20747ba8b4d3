"""Data sets that are downloaded: which files are absent or altered, and obtaining these.

They lie where torchvision puts them, so that what it has downloaded is used. Reading never writes, so the folder may be
read-only.
"""

import hashlib
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock

from mnist_cnn.console import remark
from mnist_cnn.data.base import Dataset, Layout, Split
from mnist_cnn.data.download import CONNECT_SECONDS, download_from_any
from mnist_cnn.data.idx import REPAIR, file_md5
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError

Files = dict[Split, tuple[str, ...]]
Published = dict[str, tuple[list[str], str]]


@dataclass(frozen=True, eq=False)
class DownloadedDataset(Dataset):
    """A data set in files that torchvision knows where to get.

    Attributes:
        source: Name of its class in `torchvision.datasets`.
        files: Names of its files by split, as they are downloaded or packed.
        md5: Published checksums of files; of others it is seen whether they can be read.
        archive: The file that is downloaded and holds all others; empty where each comes by itself.
        lock: Name of the file beside them by which only one process downloads.
    """

    lock: ClassVar[str] = ".download.lock"

    title: str
    source: str
    class_names: tuple[str, ...]
    sizes: dict[Split, int]
    files: Files
    md5: dict[str, str] = field(default_factory=dict)
    image_shape: tuple[int, int, int] = (1, 28, 28)
    layout: Layout = "digit"
    archive: str = ""

    @abstractmethod
    def raw_folder(self, data_dir: Path) -> Path:
        """The folder that holds the files."""

    @abstractmethod
    def published(self) -> Published:
        """URLs and MD5 of each file that can be downloaded, by name, as torchvision lists them."""

    @abstractmethod
    def largest_bytes(self, name: str) -> int:
        """Most bytes that a file of the data set can have: a little more than what is in it."""

    def obtain(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
        """Make sure that the files are there and intact, and download those that are not; see `Dataset.obtain`.

        Files that are there are used without touching the network, also in a folder that cannot be written. Several
        processes that need the same files at once download them once.
        """
        if not any(self._flawed_files(data_dir, splits)):
            return
        folder = self.raw_folder(data_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            start = time.monotonic()
            with FileLock(folder / self.lock):
                # Another process may have fetched them while this one waited for the lock, or have tried in vain.
                absent, altered = self._flawed_files(data_dir, splits)
                if (absent or altered) and time.monotonic() - start > CONNECT_SECONDS:
                    raise self._explained(data_dir, absent, altered, ["another process tried just now"])
                self._fetch(data_dir, absent, altered)
        except OSError as error:
            absent, altered = self._flawed_files(data_dir, splits)
            raise self._explained(data_dir, absent, altered, [f"writing to {folder}: {error}"]) from error

    def absent_files(self, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> list[str]:
        """Names of the files that are not there."""
        folder = self.raw_folder(data_dir)
        return [name for split in splits for name in self.files[split] if not self._existing(folder / name).is_file()]

    def count_files(self) -> int:
        """Number of files in all."""
        return sum(len(names) for names in self.files.values())

    def _existing(self, path: Path) -> Path:
        """The file that is read for one of `files`."""
        return path

    def _check_readable(self, path: Path) -> None:
        """See that a file of which no checksum is published is whole.

        Raises:
            DatasetAlteredError: if it is not.
        """

    def _unpack(self, folder: Path, names: Sequence[str]) -> None:
        """Take the wanted files out of the archive.

        Raises:
            DatasetAlteredError: if it does not hold them.
        """
        raise NotImplementedError

    def _torchvision_class(self) -> Any:
        import torchvision.datasets  # seconds, which a run that has its files should not spend

        return getattr(torchvision.datasets, self.source)

    def _flawed_files(self, data_dir: Path, splits: Sequence[Split]) -> tuple[list[str], dict[str, str]]:
        """List the absent files, and the altered ones with what is wrong with each."""
        absent = self.absent_files(data_dir, splits)
        present = [name for split in splits for name in self.files[split] if name not in absent]
        flaws = {name: self._flaw_of(name, self._existing(self.raw_folder(data_dir) / name)) for name in present}
        return absent, {name: flaw for name, flaw in flaws.items() if flaw}

    def _flaw_of(self, name: str, path: Path) -> str | None:
        """What is wrong with a file that is there, in a sentence with both checksums; None if it is intact."""
        expected = self.md5.get(path.name)
        if expected is None:  # nothing to compare with, but a damaged file shows when it is read
            try:
                self._check_readable(path)
            except DatasetAlteredError as error:
                return str(error)
            return None
        if path.stat().st_size > 2 * self.largest_bytes(name):
            return f"{path} is altered: it has {path.stat().st_size} bytes"
        found = file_md5(path)
        return None if found == expected else f"{path} is altered or truncated: MD5 {expected} expected, {found} found"

    def _fetch(self, data_dir: Path, absent: list[str], altered: dict[str, str]) -> None:
        """Download the given files.

        What comes is the packed file. An unpacked one that was altered stays, but is not read any more beside it. An
        archive that is there already, as torchvision leaves it, is not downloaded again.
        """
        wanted = [*absent, *altered]
        if not wanted:
            return
        folder = self.raw_folder(data_dir)
        published = self.published()
        archive = folder / self.archive
        has_archive = bool(self.archive) and archive.is_file() and file_md5(archive) == published[self.archive][1]
        for flaw in altered.values():
            remark(f"{flaw}; fetching it again")
        if not has_archive:
            for file in [self.archive] if self.archive else wanted:
                urls, md5 = published[file]
                tried = download_from_any(urls, folder / file, md5, self.largest_bytes(file))
                if len(tried) == len(urls):
                    raise self._explained(data_dir, absent, altered, tried)
        if self.archive:
            self._unpack(folder, wanted)
            if not has_archive:
                archive.unlink()

    def _explained(
        self, data_dir: Path, absent: list[str], altered: dict[str, str], tried: list[str]
    ) -> DatasetAbsentError | DatasetAlteredError:
        """Say what is missing or damaged, what was tried and what to do."""
        folder = self.raw_folder(data_dir)
        files = ", ".join([*absent, *altered])
        attempts = "; ".join(tried)
        below = folder.relative_to(data_dir)
        place = "them" if below == Path() else f"{below.as_posix()}/"
        remedy = (
            f"put {files} into {folder}, or name a folder that has {place} with --data.data_dir or the "
            f"environment variable MNIST_CNN_DATA, or train on generated digits with --data.dataset synthetic"
        )
        if altered:
            return DatasetAlteredError(
                f"{'; '.join(altered.values())}. Could not be fetched ({attempts}).\nWay out: {remedy}"
            )
        where = f"{self.title} is not in {folder} and could not be downloaded ({attempts})"
        return DatasetAbsentError(f"{where}.\nWay out: {remedy}")


@dataclass(frozen=True, eq=False)
class CheckedDataset(DownloadedDataset):
    """A data set in files each of which has a published checksum; they lie in the data folder itself."""

    @property
    def lock(self) -> str:  # type: ignore[override]
        """The file's name: other data sets lie beside it."""
        return f".download.{self.source.lower()}.lock"

    def raw_folder(self, data_dir: Path) -> Path:
        """The data folder."""
        return data_dir

    def published(self) -> Published:
        """URL and MD5 of each file, as torchvision lists them where each comes by itself."""
        listed = self._torchvision_class().split_list
        return {name: ([url], md5) for url, name, md5 in listed.values()}

    def _checked_content(self, data_dir: Path, name: str) -> bytes:
        """All bytes of a file, which are those that were published.

        Raises:
            DatasetAbsentError: if the file is not there.
            DatasetAlteredError: if it holds anything else.
        """
        path = self.raw_folder(data_dir) / name
        if not path.is_file():
            raise DatasetAbsentError(f"{self.title}: {name} not found in {self.raw_folder(data_dir)}")
        if path.stat().st_size <= self.largest_bytes(name):
            content = path.read_bytes()
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == self.md5[path.name]:
                return content
        raise DatasetAlteredError(f"{path} is not what was published, by its MD5, and is not read; {REPAIR}")
