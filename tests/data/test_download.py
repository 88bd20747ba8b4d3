import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_cnn.data import download
from mnist_cnn.data.datasets import DATASETS, Dataset, read_dataset
from mnist_cnn.data.download import obtain
from mnist_cnn.data.synthetic import synthetic_digits
from mnist_cnn.errors import DatasetAbsentError, DatasetAlteredError
from tests.conftest import ROOT
from tests.data.idx import checksums, write_dataset

Published = dict[str, tuple[list[str], str]]


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
def published(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Published:
    """What torchvision would list; tests may put other mirrors in."""
    listed = {name: ([mirror.url + name], md5) for name, md5 in checksums(mirror.folder).items()}
    monkeypatch.setattr(download, "_published", lambda dataset: listed)
    return listed


def test_lists_the_files_of_every_data_set_from_torchvision() -> None:
    for name, dataset in DATASETS.items():
        if name in ("synthetic", "emnist_digits"):
            continue
        listed = download._published(dataset)
        for files in dataset.files.values():
            for file in files:
                urls, md5 = listed[file]
                assert all(url.endswith(file) for url in urls)
                assert len(md5) == 32
    assert len(download._published(DATASETS["mnist"])["train-images-idx3-ubyte.gz"][0]) == 2, "a second mirror"
    assert list(download._published(DATASETS["emnist_digits"])) == ["gzip.zip"]


def test_downloads_what_is_missing_and_nothing_twice(tmp_path: Path, mirror: Mirror, published: Published) -> None:
    for _ in range(2):
        obtain("mnist", tmp_path / "data")
    assert torch.equal(
        read_dataset("mnist", tmp_path / "data", "test")[0], synthetic_digits(range(100), split="test")[0]
    )
    assert mirror.asked == Counter(list(published))
    left = {path.name for path in (tmp_path / "data" / "MNIST" / "raw").iterdir()}
    assert left == {*published, ".download.lock"}


def test_files_that_are_there_need_no_network(tmp_path: Path, mirror: Mirror, published: Published) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    before = checksums(tmp_path / "data" / "MNIST" / "raw")
    obtain("mnist", tmp_path / "data")
    assert not mirror.asked
    assert checksums(tmp_path / "data" / "MNIST" / "raw") == before, "nothing is written beside them either"


def test_only_the_split_that_is_needed_is_fetched(tmp_path: Path, mirror: Mirror, published: Published) -> None:
    obtain("mnist", tmp_path / "data", ["test"])
    assert set(mirror.asked) == set(DATASETS["mnist"].files["test"])


def test_an_altered_file_is_named_and_fetched_again(
    tmp_path: Path, mirror: Mirror, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    name = "train-labels-idx1-ubyte.gz"
    damaged = tmp_path / "data" / "MNIST" / "raw" / name
    damaged.write_bytes(damaged.read_bytes()[:-100])
    found = checksums(damaged.parent)[name]
    obtain("mnist", tmp_path / "data")
    message = capsys.readouterr().err
    assert f"{damaged} is altered or truncated: MD5 {published[name][1]} expected, {found} found" in message
    assert mirror.asked == Counter([name])
    assert checksums(damaged.parent)[name] == published[name][1]


def test_an_altered_file_that_cannot_be_replaced_is_an_error_with_both_checksums(
    tmp_path: Path, published: Published
) -> None:
    shutil.copytree(tmp_path / "source", tmp_path / "data")
    name = "train-labels-idx1-ubyte.gz"
    damaged = tmp_path / "data" / "MNIST" / "raw" / name
    damaged.write_bytes(b"other")
    published[name][0][:] = ["http://127.0.0.1:9/none"]
    with pytest.raises(DatasetAlteredError) as caught:
        obtain("mnist", tmp_path / "data")
    for part in (str(damaged), published[name][1], checksums(damaged.parent)[name], "127.0.0.1:9", "Way out"):
        assert part in str(caught.value)
    assert damaged.read_bytes() == b"other", "nothing is lost"


def test_an_altered_unpacked_file_is_found_by_its_checksum(tmp_path: Path, published: Published) -> None:
    write_dataset(tmp_path / "data", packed=False)
    published["train-images-idx3-ubyte.gz"][0][:] = ["http://127.0.0.1:9/none"]
    with pytest.raises(DatasetAlteredError, match="6bbc9ace898e44ae57da46a324031adb expected"):
        obtain("mnist", tmp_path / "data")


def test_the_second_mirror_is_used_when_the_first_fails(tmp_path: Path, mirror: Mirror, published: Published) -> None:
    for urls, _ in published.values():
        urls.insert(0, "http://127.0.0.1:9/none")  # nothing listens there
    obtain("mnist", tmp_path / "data")
    assert mirror.asked == Counter(list(published))


def test_a_mirror_that_gives_another_file_is_passed_over(tmp_path: Path, mirror: Mirror, published: Published) -> None:
    urls, _ = published["t10k-labels-idx1-ubyte.gz"]
    urls.insert(0, mirror.url + "train-labels-idx1-ubyte.gz")
    obtain("mnist", tmp_path / "data", ["test"])
    assert len(read_dataset("mnist", tmp_path / "data", "test")[1]) == 100


def test_without_network_the_error_says_what_was_tried_and_what_to_do(tmp_path: Path, published: Published) -> None:
    for urls, _ in published.values():
        urls[:] = ["http://127.0.0.1:9/first", "http://127.0.0.1:9/second"]
    with pytest.raises(DatasetAbsentError) as caught:
        obtain("mnist", tmp_path / "data")
    message = str(caught.value)
    for part in ("first", "second", "--data.data_dir", "MNIST_CNN_DATA", "--data.dataset synthetic", "MNIST/raw"):
        assert part in message


def test_a_mirror_that_never_answers_is_given_up(
    tmp_path: Path, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.05)
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *args, **kwargs: never.wait())
    with pytest.raises(DatasetAbsentError, match="no answer within"):
        obtain("mnist", tmp_path / "data")
    never.set()


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path, published: Published) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(DatasetAbsentError, match=r"writing to .*data"):
        obtain("mnist", tmp_path / "data")


def test_several_processes_on_an_empty_folder_download_once(
    tmp_path: Path, mirror: Mirror, published: Published
) -> None:
    program = (
        "import sys, pathlib\n"
        "from mnist_cnn.data import download\n"
        f"download._published = lambda dataset: {published!r}\n"
        f"download.obtain('mnist', pathlib.Path({str(tmp_path / 'data')!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert mirror.asked == Counter(list(published))


def test_synthetic_digits_need_nothing(tmp_path: Path) -> None:
    obtain("synthetic", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_emnist_comes_out_of_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "source", "emnist_digits")
    packed = tmp_path / "source" / "pack"
    shutil.copytree(tmp_path / "source" / "EMNIST" / "raw", packed / "gzip")
    archive = Path(shutil.make_archive(str(tmp_path / "source" / "served" / "gzip"), "zip", packed))
    mirror = Mirror(archive.parent)
    listed = {"gzip.zip": ([mirror.url + "gzip.zip"], checksums(archive.parent)["gzip.zip"])}

    def published(dataset: Dataset) -> Published:
        return listed

    monkeypatch.setattr(download, "_published", published)
    obtain("emnist_digits", tmp_path / "data")
    assert len(read_dataset("emnist_digits", tmp_path / "data", "train")[0]) == 300
    assert not (tmp_path / "data" / "EMNIST" / "raw" / "gzip.zip").exists()
    mirror.server.shutdown()
    mirror.server.server_close()
