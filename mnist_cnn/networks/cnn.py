"""The main network: three blocks of convolution, ReLU, max-pooling and dropout, then two dense layers."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import IMAGE_SIZE, Network, check_dropout, check_input, check_num_classes


class CNN(Network):
    """Blocks of convolution, ReLU, 2x2 max-pooling and dropout; a dense layer; the output layer.

    With the defaults and images of 28x28:

        (B, 1, 28, 28) -> (B, 16, 14, 14) -> (B, 32, 7, 7) -> (B, 64, 3, 3) -> (B, 576) -> (B, 32) -> (B, 10)

    Images of other sizes work too: their last feature maps are averaged to the 3x3 grid that 28x28 has by itself.

    Args:
        channels: Output channels of each block's convolution; one block for each number.
        kernel_size: Height and width of the convolutions' kernels in pixels; odd, as the size is kept by padding.
        dropout: Probability in [0, 1) of zeroing a value after each block during training.
        hidden_units: Width of the dense layer before the output.
        num_classes: Number of classes.
        batch_norm: Normalise each convolution's output over the batch.
        inplace: Let the blocks' ReLU overwrite its input: less memory and the same result.
        border: Pixels that are cut off on every side first. The outermost 2 of MNIST's images are all but empty, and
            without them a quarter of the work goes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images too small for the blocks' pooling.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64),
        kernel_size: int = 3,
        dropout: float = 0.1,
        hidden_units: int = 32,
        num_classes: int = 10,
        batch_norm: bool = False,
        inplace: bool = False,
        border: int = 0,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        check_input(in_channels)
        _check_arguments(channels, kernel_size, dropout, hidden_units, num_classes, border)
        self.num_classes = num_classes
        self.border = border
        shrinkage = 2 ** len(channels)  # each block halves the sides, and one pixel must be left
        self.smallest_side = shrinkage + 2 * border
        self.input_size = f"from {self.smallest_side}x{self.smallest_side}"
        self.grid = max((IMAGE_SIZE - 2 * border) // shrinkage, 1)

        inputs = [in_channels, *channels[:-1]]
        self.blocks = nn.Sequential(
            *(_block(i, o, kernel_size, dropout, batch_norm, inplace) for i, o in zip(inputs, channels, strict=True))
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * self.grid**2, hidden_units),
            nn.ReLU(),
            nn.Linear(hidden_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, H, W), H and W at least `smallest_side`, to logits (B, num_classes)."""
        height, width = images.shape[-2:]
        if min(height, width) < self.smallest_side:
            raise UserError(
                f"images of {height}x{width} pixels are too small for {len(self.blocks)} blocks, each of which halves "
                f"the sides: at least {self.smallest_side}x{self.smallest_side} is needed"
            )
        if self.border:
            images = images[:, :, self.border : height - self.border, self.border : width - self.border]
        maps = self.blocks(images)  # (B, channels[-1], H / 2**blocks, W / 2**blocks)
        if maps.shape[-2:] != (self.grid, self.grid):
            maps = F.adaptive_avg_pool2d(maps, self.grid)
        return self.head(maps)

    def get_output_layer(self) -> nn.Module:
        """The last dense layer."""
        return self.head[-1]


def _block(
    inputs: int, outputs: int, kernel_size: int, dropout: float, batch_norm: bool, inplace: bool
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2),
        *([nn.BatchNorm2d(outputs)] if batch_norm else []),
        # ReLU and max-pooling may be exchanged, as ReLU never changes which value is largest. Pooling first gives the
        # very same outputs and gradients and leaves ReLU a quarter of the work.
        nn.MaxPool2d(2),
        nn.ReLU(inplace),
        nn.Dropout(dropout),
    )


def _check_arguments(
    channels: Sequence[int], kernel_size: int, dropout: float, hidden_units: int, num_classes: int, border: int
) -> None:
    if not channels or min(channels) < 1:
        raise UserError(
            f"channels={list(channels)}: one positive number for each block is needed, such as [16, 32, 64]"
        )
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise UserError(f"kernel_size={kernel_size}: an odd number of at least 1 is needed, such as 3 or 5")
    if hidden_units < 1:
        raise UserError(f"hidden_units={hidden_units}: at least 1 is needed")
    most = max((IMAGE_SIZE - 2 ** len(channels)) // 2, 0)
    if not 0 <= border <= most:
        raise UserError(f"border={border}: from 0 to {most} pixels can be cut off {IMAGE_SIZE}x{IMAGE_SIZE} images")
    check_dropout(dropout)
    check_num_classes(num_classes)
