"""Dense layers only: softmax regression and multi-layer perceptrons."""

import math
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


class MLP(Network):
    """Dense layers, with ReLU and dropout after each hidden one; without hidden ones softmax regression.

    With the defaults:

        (B, 1, 28, 28) -> (B, 784) -> (B, 256) -> (B, 10)

    Args:
        hidden_units: Width of each hidden layer, from the image to the output; [] for softmax regression.
        dropout: Probability in [0, 1) of zeroing a value after each hidden layer during training.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.
        input_shape: Height and width of the images, in pixels.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images of another size.
    """

    def __init__(
        self,
        hidden_units: Sequence[int] = (256,),
        dropout: float = 0.0,
        num_classes: int = 10,
        in_channels: int = 1,
        input_shape: Sequence[int] = (IMAGE_SIZE, IMAGE_SIZE),
    ) -> None:
        super().__init__()
        check_input(in_channels, input_shape)
        if any(width < 1 for width in hidden_units):
            raise UserError(
                f"hidden_units={list(hidden_units)}: a positive number for each hidden layer is needed, or [] for none"
            )
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes, self.input_shape = num_classes, tuple(input_shape)
        self.input_size = "x".join(map(str, input_shape))
        widths = [in_channels * math.prod(input_shape), *hidden_units]
        hidden = [nn.Sequential(nn.Linear(i, o), nn.ReLU(), nn.Dropout(dropout)) for i, o in pairwise(widths)]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(widths[-1], num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, *input_shape) to logits (B, num_classes)."""
        check_images(images, self.input_shape)
        return self.layers(images)

    def get_output_layer(self) -> nn.Module:
        """The last dense layer."""
        return self.layers[-1]
