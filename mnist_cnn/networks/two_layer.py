"""TwoLayerCNN: two convolutions at full resolution and a linear readout."""

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import IMAGE_SIZE, Network, check_dropout, check_image_size, check_num_classes


class TwoLayerCNN(Network):
    """Two convolutions 3x3 (stride 1, no padding) with ReLU, 2x2 max-pooling, and the output layer.

    With the defaults:

        (B, 1, 28, 28) -> (B, 32, 26, 26) -> (B, 32, 24, 24) -> (B, 32, 12, 12) -> (B, 4608) -> (B, 10)

    Args:
        channels: Output channels of each of the convolutions.
        dropout: Probability in [0, 1) of zeroing a value after the pooling during training.
        num_classes: Number of classes.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images that are not 28x28.
    """

    def __init__(self, channels: int = 32, dropout: float = 0.0, num_classes: int = 10) -> None:
        super().__init__()
        if channels < 1:
            raise UserError(f"channels={channels}: at least 1 is needed")
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes = num_classes
        side = (IMAGE_SIZE - 4) // 2  # each convolution takes the border off, and pooling halves
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 3),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3),
            nn.MaxPool2d(2),  # before ReLU: the same result for a quarter of its work, see cnn.py
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(channels * side**2, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 1, 28, 28) to logits (B, num_classes)."""
        check_image_size(images)
        return self.layers(images)
