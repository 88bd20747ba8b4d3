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
