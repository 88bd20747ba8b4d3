"""The one list of what Lightning says that is no news to a user of this project."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mnist_cnn.console import warn

SILENCED = (
    ".*LeafSpec.*",
    "You called `self.log.* but have no logger configured.*",
    ".*recommended to use .*sync_dist=True.*",  # torchmetrics has combined the processes already
    "The number of training batches .* is smaller than the logging interval.*",
    ".*callbacks used to create the checkpoint need to be provided.*",
    "Checkpoint directory .* exists and is not empty",
    ".*does not have many workers.*",
    ".*torch.jit.trace.*",
    "Converting a tensor to a Python .*",
    ".*You're using the WeightAveraging callback.*",
    "SWA is currently only supported every epoch.*",  # it puts a schedule of its own in the place of ours
    "This property will be removed in 2.0.0.*",
    "`ModelCheckpoint\\(monitor='val/loss'\\)` could not find the monitored key.*",  # a run without validation says so
    "Encountered `nan` values in tensor.*",  # a run that diverged says so itself
)
LOGGERS = (
    "pytorch_lightning.utilities.rank_zero",
    "pytorch_lightning.trainer.connectors.checkpoint_connector",
    "lightning_fabric.utilities.distributed",
    "lightning_fabric.utilities.seed",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence these remarks for a while; the warnings that are left come as a line, without source code.

    TensorBoard's writer, a thread of its own, fails without a traceback where the system does not let it write: whoever
    hands it the next event is told as well.
    """
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    hook = threading.excepthook

    def without_writers(failed: Any) -> None:
        is_writer = type(failed.thread).__module__.startswith("tensorboard.")
        if not (is_writer and isinstance(failed.exc_value, OSError)):
            hook(failed)

    with warnings.catch_warnings():
        silence()
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        threading.excepthook = without_writers
        try:
            yield
        finally:
            threading.excepthook = hook
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def silence() -> None:
    """Add these remarks to the filters of warnings."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # news for this project's makers
    for message in SILENCED:
        warnings.filterwarnings("ignore", message=message)
