"""The IDX format of MNIST's makers: arrays of bytes or 32-bit integers, packed with gzip or not."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import DatasetAlteredError

if TYPE_CHECKING:
    from torch import Tensor


def read_idx(path: Path) -> "Tensor":
    """Read an array of any number of dimensions.

    Raises:
        DatasetAlteredError: if the file is damaged or is no such file.
    """
    import torch

    repair = "delete it, so that it is downloaded again, or replace it"
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetAlteredError(f"{path} cannot be read ({error}); {repair}") from error
    # Two zero bytes, the element type, the number of dimensions; then each dimension as a big-endian integer.
    types: dict[int, np.dtype[Any]] = {0x08: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in types:
        raise DatasetAlteredError(f"{path} is no IDX file of bytes or integers; {repair}")
    dtype, dimensions = types[content[2]], content[3]
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise DatasetAlteredError(f"{path} is truncated: {expected} bytes expected, {len(content)} found; {repair}")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return torch.from_numpy(array.astype(dtype.newbyteorder("=")))


def file_md5(path: Path) -> str:
    """MD5 of a file, in hexadecimal."""
    with path.open("rb") as file:
        if hasattr(hashlib, "file_digest"):
            return hashlib.file_digest(file, "md5").hexdigest()
        return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
