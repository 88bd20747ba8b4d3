"""Downloading a file: one mirror after the other, checked, within bounds of size and time, and with a progress bar."""

import http.client
import queue
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mnist_cnn.console import printable
from mnist_cnn.data.idx import file_md5
from mnist_cnn.files import written_whole

# An unreachable network should be reported soon: two mirrors are tried within ten seconds. A connection that is up may
# pause for longer before it is given up, and must bring so much on the average, or it might go on for ever.
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 20.0
LOWEST_RATE = 10_000  # bytes a second, over as long as a pause may be
BLOCK_BYTES = 1 << 18
LONGEST_REASON = 200  # characters of what a server has to say


class MirrorError(Exception):
    """A mirror does not give the file; the text says why, in one line."""


def download_from_any(urls: Sequence[str], path: Path, md5: str, largest: int) -> list[str]:
    """Download a file from the first mirror that gives it intact.

    Args:
        urls: The mirrors' addresses of the file.
        path: Where to; the file appears under its name only when it is whole.
        md5: Its checksum.
        largest: Most bytes that it can have.

    Returns:
        What was tried in vain; if that is all of `urls`, the file is not there.

    Raises:
        OSError: if the file cannot be written.
    """
    tried: list[str] = []
    for url in urls:
        try:
            download(url, path, md5, largest)
            break
        except MirrorError as error:
            tried.append(f"{url}: {error}")
    return tried


def download(url: str, path: Path, md5: str, largest: int) -> None:
    """Download `url` to `path`, with a progress bar; see `download_from_any`.

    Raises:
        MirrorError: if the network fails, falls silent or gives another file.
        OSError: if the file cannot be written.
    """
    with written_whole(path) as part:
        with _response(url) as response, part.open("wb") as file:
            size = _announced_size(response, largest)
            with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, file=sys.stderr) as bar:
                for block in _blocks(response, largest):
                    file.write(block)
                    bar.update(len(block))
        if (found := file_md5(part)) != md5:
            raise MirrorError(f"MD5 {md5} expected, {found} received")


def _announced_size(response: Any, largest: int) -> int | None:
    """How many bytes a response says that it has; None if it says nothing that makes sense."""
    announced = str(response.headers.get("Content-Length") or "").strip()
    size = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else None
    if size is not None and size > largest:
        raise MirrorError(f"it announces {size} bytes, but the file has at most {largest}")
    return size


def _blocks(response: Any, largest: int) -> Iterator[bytes]:
    """What a response gives, while it comes fast enough and is not too much."""
    received, before, since = 0, 0, time.monotonic()
    while block := _explained(lambda: response.read1(BLOCK_BYTES)):
        received += len(block)
        if received > largest:
            raise MirrorError(f"it does not end after {received} bytes, but the file has at most {largest}")
        yield block
        if (passed := time.monotonic() - since) > PAUSE_SECONDS:
            if received - before < LOWEST_RATE * passed:
                rate = (received - before) / passed
                raise MirrorError(f"it is too slow: {rate:.0f} bytes a second, {received} bytes in all")
            before, since = received, time.monotonic()


@contextmanager
def _response(url: str) -> Iterator[Any]:
    """Open a URL within the time-out, and close it.

    A thread of its own, as the time-out of a socket does not cover the look-up of the host's name, which can hang for
    minutes without a network.
    """
    answer: queue.Queue[Any] = queue.Queue()

    def connect() -> None:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "mnist-cnn"})
            answer.put(urllib.request.urlopen(request, timeout=PAUSE_SECONDS))
        except Exception as error:  # handed over to the waiting thread
            answer.put(error)

    def answered() -> Any:
        threading.Thread(target=connect, daemon=True).start()
        try:
            result = answer.get(timeout=CONNECT_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds") from None
        if isinstance(result, Exception):
            raise result
        return result

    with _explained(answered) as response:
        yield response


def _explained(step: Any) -> Any:
    """Do a step of a transfer; whatever a server's answer makes the libraries raise is a `MirrorError`."""
    try:
        return step()
    except (OSError, http.client.HTTPException, ValueError, EOFError, LookupError) as error:
        reason = printable(" ".join(str(getattr(error, "reason", None) or error).split()))
        raise MirrorError(reason[:LONGEST_REASON] or type(error).__name__) from error
