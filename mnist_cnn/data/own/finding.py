"""Finding the files of arrays: one that is named, its partner beside it, or all in a folder."""

import os
from pathlib import Path

from mnist_cnn.console import printable
from mnist_cnn.data.own.assembling import Entry
from mnist_cnn.data.own.formats import looks_like_idx, open_idx, open_npy, open_npz
from mnist_cnn.data.own.naming import Role, role_of
from mnist_cnn.data.own.pictures import has_picture_name
from mnist_cnn.data.own.stored import Stored
from mnist_cnn.errors import UserError

MOST_FILES = 200  # in a folder of arrays; more are pictures or whatever else
PACKED = (".gz",)
NPY_SUFFIX, NPZ_SUFFIX, MAT_SUFFIX = ".npy", ".npz", ".mat"


def format_of(file: Path) -> str:
    """The format of an array file by its name, and for IDX by its first bytes: "npy", "npz", "mat", "idx" or ""."""
    suffix = file.suffix.lower()
    if suffix in (NPY_SUFFIX, NPZ_SUFFIX, MAT_SUFFIX):
        return suffix[1:]
    is_called_so = "idx" in file.name.lower() or "ubyte" in file.name.lower()
    return "idx" if (is_called_so or suffix in ("", ".gz")) and looks_like_idx(file) else ""


def array_files(path: Path) -> list[Path]:
    """The files that a path means; none if it is of another kind.

    Raises:
        UserError: if a folder holds several kinds that cannot be told apart.
    """
    if path.is_file():
        return [path] if format_of(path) else []
    if not path.is_dir():
        return []
    files = [file for file in _below(path) if format_of(file)]
    if not files or _are_of_pictures(path, files):
        return []
    if len(files) > MOST_FILES:
        raise UserError(
            f"{printable(path)} holds {len(files):,} files of arrays; one with all images is needed, as numpy.stack "
            f"makes it, and one with their labels"
        )
    unpacked = {str(file) for file in files}
    return [file for file in files if not (file.suffix == ".gz" and str(file.with_suffix("")) in unpacked)]


def _are_of_pictures(folder: Path, files: list[Path]) -> bool:
    """Whether arrays only lie beside pictures, as the labels of some data sets do.

    Raises:
        UserError: if the folder holds images of several kinds.
    """
    other = first_of_other_kind(folder, (".parquet",))
    if other is None:
        return False
    roles = {file: role_of(stem_of(file)).kind for file in files}
    images = [file for file, kind in roles.items() if kind == "images" or (kind is None and format_of(file) == "npz")]
    if images:
        raise mixed(folder, images[0], other)
    return True


def mixed(folder: Path, one: Path, other: Path) -> UserError:
    """The line for a folder of several kinds of images."""
    names = " and ".join(printable(file.relative_to(folder).as_posix()) for file in (one, other))
    return UserError(
        f"{printable(folder)} holds images of several kinds, as {names}, and it is not clear which are meant: name a "
        f"file, or a folder with one kind"
    )


def first_of_other_kind(folder: Path, suffixes: tuple[str, ...] = ()) -> Path | None:
    """A picture below a folder, or a file with one of some endings; None if there is none."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in sorted(folders) if not name.startswith((".", "__"))]
        for name in names:
            if not name.startswith(".") and (has_picture_name(name) or name.lower().endswith(suffixes or "\0")):
                return Path(parent, name)
    return None


def _below(folder: Path) -> list[Path]:
    """Files in a folder and in the folders in it, none of them hidden or a link out of it."""
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_file():
            found.append(entry)
        elif entry.is_dir() and not entry.is_symlink() and role_of(entry.name).split is not None:
            found += [file for file in sorted(entry.iterdir()) if file.is_file() and not file.name.startswith(".")]
    return found


def stem_of(file: Path) -> str:
    """The name of a file without its ending."""
    name = file.name.removesuffix(".gz")
    return name.rpartition(".")[0] if Path(name).suffix.lower() in (NPY_SUFFIX, NPZ_SUFFIX, MAT_SUFFIX) else name


def entries_of(file: Path, path: Path) -> list[Entry]:
    """The arrays of a file with what their names say, and where these say nothing, the file's and its folder's name.

    Args:
        file: The file.
        path: What was named: the file or a folder above it.

    Raises:
        UserError: if the file is damaged.
    """
    arrays = _arrays_in(file, printable(file if path == file else file.relative_to(path).as_posix()))
    of_file = role_of(stem_of(file))
    if path != file and of_file.split is None and file.parent != path:
        of_file = of_file._replace(split=role_of(file.parent.name).split)
    if arrays.keys() == {""}:
        return [Entry(file.name, arrays[""], of_file, file.name)]
    roles = {name: role_of(name) for name in arrays}
    if not any(role.split for role in roles.values()):
        roles = {name: role._replace(split=of_file.split) for name, role in roles.items()}
    if path != file:
        roles = {name: role._replace(rest=(*of_file.rest, *role.rest)) for name, role in roles.items()}
    if len(arrays) == 1:
        roles = {
            name: Role(of_file.kind or role.kind, role.split, of_file.rest if path == file else role.rest)
            for name, role in roles.items()
        }
    return [Entry(name, array, roles[name], file.name) for name, array in arrays.items()]


def _arrays_in(file: Path, where: str) -> dict[str, Stored]:
    """The arrays of a file by name; the only one of a format that has no names has none."""
    kind = format_of(file)
    if kind == "npz":
        return open_npz(file, where)
    if kind == "mat":
        from mnist_cnn.data.own.matlab import open_mat

        return open_mat(file, where)
    return {"": open_npy(file, where) if kind == "npy" else open_idx(file, where)}


def partners_of(file: Path, entry: Entry) -> list[tuple[Path, Entry]]:
    """The labels that belong to a file of images, or the other way round: beside it, of the same name otherwise.

    Raises:
        UserError: if a file of labels was named, and there are no images.
    """
    found: list[tuple[Path, Entry]] = []
    for other in sorted(file.parent.iterdir()):
        if other == file or not other.is_file() or other.name.startswith(".") or format_of(other) != format_of(file):
            continue
        role = role_of(stem_of(other))
        if role.split != entry.role.split or role.rest != entry.role.rest or role.kind not in ("images", "labels"):
            continue
        if role.kind != entry.kind and not _is_twin(other, found):
            found.append((other, entries_of(other, other)[0]))
    if entry.kind == "labels" and not found:
        raise UserError(
            f"{printable(file)} holds labels, and no images of the same name lie beside it, as images.npy beside "
            f"labels.npy or x_train.npy beside y_train.npy"
        )
    return found


def _is_twin(file: Path, found: list[tuple[Path, Entry]]) -> bool:
    """Whether a file is there packed and unpacked."""
    return any(stem_of(other) == stem_of(file) for other, _ in found)
