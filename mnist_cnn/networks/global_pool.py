"""GlobalPoolCNN: three convolutions whose maps are averaged over the whole image."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import Network, check_input, check_num_classes


class GlobalPoolCNN(Network):
    """Convolutions 3x3 with ReLU, global average pooling (Lin et al., 2013) and the output layer.

    With the defaults:

        (B, 1, H, W) -> (B, 32, H-2, W-2) -> (B, 64, H-4, W-4) -> (B, 64, H-6, W-6) -> (B, 64) -> (B, 10)

    As the average forgets where in the image a feature was, all that is known of a digit's shape is what fits into the
    last convolution's view: 7x7 pixels, or 18x18 with `max_pool`.

    Args:
        channels: Output channels of each convolution.
        padding: Pixels of zeros around the input of each convolution; 1 keeps its size.
        batch_norm: Normalise each convolution's output over the batch.
        max_pool: Halve the maps by 2x2 max-pooling after every convolution but the last.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.

    Raises:
        UserError: for arguments out of their range, and in `forward` for images that leave no map to average.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 64),
        padding: int = 0,
        batch_norm: bool = False,
        max_pool: bool = False,
        num_classes: int = 10,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        check_input(in_channels)
        if not channels or min(channels) < 1:
            raise UserError(
                f"channels={list(channels)}: a positive number for each convolution is needed, such as [32, 64, 64]"
            )
        if padding not in (0, 1):
            raise UserError(f"padding={padding}: 0 or 1 is needed")
        check_num_classes(num_classes)
        self.num_classes = num_classes
        self.padding, self.max_pool = padding, max_pool
        pools = [max_pool] * (len(channels) - 1) + [False]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(i, o, 3, padding=padding),
                    *([nn.BatchNorm2d(o)] if batch_norm else []),
                    *([nn.MaxPool2d(2)] if pool else []),
                    nn.ReLU(),
                )
                for (i, o), pool in zip(pairwise([in_channels, *channels]), pools, strict=True)
            )
        )
        self.input_size = f"from {self._smallest_side()}x{self._smallest_side()}"
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, H, W) to logits (B, num_classes)."""
        height, width = images.shape[-2:]
        if min(height, width) < (smallest := self._smallest_side()):
            raise UserError(f"images of {height}x{width} pixels are too small: {smallest}x{smallest} is needed")
        return self.head(self.blocks(images))

    def get_output_layer(self) -> nn.Module:
        """The dense layer behind the averages."""
        return self.head[-1]

    def _smallest_side(self) -> int:
        """The least height and width that leaves a map of one pixel."""
        side = 3 - 2 * self.padding
        for _ in range(len(self.blocks) - 1):
            side = side * (2 if self.max_pool else 1) + 2 - 2 * self.padding
        return side
