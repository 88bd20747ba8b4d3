"""SmallCNN and MediumCNN: the blocks of the main network, narrower and fewer."""

from collections.abc import Sequence

from mnist_cnn.networks.cnn import CNN


class SmallCNN(CNN):
    """One block of 10 kernels 3x3 (convolution, ReLU, max-pooling) and a dense head.

        (B, 1, 28, 28) -> (B, 10, 14, 14) -> (B, 1960) -> (B, 128) -> (B, 10)

    Args and Raises: as for `CNN`.
    """

    def __init__(
        self,
        channels: Sequence[int] = (10,),
        dropout: float = 0.0,
        hidden_units: int = 128,
        num_classes: int = 10,
        batch_norm: bool = False,
        in_channels: int = 1,
    ) -> None:
        super().__init__(channels, 3, dropout, hidden_units, num_classes, batch_norm, in_channels=in_channels)


class MediumCNN(CNN):
    """Three blocks (convolution, ReLU, max-pooling), the first of 10 kernels 3x3, and a dense head.

        (B, 1, 28, 28) -> (B, 10, 14, 14) -> (B, 20, 7, 7) -> (B, 40, 3, 3) -> (B, 360) -> (B, 64) -> (B, 10)

    Args and Raises: as for `CNN`.
    """

    def __init__(
        self,
        channels: Sequence[int] = (10, 20, 40),
        dropout: float = 0.0,
        hidden_units: int = 64,
        num_classes: int = 10,
        batch_norm: bool = False,
        in_channels: int = 1,
    ) -> None:
        super().__init__(channels, 3, dropout, hidden_units, num_classes, batch_norm, in_channels=in_channels)
