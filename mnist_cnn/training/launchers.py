"""Programs that start a run in several processes, torchrun and SLURM: that what they start is what the Trainer expects.

Where it is not, two copies of a run would write into one directory, or Lightning would end in a traceback. Light:
imports neither torch nor Lightning.
"""

import os
from collections.abc import Mapping
from typing import Any

from mnist_cnn.errors import UserError

INTERACTIVE = ("bash", "interactive")  # names of jobs by which Lightning knows a shell in an allocation
OF_SRUN = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")  # which srun gives to each process


def check_launcher(settings: Mapping[str, Any]) -> None:
    """See that as many processes were started as the settings of a Trainer say, where others start them.

    Raises:
        UserError: if not; it says which flag or variable to change.
    """
    if settings.get("plugins"):  # where the environment of a cluster may be told
        return
    devices, nodes = _count(settings.get("devices", "auto")), int(settings.get("num_nodes") or 1)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _check_torchrun(devices, nodes)
    elif "SLURM_NTASKS" in os.environ:
        _check_slurm(devices, nodes)


def _check_torchrun(devices: int | None, nodes: int) -> None:
    here = _number("LOCAL_WORLD_SIZE", 1)
    machines = max(_number("WORLD_SIZE", here) // max(here, 1), 1)
    if devices not in (None, here):
        raise UserError(
            f"--trainer.devices {devices}: torchrun started {here} process(es) on this machine; add "
            f"--trainer.devices {here}, or start with torchrun --nproc_per_node {devices}"
        )
    if nodes != machines:
        raise UserError(
            f"--trainer.num_nodes {nodes}: torchrun started processes on {machines} machine(s); add "
            f"--trainer.num_nodes {machines}, or start with torchrun --nnodes {nodes}"
        )


def _check_slurm(devices: int | None, nodes: int) -> None:
    tasks = _number("SLURM_NTASKS", 1)
    if os.environ.get("SLURM_JOB_NAME") in INTERACTIVE:
        if nodes > 1:
            raise UserError(
                f"--trainer.num_nodes {nodes}: this is an interactive shell of SLURM "
                f"(SLURM_JOB_NAME={os.environ['SLURM_JOB_NAME']}), which trains on its own machine alone; leave the "
                f"flag out, or start with srun under another --job-name"
            )
        return
    if absent := [name for name in OF_SRUN if name not in os.environ]:
        raise UserError(
            f"SLURM_NTASKS={tasks} says that this is a job of SLURM, but it was not started by srun ({absent[0]} is "
            f"not set); put srun before the command, or set SLURM_JOB_NAME=bash to train in this shell alone"
        )
    if "SLURM_NTASKS_PER_NODE" not in os.environ:
        each = max(tasks // nodes, 1)
        if tasks > 1:
            raise UserError(
                f"SLURM_NTASKS={tasks}: give the job --ntasks-per-node={each} in place of --ntasks, and this program "
                f"--trainer.devices {each}; or the job --ntasks=1"
            )
    elif devices not in (None, per_node := _number("SLURM_NTASKS_PER_NODE", 1)):
        raise UserError(
            f"--trainer.devices {devices}: SLURM starts {per_node} process(es) on each node "
            f"(SLURM_NTASKS_PER_NODE={per_node}); add --trainer.devices {per_node}, or give the job "
            f"--ntasks-per-node={devices}"
        )
    if (given := _number("SLURM_NNODES", nodes)) != nodes:
        raise UserError(
            f"--trainer.num_nodes {nodes}: SLURM gives the job {given} node(s) (SLURM_NNODES={given}); add "
            f"--trainer.num_nodes {given}, or give the job --nodes={nodes}"
        )


def _count(devices: Any) -> int | None:
    """How many devices a setting asks for; None where the machine decides."""
    if isinstance(devices, list | tuple):
        return len(devices)
    if isinstance(devices, str):
        parts = [part for part in devices.strip("[] ").split(",") if part.strip()]
        is_list = "[" in devices or len(parts) > 1
        devices = len(parts) if is_list else int(devices) if devices.strip().isdigit() else None
    return devices if isinstance(devices, int) and devices > 0 else None


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdigit():
        raise UserError(f"the environment variable {name}={value!r} is no whole number: unset it, or put it right")
    return int(value)
