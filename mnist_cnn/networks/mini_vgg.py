"""MiniVGG: two pairs of convolutions in the manner of VGG, and dense layers."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import (
    IMAGE_SIZE,
    Network,
    check_dropout,
    check_images,
    check_input,
    check_num_classes,
)


class MiniVGG(Network):
    """Blocks of two convolutions 3x3 (padding 1) with ReLU, max-pooling and dropout; a dense layer; the output layer.

    With the defaults:

        (B, 1, 28, 28) -> (B, 32, 14, 14) -> (B, 64, 7, 7) -> (B, 3136) -> (B, 256) -> (B, 10)

    Args:
        channels: Output channels of the convolutions of each block.
        hidden_units: Width of the dense layer before the output.
        dropout: Probability in [0, 1) of zeroing a value after each block and after the dense layer during training.
        batch_norm: Normalise each convolution's output over the batch.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.
        input_shape: Height and width of the images, in pixels.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images of another size.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden_units: int = 256,
        dropout: float = 0.25,
        batch_norm: bool = False,
        num_classes: int = 10,
        in_channels: int = 1,
        input_shape: Sequence[int] = (IMAGE_SIZE, IMAGE_SIZE),
    ) -> None:
        super().__init__()
        check_input(in_channels, input_shape)
        height, width = (side // 2 ** len(channels) for side in input_shape)  # of the last maps
        if not channels or min(channels) < 1 or min(height, width) < 1:
            most = min(input_shape).bit_length() - 1  # each block halves the sides, and one pixel must be left
            raise UserError(f"channels={list(channels)}: one to {most} positive numbers are needed, such as [32, 64]")
        if hidden_units < 1:
            raise UserError(f"hidden_units={hidden_units}: at least 1 is needed")
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes, self.input_shape = num_classes, tuple(input_shape)
        self.input_size = "x".join(map(str, input_shape))
        self.blocks = nn.Sequential(*(_block(i, o, dropout, batch_norm) for i, o in pairwise([in_channels, *channels])))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * height * width, hidden_units),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, *input_shape) to logits (B, num_classes)."""
        check_images(images, self.input_shape)
        return self.head(self.blocks(images))

    def get_output_layer(self) -> nn.Module:
        """The last dense layer."""
        return self.head[-1]


def _block(inputs: int, outputs: int, dropout: float, batch_norm: bool) -> nn.Sequential:
    def norm() -> list[nn.Module]:
        return [nn.BatchNorm2d(outputs)] if batch_norm else []

    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        *norm(),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        *norm(),
        nn.MaxPool2d(2),  # before ReLU: the same result for a quarter of its work, see cnn.py
        nn.ReLU(),
        nn.Dropout(dropout),
    )
