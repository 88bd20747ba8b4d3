"""Pictures in TensorBoard: a network and its mistakes while it is trained, and its view of the test images."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor

from mnist_cnn.errors import UserError
from mnist_cnn.evaluation.evaluation import Evaluation
from mnist_cnn.evaluation.introspection import features
from mnist_cnn.evaluation.metrics import tags_of
from mnist_cnn.runs.folders import run_dir_of

FIRST_COST_SECONDS = 2.0  # what drawing is taken to cost before it was done once; matplotlib is imported then
MISTAKES = 16
PROJECTED = 2000  # images in the projector: their sprite is 1260x1260 pixels


class NetworkPictures(Callback):
    """Draws kernels, feature maps of a fixed image, confusion matrix, mistakes and PR curves after some validations.

    After a test, TensorBoard's embedding projector shows what the output layer sees of the first 2,000 test images. Of
    several processes the first one draws what it saw itself.

    Args:
        enabled: Whether to draw anything.
        times: How often in a run, spread over its epochs; the last one is among them.
        largest_share: Largest part of the run's time, from 0 to 1, that drawing may take: what would take more is left
            out, so that short runs may have no pictures.
    """

    def __init__(self, enabled: bool = True, times: int = 4, largest_share: float = 0.03) -> None:
        if times < 1:
            raise UserError(f"times={times}: at least 1 is needed; enabled=false switches pictures off")
        if not 0 <= largest_share <= 1:
            raise UserError(f"largest_share={largest_share}: a number from 0 to 1 is needed")
        self.enabled, self.times, self.largest_share = enabled, times, largest_share
        self._start = 0.0
        self.seconds_spent = 0.0
        self._last_cost = FIRST_COST_SECONDS
        self._is_due = False
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count the run's time."""
        self._start = time.monotonic()

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Decide whether this validation is drawn."""
        self._seen = []
        self._is_due = (
            self.enabled
            and trainer.state.fn == "fit"
            and not trainer.sanity_checking
            and trainer.is_last_batch
            and trainer.is_global_zero
            and self._is_drawing_epoch(trainer)
            and self._is_within_its_share()
        )

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep images (B, C, H, W), labels (B,) and probabilities (B, classes)."""
        if self._is_due:
            images, labels = batch
            self._seen.append((images.cpu(), labels.cpu(), outputs.softmax(dim=1).cpu()))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, if it is due."""
        writers = [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        if not self._is_due or not self._seen or not writers:
            return
        begin = time.monotonic()
        images, labels, probabilities = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen = []
        names: list[str] = pl_module.val_metrics.class_names  # type: ignore[assignment, union-attr]
        results = Evaluation(probabilities, labels, names)
        with _warned_of("pictures"):  # drawn as they are written
            write_pictures(writers, pl_module, results, images, trainer.global_step)
        self._last_cost = time.monotonic() - begin
        self.seconds_spent += self._last_cost

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to collect test images."""
        self._seen = []
        self._is_due = self.enabled and trainer.is_global_zero

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep the first images (B, C, H, W), labels (B,) and features (B, units) for the projector."""
        if not self._is_due or sum(len(labels) for _, labels, _ in self._seen) >= PROJECTED:
            return
        images, labels = batch
        found = self._features_of(pl_module, images)
        if found is None:
            self._is_due = False
        else:
            self._seen.append((images.cpu(), labels.cpu(), found.cpu()))

    @staticmethod
    def _features_of(model: Any, images: Tensor) -> Tensor | None:
        """What the output layer is given (B, units); None, and a warning, where that cannot be seen."""
        found = None
        with _warned_of("projector"):
            found = features(model.network, model.normalise(images))
            if found is None:
                _warn("projector", "the network does not declare its output layer (get_output_layer)")
        return found

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the projector's files into the run's directory."""
        if not self._seen or not trainer.ckpt_path:
            return
        folder = run_dir_of(Path(str(trainer.ckpt_path))) / "projector"
        images, labels, seen = (torch.cat(parts)[:PROJECTED] for parts in zip(*self._seen, strict=True))
        self._seen = []
        names: list[str] = pl_module.test_metrics.class_names  # type: ignore[assignment, union-attr]
        with _warned_of("projector"):
            write_projector(folder, images, labels, seen, names)

    def _is_drawing_epoch(self, trainer: Trainer) -> bool:
        epochs = trainer.max_epochs or -1
        if epochs < 0:  # without a known end: every fifth
            return trainer.current_epoch % 5 == 4
        chosen = {round(epochs * part / self.times) - 1 for part in range(1, self.times + 1)}
        return trainer.current_epoch in chosen

    def _is_within_its_share(self) -> bool:
        elapsed = time.monotonic() - self._start
        return self.seconds_spent + self._last_cost <= self.largest_share * elapsed


