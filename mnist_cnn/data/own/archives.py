"""Archives of pictures: .zip, and .tar in its compressions."""

import re
from pathlib import Path

from mnist_cnn.console import printable
from mnist_cnn.data.own.packed import WAY_OUT
from mnist_cnn.data.own.source import Source
from mnist_cnn.data.own.tars import TarredPictures
from mnist_cnn.data.own.zips import ZippedPictures
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

ENDINGS = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
OTHER_ENDINGS = re.compile(r"\.(rar|7z|tar\.(zst|z|lz|lzma)|tzst)$", re.IGNORECASE)


def recognise(path: Path, reading: Reading) -> Source | None:
    """The archive as a source.

    Raises:
        UserError: for one of a kind that is not read.
    """
    if not path.is_file():
        return None
    if OTHER_ENDINGS.search(path.name):
        raise UserError(
            f"{printable(path)}: archives of this kind are not read, but .zip, .tar, .tar.gz and the like: {WAY_OUT}"
        )
    if not ENDINGS.search(path.name):
        return None
    with path.open("rb") as file:
        start = file.read(2)
    return ZippedPictures(path) if start == b"PK" else TarredPictures(path)
