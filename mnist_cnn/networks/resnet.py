"""ResNet: convolutions with ways around them, batch norm and global average pooling; any size, grey or colour."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import Network, check_input, check_num_classes


class ResNet(Network):
    """Stages of residual blocks with batch norm, each halving the maps; global average pooling and the output layer.

    A stage is a convolution that sets the number of channels, 2x2 max-pooling, and residual blocks of two convolutions
    (He et al., "Deep Residual Learning for Image Recognition", 2016). With the defaults:

        (B, 1, 28, 28) -> (B, 16, 14, 14) -> (B, 32, 7, 7) -> (B, 64, 4, 4) -> (B, 64) -> (B, 10)

    As in the residual networks that train fastest on CIFAR-10 (Page, "How to Train Your ResNet", 2018), it is the
    stage's first convolution that changes size and channels, and not a block: so every way around is the identity.
    Images of any size work, even smaller ones than the stages could halve: a map of one pixel stays one.

    Args:
        channels: Width: channels of each stage; one stage for each number.
        depth: Residual blocks in each stage: one number for all stages, or one for each. 0 leaves the stage's first
            convolution alone, which is worth it for the first stage, where a block costs four times the work of one
            with as many channels in the next.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.

    Raises:
        UserError: for arguments out of their range.
    """

    input_size = "from 1x1"

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64),
        depth: int | Sequence[int] = 1,
        num_classes: int = 10,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        check_input(in_channels)
        check_num_classes(num_classes)
        depths = _checked_depths(channels, depth)
        self.num_classes = num_classes
        self.stages = nn.Sequential(
            *(
                nn.Sequential(_Entrance(inputs, outputs), *(_Block(outputs) for _ in range(blocks)))
                for (inputs, outputs), blocks in zip(pairwise([in_channels, *channels]), depths, strict=True)
            )
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, H, W) to logits (B, num_classes)."""
        return self.head(self.stages(images))

    def get_output_layer(self) -> nn.Module:
        """The dense layer behind the averages."""
        return self.head[-1]


class _Entrance(nn.Sequential):
    """The first convolution of a stage: (B, inputs, H, W) -> (B, outputs, H/2, W/2), rounded up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            _convolution(inputs, outputs),
            nn.MaxPool2d(2, ceil_mode=True),  # before the normalisation, which then has a quarter of the work
            _BatchNorm(outputs),
            nn.ReLU(inplace=True),
        )


class _Block(nn.Module):
    """A residual block, which adds to its maps (B, channels, H, W) what two convolutions make of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _convolution(channels, channels),
            _BatchNorm(channels),
            nn.ReLU(inplace=True),
            _convolution(channels, channels),
            _BatchNorm(channels),
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(maps + self.residual(maps))


class _BatchNorm(nn.BatchNorm2d):
    """Batch norm that takes a single value of each channel too, where a last batch is one image with maps of 1x1.

    One value has no spread: it is normalised as in evaluation, by what the batches before were like.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if self.training and maps.numel() == self.num_features:
            return F.batch_norm(maps, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(maps)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution 3x3 that keeps the maps' size; the batch norm behind it brings the bias."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def _checked_depths(channels: Sequence[int], depth: int | Sequence[int]) -> list[int]:
    """The number of blocks in each stage.

    Raises:
        UserError: for channels or depths that are none.
    """
    if not channels or min(channels) < 1:
        raise UserError(f"channels={list(channels)}: a positive number for each stage is needed, such as [16, 32, 64]")
    depths = [depth] * len(channels) if isinstance(depth, int) else list(depth)
    if len(depths) != len(channels) or min(depths) < 0:
        raise UserError(
            f"depth={depth if isinstance(depth, int) else depths}: a number of blocks from 0 is needed, or one for "
            f"each of the {len(channels)} stages"
        )
    return depths
