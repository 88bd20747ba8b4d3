"""ImageClassifier: the LightningModule that trains any of the networks.

trainer = Trainer(max_epochs=20)
trainer.fit(ImageClassifier(CNN()), datamodule=MNISTDataModule(rotation=12))
classifier = ImageClassifier.load_from_checkpoint("lightning_logs/version_0/checkpoints/best.ckpt")
probabilities = classifier.predict_proba(images)  # uint8 (B, 1, 28, 28) -> (B, 10)
"""

from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from mnist_cnn.callbacks.curves import TrainingCurves, write_curves
from mnist_cnn.callbacks.freezing import BackboneFreezing
from mnist_cnn.callbacks.randomness import StepSeeds
from mnist_cnn.errors import UserError
from mnist_cnn.metrics import EvaluationMetrics, combined_state
from mnist_cnn.networks import Network, build_network
from mnist_cnn.networks.base import IMAGE_SIZE
from mnist_cnn.optimization import (
    CompileMode,
    OptimizerName,
    ScheduleName,
    apply_settings,
    build_optimizer,
    check_settings,
    lr_factor,
)
from mnist_cnn.provenance import compare_data
from mnist_cnn.settings import plain

# MNIST's own statistics: what is used if the images do not come from MNISTDataModule, which measures them.
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


