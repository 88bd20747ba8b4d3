"""TwoLayerCNN: two convolutions at full resolution and a linear readout."""

from collections.abc import Sequence

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


class TwoLayerCNN(Network):
    """Two convolutions 3x3 (stride 1, no padding) with ReLU, 2x2 max-pooling, and the output layer.

    With the defaults:

        (B, 1, 28, 28) -> (B, 32, 26, 26) -> (B, 32, 24, 24) -> (B, 32, 12, 12) -> (B, 4608) -> (B, 10)

    Args:
        channels: Output channels of each of the convolutions.
        dropout: Probability in [0, 1) of zeroing a value after the pooling during training.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.
        input_shape: Height and width of the images, in pixels; at least 6 each.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images of another size.
    """

    def __init__(
        self,
        channels: int = 32,
        dropout: float = 0.0,
        num_classes: int = 10,
        in_channels: int = 1,
        input_shape: Sequence[int] = (IMAGE_SIZE, IMAGE_SIZE),
    ) -> None:
        super().__init__()
        check_input(in_channels, input_shape)
        if min(input_shape) < 6:
            raise UserError(f"input_shape={list(input_shape)}: at least 6x6 is needed")
        if channels < 1:
            raise UserError(f"channels={channels}: at least 1 is needed")
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes, self.input_shape = num_classes, tuple(input_shape)
        self.input_size = "x".join(map(str, input_shape))
        # Each convolution takes the border off, and pooling halves.
        height, width = ((side - 4) // 2 for side in input_shape)
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3),
            nn.MaxPool2d(2),  # before ReLU: the same result for a quarter of its work, see cnn.py
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(channels * height * width, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, *input_shape) to logits (B, num_classes)."""
        check_images(images, self.input_shape)
        return self.layers(images)

    def get_output_layer(self) -> nn.Module:
        """The dense layer."""
        return self.layers[-1]
