"""What a test has found of a run: its test.json, and whether that still tells of the checkpoint that is there."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_cnn.errors import UserError

TEST_FILE = "test.json"
CHECKSUM = "checkpoint_sha256"
LARGEST = 1 << 20  # bytes; ours have a thousand
BLOCK = 1 << 20


@dataclass(frozen=True)
class TestRecord:
    """What a run's test.json says.

    Attributes:
        path: The file.
        contents: All that it holds.
        metrics: The metrics by name, such as "test/accuracy".
        checkpoint: The checkpoint that was tested; it may be gone since.
    """

    __test__ = False  # for pytest

    path: Path
    contents: dict[str, Any]
    metrics: dict[str, float]
    checkpoint: Path

    @classmethod
    def read(cls, run_dir: Path) -> "TestRecord | None":
        """Read the file in a run's folder; None if there is none.

        Raises:
            UserError: if it is damaged.
        """
        path = run_dir / TEST_FILE
        if not path.is_file():
            return None
        try:
            if path.stat().st_size > LARGEST:
                raise ValueError
            contents = json.loads(path.read_bytes())
            metrics = {str(name): float(value) for name, value in contents["metrics"].items()}
            if not metrics or not all(map(math.isfinite, metrics.values())):
                raise ValueError
            if not isinstance(contents["checkpoint"], str) or "\0" in contents["checkpoint"]:
                raise TypeError
            return cls(path, contents, metrics, run_dir / contents["checkpoint"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path} is damaged: remove it, or have it written anew by a test") from error

    @property
    def left_out(self) -> str:
        """What is to be said of a test that did not see all images of its set; empty if it did, or nothing is known."""
        seen, total = (self.contents.get(name) for name in ("images", "images_of_set"))
        is_part = isinstance(seen, int) and isinstance(total, int) and seen < total
        return f"the test saw {seen:,} of {total:,} images" if is_part else ""

    @property
    def is_stale(self) -> bool:
        """Whether the checkpoint that was tested has been replaced since, or is gone.

        A file of an earlier version names no checksum; it counts as stale where the checkpoint was written later.
        """
        try:
            if isinstance(kept := self.contents.get(CHECKSUM), str):
                return checksum_of(self.checkpoint) != kept
            return self.checkpoint.stat().st_mtime > self.path.stat().st_mtime
        except OSError:
            return True


def checksum_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def stale_notice(run_dir: Path) -> str | None:
    """A sentence about a test.json that tells of another checkpoint than the one that is there; None if it does not."""
    try:
        record = TestRecord.read(run_dir)
    except UserError as error:
        return str(error)
    if record is None or not record.is_stale:
        return None
    return f"{record.path} tells of an earlier {record.checkpoint.name}, which has been replaced since: test again"
