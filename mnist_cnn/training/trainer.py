"""Trainer: Lightning's, with a precision that suits the processor and a directory that no logger decides."""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.connectors.accelerator_connector import _PRECISION_INPUT
from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector

from mnist_cnn.signals import STOP_SIGNALS


class SignalConnector(_SignalConnector):
    """Lightning's, which leaves signals alone that the program was started to ignore."""

    def register_signal_handlers(self) -> None:
        """Take the signals over that Lightning listens to."""
        ignored = [number for number in STOP_SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
        super().register_signal_handlers()
        if threading.current_thread() is threading.main_thread():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)


class Trainer(pl.Trainer):
    """Lightning's Trainer, which also takes `precision="auto"`.

    Args:
        args: As for Lightning's Trainer.
        precision: As for Lightning's Trainer. "auto" is bf16-mixed on x86 processors that compute in bfloat16
            (AVX512-BF16 or AMX), where it doubles the speed of convolutions, and 32-true on all other devices.
        kwargs: As for Lightning's Trainer.

    Attributes:
        run_dir: The run's directory, whatever logs it; None where nothing is kept, or where loggers decide.
    """

    run_dir: Path | None = None

    def __init__(self, *args: Any, precision: _PRECISION_INPUT | Literal["auto"] | None = None, **kwargs: Any) -> None:
        if precision == "auto":
            precision = suitable_precision(kwargs.get("accelerator", "auto"))
        super().__init__(*args, precision=precision, **kwargs)
        self._signal_connector = SignalConnector(self)

    @property
    def log_dir(self) -> str | None:
        """Where callbacks and profilers write."""
        return super().log_dir if self.run_dir is None else str(self.strategy.broadcast(self.run_dir))


def suitable_precision(accelerator: Any) -> Literal["bf16-mixed", "32-true"]:
    """What `precision="auto"` means where a Trainer is given that `accelerator`."""
    # Older releases of torch cannot tell.
    features: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)() if is_processor(accelerator) else {}
    return "bf16-mixed" if features.get("avx512_bf16") or features.get("amx_bf16") else "32-true"


def is_processor(accelerator: Any) -> bool:
    """Whether a Trainer that is given that `accelerator` runs on the CPU."""
    has_other = torch.cuda.is_available() or torch.backends.mps.is_available()
    return accelerator == "cpu" or (accelerator == "auto" and not has_other)
