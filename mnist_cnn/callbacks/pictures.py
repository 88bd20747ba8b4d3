"""Pictures in TensorBoard: a network and its mistakes while it is trained, and its view of the test images."""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from mnist_cnn import introspection
from mnist_cnn.errors import UserError
from mnist_cnn.runs import run_dir_of

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
        self._spent = 0.0
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
        """Keep images (B, 1, H, W), labels (B,) and probabilities (B, classes)."""
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
        for tag, figure in _figures(pl_module, images, labels, probabilities, names):
            for writer in writers:
                writer.add_figure(tag, figure, trainer.global_step, close=False)
        for number, name in enumerate(names):
            for writer in writers:
                tag = f"precision_recall/{name.replace('/', '-')}"
                writer.add_pr_curve(tag, labels == number, probabilities[:, number], trainer.global_step)
        self._last_cost = time.monotonic() - begin
        self._spent += self._last_cost

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to collect test images."""
        self._seen = []

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        """Keep the first images (B, 1, H, W), labels (B,) and features (B, units) for the projector."""
        if (
            not self.enabled
            or not trainer.is_global_zero
            or sum(len(labels) for _, labels, _ in self._seen) >= PROJECTED
        ):
            return
        images, labels = batch
        features = introspection.last_features(pl_module, images)
        self._seen.append((images.cpu(), labels.cpu(), features.cpu()))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the projector's files into the run's directory."""
        if not self._seen or not trainer.ckpt_path:
            return
        from torch.utils.tensorboard import SummaryWriter

        folder = run_dir_of(Path(str(trainer.ckpt_path))) / "projector"
        shutil.rmtree(folder, ignore_errors=True)
        images, labels, features = (torch.cat(parts)[:PROJECTED] for parts in zip(*self._seen, strict=True))
        self._seen = []
        names: list[str] = pl_module.test_metrics.class_names  # type: ignore[assignment, union-attr]
        with SummaryWriter(str(folder)) as writer:
            sprites = images.float() / 255
            writer.add_embedding(features, [names[label] for label in labels.tolist()], sprites, tag="test images")

    def _is_drawing_epoch(self, trainer: Trainer) -> bool:
        epochs = trainer.max_epochs or -1
        if epochs < 0:  # without a known end: every fifth
            return trainer.current_epoch % 5 == 4
        chosen = {round(epochs * part / self.times) - 1 for part in range(1, self.times + 1)}
        return trainer.current_epoch in chosen

    def _is_within_its_share(self) -> bool:
        elapsed = time.monotonic() - self._start
        return self._spent + self._last_cost <= self.largest_share * elapsed


def _figures(
    classifier: Any, images: Tensor, labels: Tensor, probabilities: Tensor, names: list[str]
) -> list[tuple[str, Any]]:
    """Draw the figures with their tags, from what a validation saw."""
    from mnist_cnn import figures
    from mnist_cnn.report import mistakes_sheet

    count = len(names)
    predicted = probabilities.argmax(dim=1)
    counts = torch.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)
    title, weights = introspection.first_kernels(classifier.network)
    drawn = [
        ("network/kernels", figures.kernels(weights.float().cpu(), title)),
        ("results/confusion", figures.confusion_matrix(counts, names, f"{len(labels):,} validation images")),
    ]
    fixed = images[:1].to(classifier.device)  # the same in every run with the same split
    maps = introspection.feature_maps(classifier, fixed)
    if maps:
        layers = [(name, output[0].float().cpu()) for name, output in maps]
        drawn.append(("network/feature_maps", figures.feature_maps(images[0, 0], layers, "One validation image", 8)))
    wrong = (predicted != labels).nonzero()[:, 0]
    worst = wrong[probabilities[wrong].max(dim=1).values.argsort(descending=True)[:MISTAKES]]
    if len(worst):
        sheet = mistakes_sheet(images[worst, 0], labels[worst].numpy(), probabilities[worst].numpy(), names)
        drawn.append(("results/mistakes", sheet))
    return drawn
