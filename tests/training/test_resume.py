"""Runs that are killed, stopped and resumed end as if nothing had happened, to the last bit."""

from pathlib import Path

import pytest

from tests.support.checkpoints import assert_equal, contents_of
from tests.support.commands import TINY_DATA, Cli, run_process
from tests.support.interruptions import interrupt_at

pytestmark = pytest.mark.slow

# Everything that is random or has a state: dropout, batch norm, augmentation, one-cycle, averaging, accumulation.
SETTINGS = [
    *TINY_DATA,
    *("--batch-size", "50", "--epochs", "3", "--device", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--model.network.channels", "[4,8,8]", "--model.network.batch_norm", "true", "--dropout", "0.2"),
    *("--data.rotation", "10", "--data.shift", "0.1", "--data.erasing", "0.3", "--data.elastic", "1"),
    *("--data.crop", "2", "--data.cutout", "4", "--data.contrast", "0.2", "--data.mixup", "0.4", "--data.cutmix", "1"),
    *("--model.schedule", "one_cycle", "--model.ema_decay", "0.9", "--trainer.accumulate_grad_batches", "2"),
    *("--trainer.log_every_n_steps", "1", "--checkpoint.every_n_train_steps", "1"),
]
RUN = Path("lightning_logs/version_0")


def assert_same_ending(one: Path, other: Path) -> None:
    """Compare weights, averages, optimiser, metrics and curves of two runs, all to the bit."""
    for name in ("last.ckpt", "best.ckpt"):
        first, second = (contents_of(root / RUN / "checkpoints" / name) for root in (one, other))
        assert_equal(first["state_dict"], second["state_dict"])
        assert_equal(first["current_model_state"], second["current_model_state"])
        assert_equal(first["optimizer_states"], second["optimizer_states"])
        assert first["metrics"] == second["metrics"]
        assert first["global_step"] == second["global_step"]
    assert (one / RUN / "metrics.csv").read_bytes() == (other / RUN / "metrics.csv").read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    root = tmp_path_factory.mktemp("uninterrupted")
    result = run_process("fit", *SETTINGS, cwd=root)
    assert result.returncode == 0, result.stderr
    return root


def test_killed_at_any_point_and_resumed_in_new_processes_ends_bit_identical(
    uninterrupted: Path, tmp_path: Path
) -> None:
    # In an epoch's middle; while a checkpoint is written; right after one; at an epoch's end, after its validation.
    kills = [(2, "before", 1), (5, "writing", 4), (9, "after", 9), (12, "validated", 11)]
    for attempt, (step, when, kept) in enumerate(kills):
        resume = ["--ckpt_path", "last"] if attempt else []
        result = run_process("fit", *SETTINGS, *resume, *interrupt_at(step, when, "SIGKILL"), cwd=tmp_path)
        assert result.returncode == -9, result.stderr
        assert contents_of(tmp_path / RUN / "checkpoints" / "last.ckpt")["global_step"] == kept
    config = (tmp_path / RUN / "config.yaml").read_bytes()
    result = run_process("fit", *SETTINGS, "--ckpt_path", "last", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert_same_ending(uninterrupted, tmp_path)
    assert (tmp_path / RUN / "config.yaml").read_bytes() == config


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_between_accumulated_batches_stops_after_the_next_step(
    cli: Cli, uninterrupted: Path, tmp_path: Path, name: str, status: int
) -> None:
    """A checkpoint has no room for gradients that are half collected."""
    found, _, _ = cli("fit", *SETTINGS, *interrupt_at(7, "after", name))
    assert found == status
    assert contents_of(RUN / "checkpoints" / "last.ckpt")["global_step"] == 8
    assert cli("fit", *SETTINGS, "--ckpt_path", "last")[0] == 0
    assert_same_ending(uninterrupted, tmp_path)


@pytest.mark.parametrize("step", [3, 6, 8, 14, 18])
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_leaves_a_last_checkpoint_that_resumes_exactly(
    cli: Cli, uninterrupted: Path, tmp_path: Path, name: str, status: int, step: int
) -> None:
    """In an epoch's middle (3, 8; 14 in the last one), at the last step of an epoch (6) and of the run (18)."""
    seldom = [*SETTINGS, "--checkpoint.every_n_train_steps", "0"]
    found, _, err = cli("fit", *seldom, *interrupt_at(step, "before", name))
    assert found == status
    assert f"stopped by {name}; the run is saved" in err
    assert contents_of(RUN / "checkpoints" / "last.ckpt")["global_step"] == step
    command = err.strip().splitlines()[-1].split()
    assert command[:2] == ["mnist-cnn", "fit"]
    found, out, _ = cli(*command[1:])
    assert found == 0
    assert ("Nothing was left to train" in out) == (step == 18)
    assert_same_ending(uninterrupted, tmp_path)


@pytest.mark.parametrize("step", [2, 3, 4, 6, 9])
def test_validating_within_epochs_resumes_exactly(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Every third step is followed by a validation, which neither the stop nor the checkpoint may jump over."""
    roots = [tmp_path / "whole", tmp_path / "stopped"]
    for root in roots:
        root.mkdir()
    settings = [*SETTINGS, "--trainer.val_check_interval", "0.5"]
    monkeypatch.chdir(roots[0])
    assert cli("fit", *settings)[0] == 0
    monkeypatch.chdir(roots[1])
    assert cli("fit", *settings, *interrupt_at(step, "before", "SIGTERM"))[0] == 143
    assert cli("fit", *settings, "--ckpt_path", "last")[0] == 0
    assert_same_ending(*roots)


def test_muon_resumes_exactly(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = [tmp_path / "whole", tmp_path / "stopped"]
    for root in roots:
        root.mkdir()
    settings = [*SETTINGS, "--model.optimizer", "muon", "--lr", "0.05", "--model.schedule", "linear"]
    monkeypatch.chdir(roots[0])
    assert cli("fit", *settings)[0] == 0
    monkeypatch.chdir(roots[1])
    assert cli("fit", *settings, *interrupt_at(8, "before", "SIGTERM"))[0] == 143
    assert cli("fit", *settings, "--ckpt_path", "last")[0] == 0
    assert_same_ending(*roots)


def test_weights_go_on_without_averaging_if_it_is_switched_off(cli: Cli, uninterrupted: Path, tmp_path: Path) -> None:
    assert cli("fit", *SETTINGS, *interrupt_at(8, "before", "SIGTERM"))[0] == 143
    stopped = contents_of(RUN / "checkpoints" / "last.ckpt")
    assert cli("fit", *SETTINGS, "--ckpt_path", "last", "--model.ema_decay", "0")[0] == 0
    ended = contents_of(RUN / "checkpoints" / "last.ckpt")
    assert "current_model_state" in stopped
    assert_equal(ended["state_dict"], contents_of(uninterrupted / RUN / "checkpoints/last.ckpt")["current_model_state"])


@pytest.mark.parametrize(
    "remedy", [["--model.class_weights", "balanced", "--model.label_smoothing", "0.1"], ["--data.balance", "true"]]
)
def test_remedies_for_rare_classes_resume_exactly(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remedy: list[str]
) -> None:
    roots = [tmp_path / "whole", tmp_path / "stopped"]
    for root in roots:
        root.mkdir()
    monkeypatch.chdir(roots[0])
    assert cli("fit", *SETTINGS, *remedy)[0] == 0
    monkeypatch.chdir(roots[1])
    assert cli("fit", *SETTINGS, *remedy, *interrupt_at(8, "before", "SIGTERM"))[0] == 143
    assert cli("fit", "--ckpt_path", "last", "--device", "cpu")[0] == 0
    assert_same_ending(*roots)
