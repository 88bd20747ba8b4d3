"""What archives of pictures have in common: they are read without unpacking, and nothing is written anywhere."""

import re
from collections.abc import Sequence
from pathlib import Path

from mnist_cnn.console import printable
from mnist_cnn.data.decoding import LARGEST_STREAM
from mnist_cnn.data.own.folders import ClassFolders
from mnist_cnn.data.own.pictures import Seen
from mnist_cnn.data.own.source import Skipped
from mnist_cnn.data.own.structure import is_hidden
from mnist_cnn.errors import UserError, shortened

ARCHIVES_WITHIN = re.compile(r"\.(zip|tar|tgz|gz|bz2|xz|rar|7z|zst)$", re.IGNORECASE)
LONGEST_PATH, LONGEST_NAME = 4096, 255  # characters, of most systems
WAY_OUT = "unpack it, and name the folder"


class PackedPictures(ClassFolders):
    """Pictures in the entries of an archive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = [path]
        self._empty: list[str] = []

    def empty_folders(self) -> Sequence[str]:
        """Names of entries for folders; those that hold something are not empty, and no harm is done."""
        return self._empty

    def arranged(self, found: list[Seen], skipped: list[Skipped]) -> list[Seen]:
        """Of several entries of one name the last one counts, as it is what unpacking would leave."""
        if not found and not skipped:
            raise UserError(
                f"{printable(self.path)} holds no pictures in folders of classes, as train/cat/1.jpg; tables and "
                f"arrays have to be unpacked first"
            )
        last = {entry[0].name: entry for entry in found}
        if len(last) < len(found):
            for picture, outline in found:
                if last[picture.name] != (picture, outline):
                    self._leave_out(picture.name, "a later entry has the same name", is_damaged=False)
        return super().arranged([*last.values()], skipped)

    def accepted(self, raw: str, size: int, is_link: bool = False) -> str | None:
        """The name of an entry below the archive's top, if it may be a picture; what is odd about others is noted."""
        parts = [part for part in raw.split("/") if part not in ("", ".")]
        if not parts or any(map(is_hidden, (part for part in parts if part != ".."))):
            return None
        name = "/".join(parts)
        if ".." in parts or raw.startswith("/") or re.match(r"[A-Za-z]:", raw):
            self._leave_out(shortened(raw), "its name leads out of the archive", is_damaged=False)
        elif len(raw) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
            self._leave_out(shortened(raw), "its name is longer than systems take", is_damaged=False)
        elif is_link:
            self._leave_out(name, "a link or a device, no file", is_damaged=False)
        elif ARCHIVES_WITHIN.search(name):
            self._leave_out(name, "an archive within the archive; unpack it first", is_damaged=False)
        elif size > LARGEST_STREAM:
            self._leave_out(name, f"more than {LARGEST_STREAM // 1_000_000} MB are no picture")
        else:
            return name
        return None

    def damaged(self, error: BaseException | str) -> UserError:
        """What is said of an archive that cannot be read, or not to its end."""
        words = " ".join(str(error).split())[:100] or type(error).__name__
        return UserError(
            f"{printable(self.path)}: the archive is damaged or not whole ({words}); download or pack it again"
        )
