import http.server
import os
import shutil
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.data import download
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError
from tests.support.commands import ROOT
from tests.support.datasets import MirroredDataset, checksums, mirrored, published_dataset, write_dataset


class Mirror:
    """A web server on this machine that holds the files of a data set and counts what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, Counter[str]()
        mirror = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                mirror.asked[self.path.lstrip("/")] += 1
                super().do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    write_dataset(tmp_path / "source")
    mirror = Mirror(tmp_path / "source" / "MNIST" / "raw")
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


@pytest.fixture
def dataset(mirror: Mirror) -> MirroredDataset:
    """MNIST, with the mirror's files instead of the published ones."""
    return mirrored({name: ([mirror.url + name], md5) for name, md5 in checksums(mirror.folder).items()})


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "qmnist"])
def test_knows_the_files_of_each_data_set_as_torchvision_lists_them(name: str) -> None:
    dataset = published_dataset(name)
    listed = dataset.published()
    for files in dataset.files.values():
        for file in files:
            urls, md5 = listed[file]
            assert all(url.endswith(file) for url in urls)
            assert dataset.md5[file] == md5


def test_there_is_a_second_mirror_for_mnist_and_one_archive_for_emnist() -> None:
    assert len(published_dataset("mnist").published()["train-images-idx3-ubyte.gz"][0]) == 2
    assert list(published_dataset("emnist_digits").published()) == ["gzip.zip"]


def test_downloads_what_is_missing_and_nothing_twice(tmp_path: Path, mirror: Mirror, dataset: MirroredDataset) -> None:
    for _ in range(2):
        dataset.obtain(tmp_path / "data")
    assert torch.equal(dataset.read(tmp_path / "data", "test")[0], synthetic_digits(range(100), split="test")[0])
    assert mirror.asked == Counter(list(dataset.listed))
    left = {path.name for path in (tmp_path / "data" / "MNIST" / "raw").iterdir()}
    assert left == {*dataset.listed, ".download.lock"}


def test_files_that_are_there_need_no_network(tmp_path: Path, mirror: Mirror, dataset: MirroredDataset) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    before = checksums(tmp_path / "data" / "MNIST" / "raw")
    dataset.obtain(tmp_path / "data")
    assert not mirror.asked
    assert checksums(tmp_path / "data" / "MNIST" / "raw") == before, "nothing is written beside them either"


def test_only_the_split_that_is_needed_is_fetched(tmp_path: Path, mirror: Mirror, dataset: MirroredDataset) -> None:
    dataset.obtain(tmp_path / "data", ["test"])
    assert set(mirror.asked) == set(dataset.files["test"])


