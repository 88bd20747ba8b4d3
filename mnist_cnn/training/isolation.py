"""What a run changes in its process, and putting it back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.utilities.seed import isolate_rng

from mnist_cnn.training.memory import freed_memory_kept
from mnist_cnn.training.quiet import quiet

# Lightning leaves these for processes that it starts, or for CUDA.
VARIABLES = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS", "CUBLAS_WORKSPACE_CONFIG")


@contextmanager
def no_trace() -> Iterator[None]:
    """Put back warnings, loggers, random numbers, torch's switches, variables and the allocator.

    The handlers of signals are put back by who takes them, `LastCheckpoint` and Lightning. What a strategy of several
    processes sets up stays: after such a run a process should start no other.
    """
    before = {name: os.environ.get(name) for name in VARIABLES}
    deterministic = _deterministic_mode()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    # Reading the states of a GPU would begin to use it.
    with quiet(), isolate_rng(include_cuda=torch.cuda.is_initialized()), freed_memory_kept():
        try:
            yield
        finally:
            if _deterministic_mode() != deterministic:  # setting it imports torch's compiler, which takes seconds
                torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _deterministic_mode() -> tuple[bool, bool]:
    """Whether torch allows deterministic algorithms only, and whether it merely warns of others."""
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
