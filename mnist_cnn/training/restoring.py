"""A checkpoint's training state, when Lightning takes it over: right, or a sentence about the file."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor
from torch.optim import Optimizer

from mnist_cnn.console import printable, short_path
from mnist_cnn.errors import UserError
from mnist_cnn.runs.archive import DamagedError
from mnist_cnn.runs.checkpoint import OPTIMIZERS, Checkpoint
from mnist_cnn.runs.schema import LOOPS, SCHEDULES

WAY_OUT = "begin a new run with its weights alone: --weights"

# What torch adds to the defaults of optimisers that do not have it, when they take a state over.
LATER_DEFAULT = "differentiable"

# The parts of Lightning's loop without which it would begin anew, and say nothing.
LOOP_PARTS = (
    "epoch_progress",
    "epoch_loop.batch_progress",
    "epoch_loop.scheduler_progress",
    "epoch_loop.automatic_optimization.optim_progress",
)


def check_resumable(start: Checkpoint) -> None:
    """See that a checkpoint holds what a run goes on from.

    Raises:
        UserError: if it holds less, such as weights alone.
    """
    loops = start.contents.get(LOOPS)
    loop = loops.get("fit_loop") if isinstance(loops, dict) else None
    has_loop = isinstance(loop, dict) and all(isinstance(loop.get(part), dict) for part in LOOP_PARTS)
    if not has_loop or not start.contents.get(OPTIMIZERS) or SCHEDULES not in start.contents:
        path = printable(short_path(start.path))
        raise UserError(f"{path} does not hold the whole state of a run, so none can go on from it; {WAY_OUT} {path}")


@contextmanager
def restored_or_explained(start: Checkpoint | None) -> Iterator[None]:
    """Say in a sentence that the state of loops, callbacks, optimisers or schedules in a checkpoint cannot be used.

    Raises:
        UserError: in the place of whatever Lightning raises while it takes the state over.
    """
    try:
        yield
    except (UserError, MisconfigurationException):
        raise
    except Exception as error:
        if start is None or "loading state_dict" in str(error) or not _is_of_restoring(error):
            raise
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        path = printable(short_path(start.path))
        raise DamagedError(
            f"{path} is damaged or was altered: its training state cannot be taken over ({said}); {WAY_OUT} {path}"
        ) from error


def check_optimizer_state(optimizer: Optimizer) -> None:
    """See that what an optimiser has taken over from a checkpoint is of the kind that it makes itself.

    Raises:
        UserError: if a moment is of other sizes than its parameter, or a setting of another type than by default.
    """
    for group in optimizer.param_groups:
        for name, default in optimizer.defaults.items():
            if name == LATER_DEFAULT and name not in group:
                continue
            if name not in group or not _is_alike(group[name], default):
                raise DamagedError(
                    f"the optimiser's state in the checkpoint is damaged or was altered: {name} is no setting of "
                    f"{type(optimizer).__name__}; {WAY_OUT} FILE"
                )
        for parameter in group["params"]:
            for name, value in optimizer.state.get(parameter, {}).items():
                is_moment = isinstance(value, Tensor) and value.ndim > 0
                if is_moment and value.shape != parameter.shape:
                    raise DamagedError(
                        f"the optimiser's state in the checkpoint is damaged or was altered: {name} has the sizes "
                        f"{tuple(value.shape)}, and its weights {tuple(parameter.shape)}; {WAY_OUT} FILE"
                    )


def _is_alike(value: object, default: object) -> bool:
    """Whether a setting is of the type of another one; numbers of any kind are alike."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float | Tensor) and not isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, tuple | list) and len(value) == len(default)
    return True


def _is_of_restoring(error: BaseException) -> bool:
    """Whether an error comes from the part of Lightning that takes a checkpoint over."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(Path(frame.filename).name == "checkpoint_connector.py" for frame in frames)
