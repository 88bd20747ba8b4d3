import hashlib
import json
import os
from pathlib import Path

import pytest

from mnist_cnn.errors import UserError
from mnist_cnn.runs.results import TestRecord, checksum_of, stale_notice

RUN = Path("lightning_logs/version_0")
BEST = RUN / "checkpoints" / "best.ckpt"


@pytest.fixture
def record() -> TestRecord:
    """Of a checkpoint that is there."""
    BEST.parent.mkdir(parents=True)
    BEST.write_bytes(b"weights")
    write({"checkpoint_sha256": hashlib.sha256(b"weights").hexdigest()})
    found = TestRecord.read(RUN)
    assert found is not None
    return found


def write(changes: object) -> None:
    content = {"checkpoint": "checkpoints/best.ckpt", "metrics": {"test/accuracy": 0.5}}
    (RUN / "test.json").write_text(json.dumps(content | changes if isinstance(changes, dict) else changes))


def test_a_result_is_stale_when_its_checkpoint_is_another_or_gone(record: TestRecord) -> None:
    assert record.metrics == {"test/accuracy": 0.5}
    assert record.checkpoint == BEST
    assert checksum_of(BEST) == record.contents["checkpoint_sha256"]
    os.utime(BEST)  # as a copy or a clone does
    assert not record.is_stale
    assert stale_notice(RUN) is None
    BEST.write_bytes(b"others")
    assert record.is_stale
    assert "test.json tells of an earlier best.ckpt" in (stale_notice(RUN) or "")
    BEST.unlink()
    assert record.is_stale


def test_without_a_checksum_the_times_decide(record: TestRecord) -> None:
    write({})
    time = (RUN / "test.json").stat().st_mtime
    for seconds, is_stale in ((-5, False), (5, True)):
        os.utime(BEST, (time + seconds, time + seconds))
        found = TestRecord.read(RUN)
        assert found is not None
        assert found.is_stale == is_stale


def test_no_file_is_no_result() -> None:
    assert TestRecord.read(Path()) is None
    assert stale_notice(Path()) is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff\xfe", b"[]", b"3", b"[" * 100_000, b"{}"),
        b'{"metrics": {}, "checkpoint": "x"}',
        b'{"metrics": {"a": "x"}, "checkpoint": "x"}',
        b'{"metrics": {"a": NaN}, "checkpoint": "x"}',
        b'{"metrics": {"a": 1}, "checkpoint": 3}',
        b'{"metrics": {"a": 1}, "checkpoint": "x\\u0000y"}',
        b'{"metrics": {"a": 1}}',
    ],
    ids=range(13),
)
def test_a_damaged_file_is_named_with_the_way_out(record: TestRecord, content: bytes) -> None:
    (RUN / "test.json").write_bytes(content)
    with pytest.raises(UserError, match=r"version_0/test\.json is damaged: remove it"):
        TestRecord.read(RUN)
    assert "is damaged" in (stale_notice(RUN) or "")