def test_an_altered_file_is_named_and_fetched_again(
    tmp_path: Path, mirror: Mirror, dataset: MirroredDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    name = "train-labels-idx1-ubyte.gz"
    damaged = tmp_path / "data" / "MNIST" / "raw" / name
    damaged.write_bytes(damaged.read_bytes()[:-100])
    found = checksums(damaged.parent)[name]
    dataset.obtain(tmp_path / "data")
    message = capsys.readouterr().err
    assert f"{damaged} is altered or truncated: MD5 {dataset.listed[name][1]} expected, {found} found" in message
    assert mirror.asked == Counter([name])
    assert checksums(damaged.parent)[name] == dataset.listed[name][1]


def test_an_altered_file_that_cannot_be_replaced_is_an_error_with_both_checksums(
    tmp_path: Path, dataset: MirroredDataset
) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    name = "train-labels-idx1-ubyte.gz"
    damaged = tmp_path / "data" / "MNIST" / "raw" / name
    damaged.write_bytes(b"other")
    dataset.listed[name][0][:] = ["http://127.0.0.1:9/none"]
    with pytest.raises(DatasetAlteredError) as caught:
        dataset.obtain(tmp_path / "data")
    for part in (str(damaged), dataset.listed[name][1], checksums(damaged.parent)[name], "127.0.0.1:9", "Way out"):
        assert part in str(caught.value)
    assert damaged.read_bytes() == b"other", "nothing is lost"


def test_an_altered_unpacked_file_is_found_by_its_checksum(tmp_path: Path, dataset: MirroredDataset) -> None:
    write_dataset(tmp_path / "data", packed=False)
    dataset.listed["train-images-idx3-ubyte.gz"][0][:] = ["http://127.0.0.1:9/none"]
    with pytest.raises(DatasetAlteredError, match="6bbc9ace898e44ae57da46a324031adb expected"):
        dataset.obtain(tmp_path / "data")


def test_the_second_mirror_is_used_when_the_first_fails(
    tmp_path: Path, mirror: Mirror, dataset: MirroredDataset
) -> None:
    for urls, _ in dataset.listed.values():
        urls.insert(0, "http://127.0.0.1:9/none")  # nothing listens there
    dataset.obtain(tmp_path / "data")
    assert mirror.asked == Counter(list(dataset.listed))


def test_a_mirror_that_gives_another_file_is_passed_over(
    tmp_path: Path, mirror: Mirror, dataset: MirroredDataset
) -> None:
    urls, _ = dataset.listed["t10k-labels-idx1-ubyte.gz"]
    urls.insert(0, mirror.url + "train-labels-idx1-ubyte.gz")
    dataset.obtain(tmp_path / "data", ["test"])
    assert len(dataset.read(tmp_path / "data", "test")[1]) == 100


def test_without_network_the_error_says_what_was_tried_and_what_to_do(tmp_path: Path, dataset: MirroredDataset) -> None:
    for urls, _ in dataset.listed.values():
        urls[:] = ["http://127.0.0.1:9/first", "http://127.0.0.1:9/second"]
    with pytest.raises(DatasetAbsentError) as caught:
        dataset.obtain(tmp_path / "data")
    message = str(caught.value)
    for part in ("first", "second", "--data.data_dir", "MNIST_CNN_DATA", "--data.dataset synthetic", "MNIST/raw"):
        assert part in message


def test_a_mirror_that_never_answers_is_given_up(
    tmp_path: Path, dataset: MirroredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *args, **kwargs: never.wait())
    with pytest.raises(DatasetAbsentError, match="no answer within"):
        dataset.obtain(tmp_path / "data")
    never.set()


# What a server may answer instead of the file: the bytes of it, and a word of what is said of it.
ODD_ANSWERS = {
    "announces too much": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "announces 99999999999 bytes"),
    "no number of bytes": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx", "MD5"),
    "a negative number": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx", "MD5"),
    "an enormous number": (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx", "MD5"),
    "less than announced": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "MD5"),
    "nothing": (b"", "closed connection"),
    "no HTTP": (b"220 ready\r\n", "220 ready"),
    "no end of a header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "line"),
    "very many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200, "headers"),
    "a broken chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
    "a chunk of -1": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", ""),
    "a local file": (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "not allowed"),
    "itself again": (b"HTTP/1.1 302 Found\r\nLocation: /itself%20again\r\n\r\n", "redirect"),
    "no host": (b"HTTP/1.1 302 Found\r\nLocation: http://a..b/\r\n\r\n", ""),
    "no port": (b"HTTP/1.1 302 Found\r\nLocation: http://localhost:port/\r\n\r\n", "port"),
    "a bracket": (b"HTTP/1.1 302 Found\r\nLocation: http://[1/\r\n\r\n", ""),
    "what terminals obey": (b"HTTP/1.1 404 \x1b[31mred\r\n\r\n", r"\x1b[31mred"),
}


