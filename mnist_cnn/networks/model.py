"""Model: normalisation and network together, the one place where pixels become logits."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import Network
from mnist_cnn.pixels import WHITE, factor_to_bytes

# MNIST's own statistics: what is used until those of the data are set.
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


class Model(nn.Module):
    """Maps uint8 images to logits: scaled to 0 to 1, normalised by the training images' statistics, and the network.

    Training, prediction, figures and export all go through it. Its state is named `mean`, `std` and `network.*`.

    Args:
        network: The network.

    Attributes:
        mean: Mean of the training images' pixels, from 0 to 1: a single number for grey images, (C, 1, 1) for others.
        std: Their standard deviation, in the same shape.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network) -> None:
        super().__init__()
        # Convolutions run up to twice as fast on the CPU, and on GPUs in half precision, with channels last.
        self.network = network.to(memory_format=torch.channels_last)
        channels = network.init_args.get("in_channels", 1)
        self.register_buffer("mean", _per_channel([MNIST_MEAN] * channels))
        self.register_buffer("std", _per_channel([MNIST_STD] * channels))

    def set_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take over mean and standard deviation of each channel, from 0 to 1.

        Raises:
            UserError: if there are not as many as the network has input channels.
        """
        if len(mean) != self.mean.numel() and self._declares_channels:
            raise UserError(
                f"the network takes images of {self.mean.numel()} channel(s), but those of the data have {len(mean)}: "
                f"set --model.network.in_channels {len(mean)}"
            )
        # A channel that is the same in all images says nothing; divided by zero it would spoil the rest.
        found = _per_channel(mean), _per_channel([value or 1.0 for value in std])
        self.mean, self.std = (value.to(self.mean.device) for value in found)

    @property
    def _declares_channels(self) -> bool:
        """Whether the network says how many channels it takes; else it takes those of its data."""
        return "in_channels" in self.network.init_args

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take over a state's statistics in its own shape where the network does not say how many channels it takes."""
        for name in ("mean", "std"):
            kept = state_dict.get(prefix + name)
            if kept is not None and not self._declares_channels:
                setattr(self, name, torch.empty_like(kept, device=self.mean.device))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def normalise(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W), values from 0 to 255 in any number type, to what the network is given."""
        normalised = (images.float() / 255 - self.mean) / self.std
        # Which is not float32 in the precision "bf16-true".
        return normalised.to(next((parameter.dtype for parameter in self.network.parameters()), torch.float32))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W), values from 0 to 255 in any number type, to logits (B, num_classes)."""
        return self.network(self.normalise(images))

    @torch.no_grad()
    def predict_proba(self, images: Any) -> Tensor:
        """Map images (B, C, H, W), a tensor or an array, to probabilities (B, num_classes) without dropout.

        Args:
            images: Pixels from 0 to 255 in any number type, or floats from 0 to 1; all of them together tell which.

        Raises:
            UserError: for images of another shape, and for values of another range.
        """
        images = torch.as_tensor(images)
        channels = self.mean.numel()
        if images.ndim != 4 or images.shape[1] != channels:
            kind = "one grey channel" if channels == 1 else f"{channels} channels"
            raise UserError(f"images of shape {tuple(images.shape)}: (B, {channels}, H, W) is needed, {kind}")
        was_training = self.training
        self.eval()
        factor = pixel_factor(images)
        images = images.to(self.mean.device)
        probabilities = self(images if factor in (1.0, None) else images * factor).float().softmax(dim=1)
        self.train(was_training)
        return probabilities


def pixel_factor(images: Tensor) -> float | None:
    """What images of any number type have to be multiplied by to run from 0 to 255; see `factor_to_bytes`.

    Bytes are taken as they are, and not looked at.

    Raises:
        UserError: for values of another range.
    """
    if images.dtype == torch.uint8 or not images.numel():
        return 1.0
    if images.dtype == torch.bool:
        return float(WHITE)
    lowest, highest = (float(value) for value in images.aminmax())
    if images.is_floating_point():
        return factor_to_bytes(lowest, highest)
    if lowest < 0 or highest > WHITE:
        raise UserError(f"images with whole numbers from {lowest:.0f} to {highest:.0f}: pixels are from 0 to {WHITE}")
    return 1.0


def _per_channel(values: Sequence[float]) -> Tensor:
    """Values (C,) in the shape in which they meet images: a single one as a number, as it has always been kept."""
    return torch.tensor(values[0]) if len(values) == 1 else torch.tensor(values)[:, None, None]
