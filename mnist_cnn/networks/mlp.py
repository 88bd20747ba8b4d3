"""Dense layers only: softmax regression and multi-layer perceptrons."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import IMAGE_SIZE, Network, check_dropout, check_image_size, check_num_classes


class MLP(Network):
    """Dense layers, with ReLU and dropout after each hidden one; without hidden ones softmax regression.

    With the defaults:

        (B, 1, 28, 28) -> (B, 784) -> (B, 256) -> (B, 10)

    Args:
        hidden_units: Width of each hidden layer, from the image to the output; [] for softmax regression.
        dropout: Probability in [0, 1) of zeroing a value after each hidden layer during training.
        num_classes: Number of classes.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images that are not 28x28.
    """

    def __init__(self, hidden_units: Sequence[int] = (256,), dropout: float = 0.0, num_classes: int = 10) -> None:
        super().__init__()
        if any(width < 1 for width in hidden_units):
            raise UserError(
                f"hidden_units={list(hidden_units)}: a positive number for each hidden layer is needed, or [] for none"
            )
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes = num_classes
        widths = [IMAGE_SIZE**2, *hidden_units]
        hidden = [nn.Sequential(nn.Linear(i, o), nn.ReLU(), nn.Dropout(dropout)) for i, o in pairwise(widths)]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(widths[-1], num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 1, 28, 28) to logits (B, num_classes)."""
        check_image_size(images)
        return self.layers(images)