def write_pictures(writers: Sequence[Any], model: Any, results: Evaluation, images: Tensor, step: int) -> None:
    """Write what TensorBoard shows of a network and its answers: its IMAGES and PR CURVES.

    Args:
        writers: `SummaryWriter`s.
        model: Normalisation and network.
        results: What it answers on validation images.
        images: These images (N, C, H, W).
        step: Optimiser steps that the network was trained for.
    """
    for tag, figure in _figures(model, results, images):
        for writer in writers:
            writer.add_figure(tag, figure, step, close=False)
    for number, name in enumerate(tags_of(results.class_names)):
        for writer in writers:
            tag = f"precision_recall/{name}"
            writer.add_pr_curve(tag, results.labels == number, results.probabilities[:, number], step)


def write_projector(folder: Path, images: Tensor, labels: Tensor, seen: Tensor, class_names: Sequence[str]) -> None:
    """Write what TensorBoard's embedding projector shows.

    Args:
        folder: Where to; what it holds is replaced.
        images: Images (N, C, H, W).
        labels: True class of each (N,).
        seen: What the output layer is given for each (N, units).
        class_names: Names of the classes.
    """
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    # Three decimals tell all points apart, in a third of the space.
    rounded = seen.double().mul(1000).round().div(1000)
    with SummaryWriter(str(folder)) as writer:
        writer.add_embedding(rounded, [class_names[i] for i in labels.tolist()], _as_sprites(images), tag="test_images")


def _as_sprites(images: Tensor) -> Tensor:
    """Images (N, C, H, W) as the projector shows them: square, grey or of three colours, from 0 to 1."""
    sprites = images.float() / 255
    if sprites.shape[1] != 3:
        sprites = sprites.mean(dim=1, keepdim=True)
    height, width = sprites.shape[-2:]
    side = max(height, width)
    return F.pad(sprites, (0, side - width, 0, side - height))


def _figures(model: Any, results: Evaluation, images: Tensor) -> Iterator[tuple[str, Any]]:
    """Draw the figures with their tags, from what a validation saw; what cannot be drawn is a warning."""
    from mnist_cnn.evaluation import (
        figures,
        report,
    )  # and with it matplotlib, which a run without pictures does not need

    fixed = images[0]  # the same in every run with the same split
    columns = figures.CARD_COLUMNS
    drawings: dict[str, Callable[[], Any]] = {
        "weights/kernels": lambda: report.kernels_of(model, fixed, columns=columns),
        "val_pictures/feature_maps": lambda: report.feature_maps_of(
            model, fixed, "One validation image", most=4, columns=columns
        ),
        "val_pictures/confusion": lambda: report.confusion_of(results, f"{len(images):,} validation images", width=5.4),
        "val_pictures/mistakes": lambda: report.mistakes_of(results, images, MISTAKES, columns),
    }
    yield from report.drawn_safely(drawings, _warn)


@contextmanager
def _warned_of(what: str) -> Iterator[None]:
    """Turn an error of what only shows a run into a warning: it does not end the run."""
    try:
        yield
    except Exception as error:  # of names or images of anyone's
        _warn(what, f"{type(error).__name__}: {' '.join(str(error).split())}")


def _warn(what: str, reason: str | None) -> None:
    """Warn of what failed; that a network has no feature maps is no news at each validation."""
    if reason is not None:
        rank_zero_warn(f"TensorBoard shows no {what}: {reason}")