class ImageClassifier(LightningModule):
    """Normalises images, runs a network on them, and trains it with cross-entropy.

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

    Raises:
        UserError: for arguments out of their range.
    """

    mean: Tensor
    std: Tensor

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
    ) -> None:
        super().__init__()
        settings = {name: value for name, value in locals().items() if name not in ("self", "network", "__class__")}
        check_settings(settings)
        # From a checkpoint the network comes as plain types, so that the file loads without unpickling any class.
        network = build_network(network) if isinstance(network, dict) else network
        self.save_hyperparameters({"network": network.spec(), **plain(settings)})
        # Convolutions run up to twice as fast on the CPU, and on GPUs in half precision, with channels last.
        self.network = network.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(MNIST_MEAN))
        self.register_buffer("std", torch.tensor(MNIST_STD))
        self.provenance: dict[str, Any] | None = None  # what the network was trained on; see MNISTDataModule.provenance
        self.latest_metrics: dict[str, float] = {}
        self.last_loss: Tensor | None = None
        self.compiled_network: Any = None  # for training steps only: others look into the network, or trace it
        self.example_input_array = torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE)  # for TensorBoard's graph
        self._set_up_metrics([str(label) for label in range(network.num_classes)])

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 1, H, W), grey values from 0 to 255 in any number type, to logits (B, num_classes)."""
        normalised = (images.float() / 255 - self.mean) / self.std
        network = self.compiled_network if self.training and self.compiled_network else self.network
        return network(normalised.to(next(self.network.parameters()).dtype))  # which is not float32 in "bf16-true"

    @torch.no_grad()
    def predict_proba(self, images: Tensor) -> Tensor:
        """Map images (B, 1, H, W), grey values from 0 to 255, to probabilities (B, num_classes) without dropout.

        Raises:
            UserError: for images of another shape.
        """
        images = torch.as_tensor(images)
        if images.ndim != 4 or images.shape[1] != 1:
            raise UserError(f"images of shape {tuple(images.shape)}: (B, 1, H, W) is needed, one grey channel")
        was_training = self.training
        self.eval()
        probabilities = self(images.to(self.device)).float().softmax(dim=1)
        self.train(was_training)
        return probabilities

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the mean loss of a batch: images (B, 1, H, W) and labels (B,)."""
        losses, logits, labels = self._shared_step(batch, self.hparams["label_smoothing"])
        loss = losses.mean()
        self.last_loss = loss.detach()
        self.train_loss.update(losses.detach())
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

    def _shared_step(self, batch: tuple[Tensor, Tensor], label_smoothing: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """Losses (B,), logits (B, num_classes) in float32 and labels (B,): the same for training and evaluation."""
        images, labels = batch
        logits = self(images).float()
        try:
            losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
        except IndexError as error:
            raise UserError(f"{error}: labels must be from 0 to num_classes - 1 = {logits.shape[1] - 1}") from error
        return losses, logits, labels

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

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self.log_dict(self.test_metrics.compute_and_reset())

    def configure_optimizers(self) -> Any:
        """Build the optimiser, and the schedule that steps with every batch."""
        settings = self.hparams
        optimizer = build_optimizer(self.network, settings)
        total_steps, steps_per_epoch = self._steps()
        schedule = LambdaLR(
            optimizer,
            lambda step: lr_factor(
                step,
                settings["schedule"],
                total_steps,
                settings["warmup"],
                settings["step_factor"],
                settings["step_epochs"] * steps_per_epoch,
            ),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_callbacks(self) -> list[Callback]:
        """Give a training run resumable randomness, its curves and, if asked for, freezing and weight averaging."""
        if self.trainer.state.fn != "fit":
            return []
        callbacks: list[Callback] = [StepSeeds(), TrainingCurves()]
        if self.hparams["freeze_epochs"] and self.network.get_backbone() is not None:
            callbacks.append(BackboneFreezing(self.hparams["freeze_epochs"]))
        if decay := self.hparams["ema_decay"]:
            # On the device from the start: the callback copies the weights before the strategy moves them there.
            device = self.trainer.strategy.root_device
            callbacks.append(WeightAveraging(device=device, multi_avg_fn=get_ema_multi_avg_fn(decay)))
        return callbacks

    def setup(self, stage: str) -> None:
        """Take over class names and pixel statistics of the data, and pretrained weights for a new run.

        Raises:
            UserError: if the network and the data do not have the same number of classes, or weights cannot be had.
        """
        # One process reads the weights; those that train with it are given the weights of that one.
        if stage == "fit" and self.trainer.ckpt_path is None and self.trainer.is_global_zero:
            self.network.load_pretrained()
        data: Any = getattr(self.trainer, "datamodule", None)
        if not hasattr(data, "provenance"):
            return
        if data.num_classes != self.network.num_classes:
            raise UserError(
                f"the network has num_classes={self.network.num_classes}, but {data.dataset} has {data.num_classes} "
                f"classes: set --model.network.num_classes {data.num_classes}"
            )
        self._set_up_metrics(data.provenance["class_names"])
        if stage == "fit":
            mean, std = data.pixel_statistics()
            self.mean.fill_(mean)
            self.std.fill_(std)
            self.provenance = data.provenance

    def on_validation_start(self) -> None:
        """See that the validation images are of the kind that the network was trained on."""
        if self.trainer.state.fn == "validate":
            self._compare_data()

    def on_test_start(self) -> None:
        """See that the test images are of the kind that the network was trained on."""
        self._compare_data()

    def on_train_start(self) -> None:
        """Let the given hyperparameters win over those of the optimiser's checkpoint; compile, if asked to."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        schedule: Any = self.lr_schedulers()
        apply_settings(optimizer, schedule, self.network, self.hparams)
        if mode := self.hparams["compile_mode"]:
            self.compiled_network = torch.compile(self.network.forward, mode=mode)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the classifier was trained on, the latest metrics, and the means of an epoch that is under way."""
        checkpoint["provenance"] = self.provenance
        if self._trainer is not None and self.trainer.callback_metrics:
            self.latest_metrics = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        checkpoint["metrics"] = self.latest_metrics
        checkpoint["train_metrics"] = [combined_state(metric) for metric in (self.train_loss, self.train_accuracy)]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back what `on_save_checkpoint` added, and what the given settings leave of the rest."""
        self.provenance = checkpoint.get("provenance")
        self.latest_metrics = checkpoint.get("metrics", {})
        if self._trainer is None or self.trainer.state.fn != "fit":
            return
        self._compare_data()  # here, before the run's directory is touched
        if checkpoint["hyper_parameters"]["optimizer"] != self.hparams["optimizer"]:
            checkpoint["optimizer_states"] = []  # another optimiser begins anew
        if "current_model_state" in checkpoint and not self.hparams["ema_decay"]:
            checkpoint["state_dict"] = checkpoint["current_model_state"]  # go on training these, not their averages
        # The state is that of all processes together: one of them takes it over.
        states = checkpoint.get("train_metrics", []) if self.trainer.is_global_zero else []
        for metric, state in zip((self.train_loss, self.train_accuracy), states, strict=False):
            for name, value in state.items():
                setattr(metric, name, value.to(self.trainer.strategy.root_device))
            metric._update_count = 1  # else compute() warns that nothing has been seen

    def _compare_data(self) -> None:
        """See that the data in use are of the kind that the checkpoint was trained on.

        Raises:
            UserError: if one of them stands in for the other.
        """
        data: Any = getattr(self.trainer, "datamodule", None)
        if self.provenance is None or not hasattr(data, "provenance"):
            return
        is_training = self.trainer.state.fn == "fit"
        compare_data(self.provenance, data.provenance, is_training)
        if is_training:
            self.provenance = data.provenance

    def _set_up_metrics(self, class_names: list[str]) -> None:
        self.train_loss = MeanMetric()
        self.train_accuracy = MulticlassAccuracy(len(class_names), average="micro", validate_args=False)
        self.val_metrics = EvaluationMetrics("val", class_names)
        self.test_metrics = EvaluationMetrics("test", class_names)

    def _steps(self) -> tuple[int, int]:
        """Optimiser steps of the whole run and of one epoch.

        Not `trainer.estimated_stepping_batches`: that builds the training loader, and its resumed position is lost.
        """
        trainer = self.trainer
        data: Any = getattr(trainer, "datamodule", None)
        if not hasattr(data, "training_batches_per_epoch"):
            total = int(trainer.estimated_stepping_batches)
            return total, max(total // max(trainer.max_epochs or 1, 1), 1)
        batches, limit = data.training_batches_per_epoch(), trainer.limit_train_batches
        batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit or batches)
        steps_per_epoch = max(-(-batches // trainer.accumulate_grad_batches), 1)
        epochs = -1 if trainer.max_epochs is None else trainer.max_epochs
        total = steps_per_epoch * epochs if epochs >= 0 else -1
        if trainer.max_steps > 0:
            total = trainer.max_steps if total < 0 else min(total, trainer.max_steps)
        if total < 0 and self.hparams["schedule"] in ("linear", "cosine", "one_cycle"):
            raise UserError(f"schedule {self.hparams['schedule']!r} needs an end: set --trainer.max_epochs")
        return total, steps_per_epoch
