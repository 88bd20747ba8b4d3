"""MiniVGG: two pairs of convolutions in the manner of VGG, and dense layers."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import IMAGE_SIZE, Network, check_dropout, check_image_size, check_num_classes


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

    Raises:
        UserError: for arguments out of their range, and in `forward` for images that are not 28x28.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden_units: int = 256,
        dropout: float = 0.25,
        batch_norm: bool = False,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        side = IMAGE_SIZE // 2 ** len(channels)
        if not channels or min(channels) < 1 or side < 1:
            raise UserError(f"channels={list(channels)}: one to four positive numbers are needed, such as [32, 64]")
        if hidden_units < 1:
            raise UserError(f"hidden_units={hidden_units}: at least 1 is needed")
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes = num_classes
        self.blocks = nn.Sequential(*(_block(i, o, dropout, batch_norm) for i, o in pairwise([1, *channels])))
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * side**2, hidden_units),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 1, 28, 28) to logits (B, num_classes)."""
        check_image_size(images)
        return self.head(self.blocks(images))


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
