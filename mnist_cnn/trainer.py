"""Trainer: Lightning's, with a precision that suits the processor and an allocator that keeps what it has."""

import ctypes
import sys
from collections.abc import Mapping
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.connectors.accelerator_connector import _PRECISION_INPUT

# Parameters of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


class Trainer(pl.Trainer):
    """Lightning's Trainer, which also takes `precision="auto"`.

    Args:
        args: As for Lightning's Trainer.
        precision: As for Lightning's Trainer. "auto" is bf16-mixed on x86 processors that compute in bfloat16
            (AVX512-BF16 or AMX), where it doubles the speed of convolutions, and 32-true on all other devices.
        kwargs: As for Lightning's Trainer.
    """

    def __init__(self, *args: Any, precision: _PRECISION_INPUT | Literal["auto"] | None = None, **kwargs: Any) -> None:
        if precision == "auto":
            precision = suitable_precision(kwargs.get("accelerator", "auto"))
        super().__init__(*args, precision=precision, **kwargs)


def suitable_precision(accelerator: Any) -> Literal["bf16-mixed", "32-true"]:
    """What `precision="auto"` means where a Trainer is given that `accelerator`."""
    has_other = torch.cuda.is_available() or torch.backends.mps.is_available()
    on_processor = accelerator == "cpu" or (accelerator == "auto" and not has_other)
    # Older releases of torch cannot tell.
    features: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)() if on_processor else {}
    return "bf16-mixed" if features.get("avx512_bf16") or features.get("amx_bf16") else "32-true"


def keep_freed_memory() -> None:
    """Let the C library keep memory that is freed instead of giving it back to the system (glibc; else nothing).

    A training step frees all its feature maps and the next asks for as much again. By default blocks of that size are
    returned at once, and every step pays for having its pages mapped and zeroed anew: with configs/fast.yaml a fifth of
    its time.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(M_TOP_PAD, 64 * 2**20)
