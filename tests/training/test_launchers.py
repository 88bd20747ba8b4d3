"""Runs that torchrun or SLURM start in several processes, simulated by the variables that they set."""

from pathlib import Path

import pytest

from mnist_cnn.errors import UserError
from mnist_cnn.training.launchers import check_launcher
from tests.support.commands import TINY_RUN, Cli

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4"}
SRUN = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_JOB_NAME": "train"}
Variables = dict[str, str]


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Variables) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "settings", "expected"),
    [
        (TORCHRUN, {"devices": 1, "num_nodes": 2}, "torchrun started 2 .* add --trainer.devices 2, or start with"),
        (TORCHRUN, {"devices": 2, "num_nodes": 1}, "on 2 machine.* add --trainer.num_nodes 2"),
        ({**TORCHRUN, "WORLD_SIZE": "many"}, {"devices": 2}, "variable WORLD_SIZE='many' is no whole number"),
        ({**SRUN, "SLURM_NTASKS": "4"}, {"devices": 1}, "SLURM_NTASKS=4: give the job --ntasks-per-node"),
        (
            {**SRUN, "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4"},
            {"devices": 2},
            "SLURM_NTASKS_PER_NODE=4.* add --trainer.devices 4, or give the job --ntasks-per-node=2",
        ),
        (
            {**SRUN, "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2"},
            {"devices": 1},
            "SLURM_NNODES=2.* add --trainer.num_nodes 2, or give the job --nodes=1",
        ),
        (
            {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "zsh"},
            {"devices": 1},
            "not started by srun .* put srun before the command, or set SLURM_JOB_NAME=bash",
        ),
        (
            {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "bash"},
            {"devices": 2, "num_nodes": 2},
            "interactive shell of SLURM .*SLURM_JOB_NAME=bash",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_the_flag_or_variable_to_change(
    monkeypatch: pytest.MonkeyPatch, variables: Variables, settings: dict[str, int], expected: str
) -> None:
    set_all(monkeypatch, variables)
    with pytest.raises(UserError, match=expected):
        check_launcher(settings)


@pytest.mark.parametrize(
    ("variables", "settings"),
    [
        ({}, {"devices": 3, "num_nodes": 2}),
        (TORCHRUN, {"devices": 2, "num_nodes": 2}),
        (TORCHRUN, {"devices": "0,1", "num_nodes": 2}),
        (TORCHRUN, {"devices": "auto", "num_nodes": 2}),
        (
            {**SRUN, "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "2"},
            {"devices": 2, "num_nodes": 2},
        ),
        ({**SRUN, "SLURM_NTASKS": "1"}, {"devices": 1}),
        ({"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "interactive"}, {"devices": 2}),
    ],
)
def test_what_fits_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, variables: Variables, settings: dict[str, int]
) -> None:
    set_all(monkeypatch, variables)
    check_launcher(settings)


def test_a_run_under_the_wrong_number_of_processes_ends_before_it_begins(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {**TORCHRUN, "WORLD_SIZE": "2"})
    status, _, err = cli("fit", *TINY_RUN)
    assert status == 1
    assert len(err.strip().splitlines()) == 1
    assert "add --trainer.devices 2" in err
    assert not Path("lightning_logs").exists()
