"""ImageClassifier: the LightningModule that trains any of the networks.

trainer = Trainer(max_epochs=20)
trainer.fit(ImageClassifier(CNN()), datamodule=MNISTDataModule(rotation=12))
classifier = ImageClassifier.load_from_checkpoint("lightning_logs/version_0/checkpoints/best.ckpt")
probabilities = classifier.predict_proba(images)  # uint8 (B, 1, 28, 28) -> (B, 10)
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification.accuracy import MulticlassAccuracy

from mnist_cnn.data.batches import TrainingBatches
from mnist_cnn.errors import UserError, check_between, check_choice
from mnist_cnn.evaluation.metrics import EvaluationMetrics, combined_state
from mnist_cnn.files import plain
from mnist_cnn.networks import Network, build_network
from mnist_cnn.networks.model import Model
from mnist_cnn.optim.optimizers import OptimizerName, OptimizerSettings, apply_settings, build_optimizer
from mnist_cnn.optim.schedules import ScheduleName, ScheduleSettings
from mnist_cnn.runs.checkpoint import METRICS, PROVENANCE, TRAINING_METRICS, Checkpoint
from mnist_cnn.runs.provenance import Provenance, compare
from mnist_cnn.training.adaptation import adapt
from mnist_cnn.training.callbacks import training_callbacks
from mnist_cnn.training.curves import write_curves
from mnist_cnn.training.divergence import check_loss
from mnist_cnn.training.foreign import ForeignPixels, images_of
from mnist_cnn.training.restoring import check_optimizer_state
from mnist_cnn.training.resume import restore_metrics, without_what_changed
from mnist_cnn.training.schedule import OwnSchedule, RunSchedule
from mnist_cnn.training.weighting import ClassWeights, add_weighted, weights_for

CompileMode = Literal["default", "reduce-overhead", "max-autotune"]


class ImageClassifier(Model, LightningModule):
    """A model that is trained with cross-entropy.

    Checkpoints hold plain types and tensors only, and everything that is needed to build the classifier again.

    Args:
        network: The network to train (or what `Network.spec` says of one, as it stands in checkpoints).
        optimizer: Name of the optimiser.
        lr: Largest learning rate of the schedule.
        adamw_lr: For muon, which trains the weights of hidden layers with `lr`: the largest learning rate of all other
            parameters (biases, scales, the output layer), which AdamW trains beside it.
        weight_decay: Weight decay (adamw, muon) or L2 coefficient (adam, sgd).
        momentum: Momentum of sgd and muon; beta1 of adam and adamw.
        nesterov: Nesterov's form of sgd's momentum.
        schedule: Name of the learning-rate schedule; all of them step once a batch.
        warmup: Part of the run, from 0 to 1, in which the learning rate rises.
        step_epochs: Epochs between two drops of the "step" schedule.
        step_factor: Factor of each drop of the "step" schedule.
        label_smoothing: Part of the target's probability, from 0 to 1, that is spread over all classes in training.
        ema_decay: Decay for each step of the exponential moving average of the weights that is then validated, tested
            and kept as the result; 0 switches averaging off.
        freeze_epochs: Epochs at the start in which a pretrained backbone stays as it is, in networks that have one.
        backbone_lr_factor: Learning rate of a pretrained backbone, in parts of `lr`.
        compile_mode: Mode of torch.compile for training, which takes a minute first; None does not compile.
        class_weights: "balanced" weighs the training loss so that each class counts as much as any other, however many
            images it has: N / (classes * n) for one of n among N training images. None weighs every image alike, as
            validation and test always do.

    Raises:
        UserError: for arguments out of their range.
    """

    def __init__(
        self,
        network: Network,
        optimizer: OptimizerName = "adamw",
        lr: float = 3e-3,
        adamw_lr: float = 0.01,
        weight_decay: float = 0.01,
        momentum: float = 0.9,
        nesterov: bool = True,
        schedule: ScheduleName = "one_cycle",
        warmup: float = 0.2,
        step_epochs: int = 5,
        step_factor: float = 0.1,
        label_smoothing: float = 0.0,
        ema_decay: float = 0.0,
        freeze_epochs: int = 0,
        backbone_lr_factor: float = 1.0,
        compile_mode: CompileMode | None = None,
        class_weights: ClassWeights | None = None,
    ) -> None:
        # From a checkpoint the network comes as plain types, so that the file loads without unpickling any class.
        super().__init__(build_network(network) if isinstance(network, dict) else network)
        # Plain types, as they go into the optimiser and so into checkpoints.
        self.optimizer_settings = OptimizerSettings(
            *plain((optimizer, lr, adamw_lr, weight_decay, momentum, nesterov, backbone_lr_factor))
        )
        self.schedule_settings = ScheduleSettings(*plain((schedule, warmup, step_epochs, step_factor)))
        for name, share in (("label_smoothing", label_smoothing), ("ema_decay", ema_decay)):
            check_between(name, share, 0, 1)
        check_between("freeze_epochs", freeze_epochs, 0)
        if compile_mode is not None:
            check_choice("compile_mode", compile_mode, CompileMode)
        if class_weights is not None:
            check_choice("class_weights", class_weights, ClassWeights)
        self.label_smoothing, self.ema_decay, self.freeze_epochs = label_smoothing, ema_decay, freeze_epochs
        self.compile_mode, self.class_weights = compile_mode, class_weights
        self.loss_weights: Tensor | None = None  # of the classes, from the training images
        self.save_hyperparameters(
            {
                "network": self.network.spec(),
                **asdict(self.optimizer_settings),
                **asdict(self.schedule_settings),
                **plain({"label_smoothing": label_smoothing, "ema_decay": ema_decay, "freeze_epochs": freeze_epochs}),
                "compile_mode": compile_mode,
                "class_weights": class_weights,
            }
        )
        self.provenance: Provenance | None = None  # what the network was trained on
        self.has_weights = False  # of another run, so that pretrained ones are not wanted
        self.started_from = ""
        self.latest_metrics: dict[str, float] = {}
        self.last_loss: Tensor | None = None
        self.foreign_pixels = ForeignPixels()
        self.compiled_network: Any = None  # for training steps only: others look into the network, or trace it
        size = self.network.init_args.get("input_shape", (28, 28))
        self.example_input_array = torch.zeros(1, self.mean.numel(), *size)  # for TensorBoard's graph
        self._set_up_metrics([str(label) for label in range(self.network.num_classes)])

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As Lightning's; a file is looked through first, as by every command.

        Raises:
            UserError: if it is damaged, was altered or is none of this project's.
        """
        if isinstance(checkpoint_path, str | Path) and Path(checkpoint_path).is_file():
            Checkpoint.read(Path(checkpoint_path))
        return super().load_from_checkpoint(checkpoint_path, *args, **kwargs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W), values from 0 to 255 in any number type, to logits (B, num_classes)."""
        network = self.compiled_network if self.training and self.compiled_network else self.network
        return network(self.normalise(images))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the mean loss of a batch: images (B, C, H, W) and labels (B,), or probabilities (B, num_classes).

        Of samples that are mixed, the class with the larger share counts as the right answer in train/accuracy.
        """
        losses, logits, labels = self._shared_step(batch, self.label_smoothing, self.loss_weights)
        if self.loss_weights is None:
            loss = losses.mean()
            self.train_loss.update(losses.detach())
        else:
            loss = add_weighted(self.train_loss, losses, batch[1], self.loss_weights)
        self.last_loss = loss.detach()
        self.train_accuracy.update(logits.detach().argmax(dim=1), labels)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Add a batch to the validation metrics, and return its logits (B, num_classes) for those who draw them."""
        losses, logits, labels = self._shared_step(batch)
        self.val_metrics.update(losses, logits, labels)
        return logits

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Add a batch to the test metrics."""
        self.test_metrics.update(*self._shared_step(batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the probabilities (B, num_classes) of a batch: images (B, C, H, W), alone or with labels."""
        return self(self._pixels(images_of(batch))).float().softmax(dim=1)

    def _shared_step(
        self, batch: tuple[Tensor, Tensor], label_smoothing: float = 0.0, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Losses (B,), logits (B, num_classes) in float32 and labels (B,): the same for training and evaluation.

        For probabilities (B, num_classes) in the labels' place, labels are the most probable classes.
        """
        images, labels = batch
        logits = self(self._pixels(images)).float()
        try:
            losses = F.cross_entropy(logits, labels, reduction="none", weight=weights, label_smoothing=label_smoothing)
        except IndexError as error:
            raise UserError(f"{error}: labels must be from 0 to num_classes - 1 = {logits.shape[1] - 1}") from error
        return losses, logits, labels.argmax(dim=1) if labels.is_floating_point() else labels

    def _pixels(self, images: Tensor) -> Tensor:
        """Images with values from 0 to 255: ours have them, those of loaders from elsewhere are brought there."""
        # Ours are floats in training alone, where they are augmented. The loader tells, not the data module: that stays
        # with a Trainer that is given other loaders afterwards.
        is_ours = self.training and self._trainer and isinstance(self._trainer.train_dataloader, TrainingBatches)
        if images.dtype == torch.uint8 or is_ours:
            return images
        return self.foreign_pixels(images, self._trainer.state.stage if self._trainer else None)

    def on_train_epoch_end(self) -> None:
        """Log loss and accuracy over the epoch, as they were while training (with dropout and augmentation)."""
        means = {"train/loss": self.train_loss.compute(), "train/accuracy": self.train_accuracy.compute()}
        self.train_loss.reset()
        self.train_accuracy.reset()
        self.log_dict(means, logger=False)
        write_curves(self.trainer, means)

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics."""
        values = self.val_metrics.compute_and_reset()
        training = self.trainer.state.fn == "fit"
        self.log_dict(values, logger=not training)
        if training and not self.trainer.sanity_checking:
            write_curves(self.trainer, values)
        check_loss(self.trainer, values, "val/loss")

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        values = self.test_metrics.compute_and_reset()
        check_loss(self.trainer, values, "test/loss")
        self.log_dict(values)

    def configure_optimizers(self) -> Any:
        """Build the optimiser, and the schedule that steps with every batch."""
        optimizer = build_optimizer(self.network, self.optimizer_settings)
        self.run_schedule = RunSchedule(self.schedule_settings, self.trainer)
        # A function, as the state of an object would stand in checkpoints.
        schedule = OwnSchedule(optimizer, lambda step: self.run_schedule.factor(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_callbacks(self) -> list[Callback]:
        """Give a training run what it needs, and let the callbacks that it was given find what they look for."""
        if self.trainer.state.fn != "fit":
            return []
        adapt(self.trainer.callbacks, self.network, is_closed=type(self) is ImageClassifier)  # type: ignore[attr-defined]
        return training_callbacks(self)

    def setup(self, stage: str) -> None:
        """Take over class names and pixel statistics of the data, and pretrained weights for a new run.

        Raises:
            UserError: if network and data do not have the same number of classes or channels, or weights cannot be had.
        """
        # One process reads the weights; those that train with it are given the weights of that one.
        begins = stage == "fit" and self.trainer.ckpt_path is None and not self.has_weights
        if begins and self.trainer.is_global_zero:
            self.network.load_pretrained()
        data, self.foreign_pixels, self.loss_weights = self._data(), ForeignPixels(), None
        if stage == "fit" and self.class_weights is not None:
            self.loss_weights = weights_for(data, self.class_weights).to(self.trainer.strategy.root_device)
        if data is None:
            return
        if data.num_classes != self.network.num_classes:
            raise UserError(
                f"the network has num_classes={self.network.num_classes}, but {data.dataset} has {data.num_classes} "
                f"classes: set --model.network.num_classes {data.num_classes}"
            )
        self._set_up_metrics(list(data.source.class_names))
        self.example_input_array = torch.zeros(1, *data.source.image_shape)
        if stage == "fit":
            self.set_statistics(*data.pixel_statistics())
            self.provenance = replace(Provenance.of(data), started_from=self.started_from)

    def on_validation_start(self) -> None:
        """See that the validation images are of the kind that the network was trained on."""
        if self.trainer.state.fn == "validate":
            self._compare_data()

    def on_test_start(self) -> None:
        """See that the test images are of the kind that the network was trained on."""
        self._compare_data()

    def on_train_start(self) -> None:
        """Let the given hyperparameters win over those of the optimiser's checkpoint; compile, if asked to.

        Those that were found between the optimiser's making and this count as given, as `LearningRateFinder` sets them.
        """
        found = {name: plain(self.hparams[name]) for name in asdict(self.optimizer_settings)}
        self.optimizer_settings = OptimizerSettings(**found)
        schedule = self.lr_schedulers()
        if isinstance(schedule, OwnSchedule):  # else somebody has put another one in its place
            self.run_schedule.count_steps(self.trainer)
            optimizer: Any = self.optimizers(use_pl_optimizer=False)
            check_optimizer_state(optimizer)
            apply_settings(optimizer, schedule, self.network, self.optimizer_settings)
        if self.compile_mode and self.compiled_network is None:
            self.compiled_network = torch.compile(self.network.forward, mode=self.compile_mode)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the classifier was trained on, the latest metrics, and the means of an epoch that is under way."""
        checkpoint[PROVENANCE] = self.provenance.to_plain() if self.provenance else None
        if self._trainer is not None and self.trainer.callback_metrics:
            self.latest_metrics = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        checkpoint[METRICS] = self.latest_metrics
        checkpoint[TRAINING_METRICS] = [combined_state(metric) for metric in (self.train_loss, self.train_accuracy)]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back what `on_save_checkpoint` added, and what the given settings leave of the rest."""
        kept = checkpoint.get(PROVENANCE)
        self.provenance = Provenance.from_plain(kept) if kept else None
        self.started_from = self.provenance.started_from if self.provenance else ""
        self.latest_metrics = checkpoint.get(METRICS, {})
        if self._trainer is None or self.trainer.state.fn != "fit":
            return
        self._compare_data()  # here, before the run's directory is touched
        averages = any(isinstance(callback, WeightAveraging) for callback in self.trainer.callbacks)  # type: ignore[attr-defined]
        without_what_changed(checkpoint, self.optimizer_settings.optimizer, averages)
        # The state is that of all processes together: one of them takes it over.
        if self.trainer.is_global_zero:
            device = self.trainer.strategy.root_device
            restore_metrics([self.train_loss, self.train_accuracy], checkpoint.get(TRAINING_METRICS, []), device)

    def _compare_data(self) -> None:
        """See that the data in use are of the kind that the checkpoint was trained on.

        Raises:
            UserError: if one of them stands in for the other.
        """
        data = self._data()
        if self.provenance is None or data is None:
            return
        is_training = self.trainer.state.fn == "fit"
        if warning := compare(self.provenance, Provenance.of(data), is_training):
            rank_zero_warn(warning)
        if is_training:
            self.provenance = replace(Provenance.of(data), started_from=self.started_from)

    def _data(self) -> Any:
        """The `MNISTDataModule` that the trainer uses; None for loaders of any other kind."""
        data: Any = getattr(self.trainer, "datamodule", None)
        return data if hasattr(data, "source") else None

    def _set_up_metrics(self, class_names: list[str]) -> None:
        self.train_loss = MeanMetric()
        self.train_accuracy = MulticlassAccuracy(len(class_names), average="micro", validate_args=False)
        self.val_metrics = EvaluationMetrics("val", class_names)
        self.test_metrics = EvaluationMetrics("test", class_names)
