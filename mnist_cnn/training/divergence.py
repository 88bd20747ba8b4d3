"""Runs that diverge: they end with a sentence, and nothing that is no number takes the place of what was good."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from mnist_cnn.errors import DivergedError, UserError
from mnist_cnn.runs.settings import resume_command

LARGEST_ADVISED = 0.01  # learning rate; a rate that diverged may have been of any size


class DivergenceGuard(Callback):
    """Ends a run whose weights are no finite numbers any more.

    They are looked at after each epoch, and when a loss that is written down is not finite. A loss alone proves little:
    in float16 a step that overflows is left out, and the next is as good as ever. Nothing is asked of the device in
    other steps, as it would have to be waited for.
    """

    def __init__(self) -> None:
        self._steps_seen = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count at the step that the run starts from."""
        self._steps_seen = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the loss in the steps in which it is written down."""
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if trainer.global_step == self._steps_seen or not every or trainer.global_step % every:
            return
        self._steps_seen = trainer.global_step
        loss: Any = pl_module.last_loss
        is_bad = not math.isfinite(float(loss))
        if trainer.world_size > 1:  # each process has a loss of its own, and all must stop after the same step
            is_bad = trainer.strategy.reduce_boolean_decision(is_bad, all=False)
        if is_bad:
            check_weights(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the weights."""
        check_weights(trainer, pl_module)


def check_weights(trainer: Trainer, module: nn.Module) -> None:
    """See that all weights of a run are finite numbers, as before they are kept.

    Raises:
        DivergedError: if they are not.
    """
    if not are_finite(module):
        raise DivergedError(_explained(trainer, "weights of the network are no finite numbers any more"))


def check_loss(trainer: Trainer, metrics: Mapping[str, Any], name: str) -> None:
    """See that the loss of an evaluation is a finite number.

    Raises:
        DivergedError: if it is not while a network is trained.
        UserError: if it is not otherwise.
    """
    value = float(metrics[name])
    if math.isfinite(value):
        return
    if trainer.state.fn == "fit":
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        if not any(isinstance(callback, DivergenceGuard) for callback in callbacks):
            return  # Lightning tries something out, as a range of learning rates, without the run's own callbacks
        raise DivergedError(_explained(trainer, f"{name} is {value}"))
    raise UserError(
        f"{trainer.ckpt_path or 'the network'} answers with values that are no finite numbers at precision "
        f"{trainer.precision} ({name} is {value}): take another checkpoint, or --trainer.precision 32-true"
    )


def are_finite(module: nn.Module) -> bool:
    """Whether all parameters and buffers are finite numbers; the device is waited for once."""
    values = [value.detach() for value in (*module.parameters(), *module.buffers()) if value.is_floating_point()]
    # The extremes, and not a mask of isfinite: they take no memory, and a nan is one.
    ends = [end.float() for value in values if value.numel() for end in value.aminmax()]
    return not ends or bool(torch.stack(ends).isfinite().all())


def _explained(trainer: Trainer, what: str) -> str:
    """Say where a run diverged, what is left of it, and the ways out."""
    run_dir: Path | None = getattr(trainer, "run_dir", None)
    last = run_dir / "checkpoints" / "last.ckpt" if run_dir else None
    settings: Any = getattr(trainer.lightning_module, "optimizer_settings", None)
    flag = f"--lr {min(settings.lr / 10, LARGEST_ADVISED):.2g}" if settings else "--lr 0.001"
    if last and last.is_file():
        kept = f"The last good state is kept; go on from it with:\n  {resume_command(last)} {flag}\n"
    else:
        kept = f"It had kept no checkpoint yet. Try again with a smaller rate, as {flag}. "
    half = str(trainer.precision) in ("16-true", "16-mixed")
    precision = f", --trainer.precision 32-true instead of {trainer.precision}" if half else ""
    return (
        f"training diverged in epoch {trainer.current_epoch}, after {trainer.global_step} steps: {what}. {kept}"
        f"Other ways out: --trainer.gradient_clip_val 1{precision}; --trainer.detect_anomaly true names the operation "
        f"that fails first"
    )
