"""MATLAB's files, as SVHN and EMNIST are published in, through SciPy."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_cnn.console import printable
from mnist_cnn.data.own.matlab_headers import check_promises
from mnist_cnn.data.own.stored import Stored
from mnist_cnn.errors import UserError

HDF5 = b"\x89HDF\r\n\x1a\n"
MOST_UNPACKED = 4 << 30  # bytes of all variables: SciPy reads them whole
MOST_CLASSES = 10_000
DEEPEST = 4  # structures in structures


def open_mat(path: Path, where: str) -> dict[str, Stored]:
    """The arrays of a MATLAB file by name, those of structures as "dataset.train.images".

    Rows of square images lie column by column, as MATLAB reshapes them, and are turned upright.

    Args:
        path: The file.
        where: What to call it in messages.

    Raises:
        UserError: if it is damaged, of version 7.3, or too large.
    """
    _check(path, where)
    from scipy.io import loadmat

    try:
        variables = loadmat(path, mat_dtype=False, struct_as_record=True)
    except Exception as error:  # whatever damaged data raise in it
        words = printable(" ".join(str(error).split()))[:100] or type(error).__name__
        raise UserError(f"{where} cannot be read: it is damaged, or no MATLAB file ({words})") from error
    found: dict[str, NDArray[Any]] = {}
    for name, value in variables.items():
        if not name.startswith("__"):
            _flatten(name, value, found)
    arrays = {name: _upright(array) for name, array in found.items()}
    for name in [name for name in arrays if name.rpartition(".")[2] == "mapping"]:
        arrays[f"{name}.class_names"] = _names_of(arrays.pop(name))
    return {
        name: Stored(f"{where}, array {printable(name)}", array.shape, array.dtype, held=array)
        for name, array in arrays.items()
    }


def _check(path: Path, where: str) -> None:
    """Refuse what SciPy does not read, or would fill the memory with."""
    with path.open("rb") as file:
        head = file.read(1024)
        if head.startswith(b"MATLAB 7.3") or HDF5 in head:
            raise UserError(
                f"{where} is of MATLAB's version 7.3, which is HDF5: save it in MATLAB with save('images.mat', '-v7'), "
                f"or read it in Python with h5py and save its arrays with numpy.savez"
            )
        size = path.stat().st_size
        if not head.startswith(b"MATLAB 5.0"):
            if size > MOST_UNPACKED:
                raise UserError(f"{where}: {size / 1e9:.1f} GB are read whole, which is too much: save it as .npz")
            return
    try:
        check_promises(path, where, "<" if head[126:128] == b"IM" else ">", MOST_UNPACKED)
    except (EOFError, zlib.error) as error:
        raise UserError(f"{where} cannot be read: it is truncated or damaged") from error


def _flatten(name: str, value: Any, found: dict[str, NDArray[Any]], depth: int = 0) -> None:
    """Take structures and cells of text apart."""
    if not isinstance(value, np.ndarray) or depth > DEEPEST:
        return
    if value.dtype.names is not None:
        if value.size == 1:
            for field in value.dtype.names:
                _flatten(f"{name}.{field}", value.reshape(-1)[0][field], found, depth + 1)
        return
    if value.dtype.kind == "O":
        cells = [np.asarray(cell) for cell in value.reshape(-1)]
        if not all(cell.dtype.kind == "U" and cell.size <= 1 for cell in cells):
            return
        value = np.array([str(cell.reshape(-1)[0]) if cell.size else "" for cell in cells])
    found[name] = value


def _names_of(mapping: NDArray[Any]) -> NDArray[Any]:
    """Names of classes by label from EMNIST's rows of a label and the codes of its letters; "" for those between."""
    if mapping.ndim != 2 or mapping.shape[1] < 2 or mapping.dtype.kind not in "iu" or not mapping.size:
        return np.array([], "U1")
    codes = {int(row[0]): int(row[1]) for row in mapping}
    if min(codes) < 0 or max(codes) > MOST_CLASSES or not all(0 < code < 0x110000 for code in codes.values()):
        return np.array([], "U1")
    return np.array([chr(codes[label]) if label in codes else "" for label in range(max(codes) + 1)])


def _upright(array: NDArray[Any]) -> NDArray[Any]:
    """Rows of square images (N, H*W), each column by column, as images (N, H, W)."""
    if array.ndim != 2 or min(array.shape) < 2 or array.dtype.kind not in "buif":
        return array
    side = round(array.shape[1] ** 0.5)
    if side < 8 or side * side != array.shape[1]:
        return array
    return array.reshape(len(array), side, side).transpose(0, 2, 1)
