import platform
import resource
from pathlib import Path

import pytest
import torch

from mnist_cnn.training.memory import freed_memory_kept

SIZE = 400 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def left_of_a_large_block() -> int:
    """Bytes that stay resident after a large block was freed."""
    before = resident_bytes()
    block = torch.ones(SIZE, dtype=torch.uint8)
    del block
    return resident_bytes() - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such switch")
def test_freed_memory_is_kept_for_as_long_as_asked() -> None:
    with freed_memory_kept():
        assert left_of_a_large_block() > SIZE // 2
        held = resident_bytes()
    assert resident_bytes() < held - SIZE // 2, "what was kept is given back"
    assert left_of_a_large_block() < SIZE // 2, "and what is freed later is not kept"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such switch")
def test_afterwards_blocks_of_some_megabytes_are_not_mapped_anew_each_time() -> None:
    with freed_memory_kept():
        pass
    blocks, pages = 100, 6 * 2**20 // 4096
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        torch.ones(6 * 2**20, dtype=torch.uint8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < blocks * pages / 10
