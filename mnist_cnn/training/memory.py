"""Keeping freed memory: what the C library does with the feature maps of a step that is over."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of glibc's mallopt, from its malloc.h, with the values that keep memory...
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4
KEEPING = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 64 * 2**20}
# ... and those that glibc arrives at by itself in a process that allocates large blocks: setting any of these ends its
# adapting them, and the values that it starts with would make every larger block a matter of the system.
USUAL = {M_MMAP_MAX: 65_536, M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 64 * 2**20, M_TOP_PAD: 128 * 2**10}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the C library keep memory that is freed instead of giving it back to the system (glibc; else nothing).

    A training step frees all its feature maps and the next asks for as much again. By default blocks of that size are
    returned at once, and every step pays for having its pages mapped and zeroed anew: with configs/fast.yaml a fifth of
    its time. Afterwards what was kept is given back, and memory is handled as in any process that has used much of it.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    for parameter, value in KEEPING.items():
        library.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in USUAL.items():
            library.mallopt(parameter, value)
        if hasattr(library, "malloc_trim"):
            library.malloc_trim(0)
