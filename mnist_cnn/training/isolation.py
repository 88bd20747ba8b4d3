"""What a run changes in its process, and putting it back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.utilities.seed import isolate_rng

from mnist_cnn.training.memory import freed_memory_kept
from mnist_cnn.training.quiet import quiet

# Lightning leaves these for processes that it starts, or for CUDA.
VARIABLES = (
    *("PL_GLOBAL_SEED", "PL_SEED_WORKERS", "CUBLAS_WORKSPACE_CONFIG"),
    *("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "NODE_RANK", "LOCAL_RANK"),
)


@contextmanager
def no_trace() -> Iterator[None]:
    """Put back warnings, loggers, random numbers, torch's switches, variables and the allocator.

    The handlers of signals are put back by who takes them, `LastCheckpoint` and Lightning. The connection to other
    processes is closed where the run has opened it and come to its end; where it has not, they may be gone.
    """
    before = {name: os.environ.get(name) for name in VARIABLES}
    deterministic = _deterministic_mode()
    was_connected = _is_connected()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    # Reading the states of a GPU would begin to use it.
    with quiet(), isolate_rng(include_cuda=torch.cuda.is_initialized()), freed_memory_kept():
        try:
            yield
            if _is_connected() and not was_connected:
                torch.distributed.destroy_process_group()
        finally:
            if _deterministic_mode() != deterministic:  # setting it imports torch's compiler, which takes seconds
                torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _is_connected() -> bool:
    """Whether this process is one of several that train together."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _deterministic_mode() -> tuple[bool, bool]:
    """Whether torch allows deterministic algorithms only, and whether it merely warns of others."""
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
