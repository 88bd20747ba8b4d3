"""What a run changes in its process, and putting it back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pytorch_lightning.utilities.seed import isolate_rng

from mnist_cnn.training.memory import freed_memory_kept
from mnist_cnn.training.quiet import quiet

SEED_VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")  # Lightning leaves them for processes that it starts


@contextmanager
def no_trace() -> Iterator[None]:
    """Put back warnings, loggers, random numbers, their variables and the allocator.

    The handlers of signals are put back by who takes them, `LastCheckpoint` and Lightning.
    """
    before = {name: os.environ.get(name) for name in SEED_VARIABLES}
    with quiet(), isolate_rng(), freed_memory_kept():
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
