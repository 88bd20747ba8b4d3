"""What Lightning and torch raise while a network is trained or evaluated, in this project's sentences."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mnist_cnn.errors import DivergedError, TrainerError, UserError
from mnist_cnn.runs.checkpoint import Checkpoint


@contextmanager
def training_explained(start: Checkpoint | None) -> Iterator[None]:
    """Say in a sentence that weights do not fit, and make Ctrl-C, which Lightning turns into an exit, itself again."""
    try:
        yield
    except ValueError as error:
        if "`val_check_interval`" in str(error):  # only here is it known how many batches there are
            raise TrainerError(str(error)) from error
        raise
    except RuntimeError as error:
        if match := re.search(r"Function '(\w+)' returned nan values", str(error)):  # --trainer.detect_anomaly
            operation = match[1].removesuffix("Backward0")
            raise DivergedError(
                f"training diverged: the gradient of the operation {operation} holds values that are no numbers; try a "
                f"smaller --lr or --trainer.gradient_clip_val 1"
            ) from error
        if "loading state_dict" not in str(error):
            raise
        raise UserError(
            f"the weights in {start.path if start else None} do not fit the network that the flags or configs ask for; "
            f"leave --model.network out to take the checkpoint's own"
        ) from error
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # which Lightning turns into an exit
            raise KeyboardInterrupt from stop
        raise
