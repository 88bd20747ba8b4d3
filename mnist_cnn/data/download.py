"""Fetching the files of a data set from the mirrors that torchvision lists, checked against the checksums it lists."""

import http.client
import os
import queue
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock
from tqdm import tqdm

from mnist_cnn.data.datasets import (
    Dataset,
    Split,
    absent_files,
    altered_file,
    file_md5,
    find_dataset,
    raw_folder,
)
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError

# An unreachable network should be reported soon: two mirrors are tried within ten seconds. A connection that is up may
# pause for longer before it is given up.
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 20.0
BLOCK_BYTES = 1 << 18


def obtain(name: str, data_dir: Path, splits: Sequence[Split] = ("train", "test")) -> None:
    """Make sure that the files of a data set are there and intact, and download those that are not.

    Files that are there are used without touching the network, also in a folder that cannot be written. Several
    processes that need the same files at once download them once.

    Args:
        name: Name of the data set.
        data_dir: The folder that holds the data sets' folders; made if need be.
        splits: The splits whose files are needed.

    Raises:
        DatasetAbsentError: if files are missing and cannot be had.
        DatasetAlteredError: if a file is damaged and cannot be replaced.
    """
    dataset = find_dataset(name)
    if not any(_flawed_files(dataset, data_dir, splits)):
        return
    folder = raw_folder(dataset, data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        with FileLock(folder / ".download.lock"):
            # Another process may have fetched them while this one waited for the lock, or have tried in vain.
            absent, altered = _flawed_files(dataset, data_dir, splits)
            if (absent or altered) and time.monotonic() - start > CONNECT_SECONDS:
                tried = ["another process tried just now"]
                raise _explained(dataset, name, data_dir, absent, altered, tried)
            _fetch(dataset, name, data_dir, absent, altered)
    except OSError as error:
        absent, altered = _flawed_files(dataset, data_dir, splits)
        raise _explained(dataset, name, data_dir, absent, altered, [f"writing to {folder}: {error}"]) from error


def _flawed_files(dataset: Dataset, data_dir: Path, splits: Sequence[Split]) -> tuple[list[str], dict[str, str]]:
    """List the absent files, and the altered ones with what is wrong with each."""
    absent = [name for split in splits for name in absent_files(dataset, data_dir, split)]
    present = [name for split in splits for name in dataset.files.get(split, ()) if name not in absent]
    if not present:
        return absent, {}
    checksums = {name: md5 for name, (_, md5) in _published(dataset).items()}
    flaws = {name: altered_file(dataset, data_dir, name, checksums.get(name)) for name in present}
    return absent, {name: flaw for name, flaw in flaws.items() if flaw}


def _published(dataset: Dataset) -> dict[str, tuple[list[str], str]]:
    """URLs and MD5 of each packed file, as torchvision lists them; for EMNIST, of the one archive that holds all."""
    from torchvision.datasets import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST

    if dataset.folder == "EMNIST":
        return {"gzip.zip": ([EMNIST.url], EMNIST.md5)}
    if dataset.folder == "QMNIST":
        listed = [*QMNIST.resources["train"], *QMNIST.resources["test"]]
        return {url.rpartition("/")[2]: ([url], md5) for url, md5 in listed}
    source: Any = {"MNIST": MNIST, "FashionMNIST": FashionMNIST, "KMNIST": KMNIST}[dataset.folder]
    return {name: ([mirror + name for mirror in source.mirrors], md5) for name, md5 in source.resources}


def _fetch(dataset: Dataset, name: str, data_dir: Path, absent: list[str], altered: dict[str, str]) -> None:
    """Download the given files, each from the first mirror that gives it intact.

    What comes is the packed file. An unpacked one that was altered stays, but is not read any more beside it.
    """
    folder = raw_folder(dataset, data_dir)
    for flaw in altered.values():
        print(f"{flaw}; fetching it again", file=sys.stderr)
    wanted = [*absent, *altered]
    published = _published(dataset)
    for file in ["gzip.zip"] if wanted and "gzip.zip" in published else wanted:
        urls, md5 = published[file]
        tried: list[str] = []
        for url in urls:
            try:
                _download(url, folder / file, md5)
                break
            except (OSError, http.client.HTTPException, DatasetAlteredError) as error:
                tried.append(f"{url}: {getattr(error, 'reason', None) or error}")
        else:
            raise _explained(dataset, name, data_dir, absent, altered, tried)
        if file == "gzip.zip":
            _unpack_emnist(folder / file, folder, wanted)


def _unpack_emnist(archive: Path, folder: Path, names: list[str]) -> None:
    """Take the wanted files out of EMNIST's archive of 560 MB and delete it."""
    with zipfile.ZipFile(archive) as packed:
        for name in names:
            part = folder / f"{name}.part"
            part.write_bytes(packed.read(f"gzip/{name}"))
            part.replace(folder / name)
    archive.unlink()


def _download(url: str, path: Path, md5: str) -> None:
    """Download `url` to `path`, with a progress bar; the file appears under its name only when it is whole.

    Raises:
        OSError: if the network fails or falls silent.
        DatasetAlteredError: if what came has another checksum.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with _open(url) as response, part.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, file=sys.stderr) as bar:
                while block := response.read(BLOCK_BYTES):
                    file.write(block)
                    bar.update(len(block))
        if (found := file_md5(part)) != md5:
            raise DatasetAlteredError(f"MD5 {md5} expected, {found} received")
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _open(url: str) -> Any:
    """Open a URL within the time-out.

    A thread of its own, as the time-out of a socket does not cover the look-up of the host's name, which can hang for
    minutes without a network.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "mnist-cnn"})
    answer: queue.Queue[Any] = queue.Queue()

    def connect() -> None:
        try:
            answer.put(urllib.request.urlopen(request, timeout=PAUSE_SECONDS))
        except Exception as error:  # handed over to the waiting thread
            answer.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        result = answer.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds") from None
    if isinstance(result, Exception):
        raise result
    return result


def _explained(
    dataset: Dataset, name: str, data_dir: Path, absent: list[str], altered: dict[str, str], tried: list[str]
) -> DatasetAbsentError | DatasetAlteredError:
    """Say what is missing or damaged, what was tried and what to do."""
    folder = raw_folder(dataset, data_dir)
    files = ", ".join([*absent, *altered])
    attempts = "; ".join(tried)
    remedy = (
        f"put {files} into {folder}, or name a folder that has {dataset.folder}/raw/ with --data.data_dir or the "
        f"environment variable MNIST_CNN_DATA, or train on generated digits with --data.dataset synthetic"
    )
    if altered:
        return DatasetAlteredError(
            f"{'; '.join(altered.values())}. Could not be fetched ({attempts}).\nWay out: {remedy}"
        )
    where = f"{dataset.title} is not in {folder} and could not be downloaded ({attempts})"
    return DatasetAbsentError(f"{where}.\nWay out: {remedy}")
