"""Downloading a file: one mirror after the other, checked, with a time-out and a progress bar."""

import http.client
import queue
import sys
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mnist_cnn.data.idx import file_md5
from mnist_cnn.errors import DatasetAlteredError
from mnist_cnn.files import written_whole

# An unreachable network should be reported soon: two mirrors are tried within ten seconds. A connection that is up may
# pause for longer before it is given up.
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 20.0
BLOCK_BYTES = 1 << 18


def download_from_any(urls: Sequence[str], path: Path, md5: str) -> list[str]:
    """Download a file from the first mirror that gives it intact.

    Returns:
        What was tried in vain; if that is all of `urls`, the file is not there.
    """
    tried: list[str] = []
    for url in urls:
        try:
            download(url, path, md5)
            break
        except (OSError, http.client.HTTPException, DatasetAlteredError) as error:
            tried.append(f"{url}: {getattr(error, 'reason', None) or error}")
    return tried


def download(url: str, path: Path, md5: str) -> None:
    """Download `url` to `path`, with a progress bar; the file appears under its name only when it is whole.

    Raises:
        OSError: if the network fails or falls silent.
        DatasetAlteredError: if what came has another checksum.
    """
    with written_whole(path) as part:
        with _open(url) as response, part.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, file=sys.stderr) as bar:
                while block := response.read(BLOCK_BYTES):
                    file.write(block)
                    bar.update(len(block))
        if (found := file_md5(part)) != md5:
            raise DatasetAlteredError(f"MD5 {md5} expected, {found} received")


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