@pytest.fixture(scope="module")
def odd_server() -> Iterator[str]:
    """A web server that gives the answer of its address's name, or drips or streams without an end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            name = urllib.parse.unquote(self.rfile.readline().split()[1].decode()).strip("/")
            while self.rfile.readline().strip():
                pass
            with suppress(OSError):
                if name in ODD_ANSWERS:
                    self.wfile.write(ODD_ANSWERS[name][0])
                    return
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    self.wfile.write(bytes(1 if name == "dripping" else 100_000))
                    time.sleep(0.002 if name == "dripping" else 0)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize("name", list(ODD_ANSWERS))
def test_whatever_a_mirror_answers_the_next_one_is_tried(name: str, odd_server: str, tmp_path: Path) -> None:
    urls = [odd_server + urllib.parse.quote(name), "http://127.0.0.1:9/none"]
    tried = download.download_from_any(urls, tmp_path / "file", "no checksum", 1000)
    assert len(tried) == 2
    assert ODD_ANSWERS[name][1] in tried[0]
    assert tried[0].isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_without_an_end_is_cut_off_at_what_the_file_can_have(odd_server: str, tmp_path: Path) -> None:
    (tried,) = download.download_from_any([odd_server + "endless"], tmp_path / "file", "", 1_000_000)
    assert "does not end" in tried
    assert list(tmp_path.iterdir()) == []


def test_a_dripping_mirror_is_given_up(odd_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = download.urllib.request.urlopen
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda request, timeout: connect(request, timeout=60))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.02)
    (tried,) = download.download_from_any([odd_server + "dripping"], tmp_path / "file", "", 1_000_000)
    assert "too slow" in tried


@pytest.mark.parametrize(("name", "largest"), [("mnist", 50_000_000), ("qmnist", 50_000_000)])
def test_how_large_a_file_can_be_is_told_from_what_is_in_it(name: str, largest: int) -> None:
    dataset = published_dataset(name)
    images, labels = dataset.files["train"]
    assert 47_040_000 < dataset.largest_bytes(images) < largest
    assert 60_000 < dataset.largest_bytes(labels) < 3_000_000
    assert published_dataset("emnist_digits").largest_bytes("gzip.zip") > 561_753_746


def test_a_file_that_cannot_be_written_is_no_fault_of_a_mirror(
    tmp_path: Path, dataset: MirroredDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(response: Any, largest: int) -> Iterator[bytes]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_blocks", full)
    with pytest.raises(DatasetAbsentError, match=r"writing to .*No space left"):
        dataset.obtain(tmp_path / "data")


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path, dataset: MirroredDataset) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(DatasetAbsentError, match=r"writing to .*data"):
        dataset.obtain(tmp_path / "data")


@pytest.mark.slow
def test_several_processes_on_an_empty_folder_download_once(
    tmp_path: Path, mirror: Mirror, dataset: MirroredDataset
) -> None:
    program = (
        "import pathlib\n"
        "from tests.support.datasets import mirrored\n"
        f"mirrored({dataset.listed!r}).obtain(pathlib.Path({str(tmp_path / 'data')!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert mirror.asked == Counter(list(dataset.listed))


def test_synthetic_digits_need_nothing(tmp_path: Path) -> None:
    find_dataset("synthetic").obtain(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_emnist_comes_out_of_its_archive(tmp_path: Path) -> None:
    write_dataset(tmp_path / "source", "emnist_digits")
    packed = tmp_path / "source" / "pack"
    shutil.copytree(tmp_path / "source" / "EMNIST" / "raw", packed / "gzip")
    archive = Path(shutil.make_archive(str(tmp_path / "source" / "served" / "gzip"), "zip", packed))
    mirror = Mirror(archive.parent)
    listed = {"gzip.zip": ([mirror.url + "gzip.zip"], checksums(archive.parent)["gzip.zip"])}
    dataset = mirrored(listed, "emnist_digits")
    dataset.obtain(tmp_path / "data")
    assert len(dataset.read(tmp_path / "data", "train")[0]) == 300
    assert not (tmp_path / "data" / "EMNIST" / "raw" / "gzip.zip").exists()
    mirror.server.shutdown()
    mirror.server.server_close()
