import platform

import pytest

from tests.support.commands import run_program

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such switch")

# In processes of their own: what others have left in the heap decides where a block goes.
HELPERS = """
import resource
from pathlib import Path
import torch
from mnist_cnn.training.memory import freed_memory_kept

SIZE = 400 * 2**20

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def left_of_a_large_block():
    before = resident()
    block = torch.ones(SIZE, dtype=torch.uint8)
    del block
    return resident() - before
"""


def check(program: str) -> None:
    done = run_program(HELPERS + program)
    assert done.returncode == 0, done.stderr


def test_freed_memory_is_kept_for_as_long_as_asked() -> None:
    check("""
with freed_memory_kept():
    assert left_of_a_large_block() > SIZE // 2
    held = resident()
assert resident() < held - SIZE // 2, "what was kept is given back"
assert left_of_a_large_block() < SIZE // 2, "and what is freed later is not kept"
""")


def test_afterwards_blocks_of_some_megabytes_are_not_mapped_anew_each_time() -> None:
    check("""
with freed_memory_kept():
    pass
blocks, pages = 100, 6 * 2**20 // 4096
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(blocks):
    torch.ones(6 * 2**20, dtype=torch.uint8)
assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < blocks * pages / 10
""")
