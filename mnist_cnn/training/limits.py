"""What the Trainer's settings may be: checked before anything is built, as Lightning finds some only in mid-run.

Light: imports neither torch nor Lightning, so that the command line can ask at once.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any, NamedTuple

from mnist_cnn.errors import UserError, shown

MOST = 10**9  # epochs, steps and the like: beyond what anybody trains for
FEWEST_PROCESSES = 4  # on a processor are always allowed, so that several can be tried on any machine
CLUSTERS = ("MASTER_ADDR", "SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


class Limit(NamedTuple):
    """What a setting may be: in words, and whether a value is that."""

    allowed: str
    holds: Callable[[Any], bool]
    can_be_none: bool = True


def check_trainer(settings: Mapping[str, Any], on_processor: bool) -> None:
    """See that the settings of a Trainer are such that it can run with them.

    Args:
        settings: By the names of the Trainer's arguments.
        on_processor: Whether it runs on the CPU.

    Raises:
        UserError: for the first one that is not.
    """
    for name, value in settings.items():
        if name in LIMITS and not (value is None and LIMITS[name].can_be_none) and not LIMITS[name].holds(value):
            raise UserError(f"--trainer.{name} {shown(value)}: {LIMITS[name].allowed}")
    devices = settings.get("devices", "auto")
    if problem := _problem_of_devices(devices, on_processor):
        raise UserError(f"--trainer.devices {shown(devices)}: {problem}")
    nodes = settings.get("num_nodes", 1)
    if nodes > 1 and not any(name in os.environ for name in CLUSTERS):
        raise UserError(
            f"--trainer.num_nodes {nodes}: nothing says where the other machines are; start the program on each of "
            f"them by torchrun --nnodes {nodes}, or by srun"
        )


def _problem_of_devices(devices: Any, on_processor: bool) -> str:
    """What is wrong with a number of devices or a list of them; empty where nothing is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = max(cores, FEWEST_PROCESSES)
    on_cpu = f"on a CPU give a number of processes from 1 to {most} (it has {cores} core{'s' if cores > 1 else ''})"
    if devices == "auto":
        return ""
    if isinstance(devices, str):
        parts = (
            devices.strip("[] ").removesuffix(",").split(",") if re.fullmatch(r"\[?[-\d, ]+\]?", devices) else [devices]
        )
        if not all(re.fullmatch(r" *-?\d{1,9} *", part) for part in parts):
            return f"a positive number of devices, a list of their indices, or auto is needed; {on_cpu}"
        is_list = "," in devices or "[" in devices  # "0," is Lightning's way to say the first one
        devices = [int(part) for part in parts] if is_list else int(parts[0])
    if isinstance(devices, list | tuple):
        if on_processor:
            return f"indices are for GPUs; {on_cpu}"
        fit = devices and all(_is_whole(index) and index >= 0 for index in devices)
        return "" if fit and len(set(devices)) == len(devices) else "indices from 0 on, each once, are needed"
    if not _is_whole(devices) or devices == 0 or devices < -1:
        return f"a positive number of devices, a list of their indices, or auto is needed; {on_cpu}"
    if on_processor and devices == -1:
        return f"-1 means all GPUs; {on_cpu}"
    return on_cpu if on_processor and devices > most else ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(low: int) -> Callable[[Any], bool]:
    return lambda value: _is_whole(value) and low <= value <= MOST


def _is_share(value: Any) -> bool:
    """A part of all batches as a float, or a number of them."""
    return (isinstance(value, float) and 0 <= value <= 1) or _whole(0)(value)


def _is_duration(value: Any) -> bool:
    if isinstance(value, str):
        parts = re.fullmatch(r"(\d{1,6}):(\d{1,6}):(\d{1,6}):(\d{1,6})", value)
        return parts is not None and any(int(part) for part in parts.groups())
    try:
        return (timedelta(**value) if isinstance(value, Mapping) else value) > timedelta(0)
    except (TypeError, OverflowError):
        return False


def _is_interval(value: Any) -> bool:
    return (isinstance(value, float) and 0 < value <= 1) or _whole(1)(value) or _is_duration(value)


_SHARE = Limit("a part of all batches from 0.0 to 1.0, or a whole number of batches, is needed", _is_share)
_DURATION = "a duration as DD:HH:MM:SS, such as 00:00:10:00 for ten minutes"
_END = "a whole number from 0 on is needed, or -1 for no end"

LIMITS = {
    "max_epochs": Limit("at least 0 is needed, or -1 for no end", _whole(-1)),
    "max_steps": Limit(_END, _whole(-1), can_be_none=False),
    **dict.fromkeys(("min_epochs", "min_steps"), Limit("a whole number from 0 on is needed", _whole(0))),
    "max_time": Limit(f"{_DURATION}, is needed", _is_duration),
    **{f"limit_{part}_batches": _SHARE for part in ("train", "val", "test", "predict")},
    "overfit_batches": _SHARE,
    "val_check_interval": Limit(
        f"a part of an epoch above 0.0 and up to 1.0, a whole number of batches from 1 on, or {_DURATION}, is needed; "
        f"--trainer.limit_val_batches 0 switches validation off",
        _is_interval,
    ),
    "check_val_every_n_epoch": Limit(
        "a whole number from 1 on is needed; --trainer.limit_val_batches 0 switches validation off", _whole(1)
    ),
    "num_sanity_val_steps": Limit("a whole number from 0 on is needed, or -1 for all batches", _whole(-1)),
    "log_every_n_steps": Limit("a whole number from 0 on is needed; 0 logs nothing within an epoch", _whole(0)),
    "accumulate_grad_batches": Limit("a whole number from 1 on is needed", _whole(1), can_be_none=False),
    "gradient_clip_val": Limit(
        "a number from 0 on is needed; 0 clips nothing",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0,
    ),
    "gradient_clip_algorithm": Limit("choose one of norm, value", lambda value: value in ("norm", "value")),
    "num_nodes": Limit("a whole number from 1 on is needed", _whole(1), can_be_none=False),
    "fast_dev_run": Limit(
        "true, false or a number of batches is needed", lambda value: isinstance(value, bool) or _whole(0)(value)
    ),
    "reload_dataloaders_every_n_epochs": Limit("a whole number from 0 on is needed; 0 reloads nothing", _whole(0)),
    "enable_checkpointing": Limit(
        "a run always keeps best.ckpt and last.ckpt; leave the flag out", lambda value: value is not False
    ),
    "barebones": Limit("a run always keeps its checkpoints and curves; leave the flag out", lambda value: not value),
}
