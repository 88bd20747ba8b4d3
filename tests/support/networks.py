"""A network from outside the package, as a user would write one."""

import torch
from torch import Tensor, nn

from mnist_cnn.networks import Network


class Other(Network):
    """Softmax regression; shares the name of an argument with CNN."""

    def __init__(self, dropout: float = 0.77, num_classes: int = 10) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.LazyLinear(num_classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class Keywords(Network):
    """Takes whatever it is given."""

    def __init__(self, num_classes: int = 10, **options: int) -> None:
        super().__init__()
        self.num_classes, self.options = num_classes, options

    def forward(self, images: Tensor) -> Tensor:
        return images.new_zeros(len(images), self.num_classes)


class Pretrained(Network):
    """A small backbone with batch norm and a new head, fine-tuned as VGG16 is."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(4 * 13 * 13, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))

    def get_backbone(self) -> nn.Module:
        return self.backbone

    def load_pretrained(self) -> None:
        nn.init.constant_(self.backbone[0].bias, 0.125)  # type: ignore[arg-type]


class Convolutional(Network):
    """Convolutions alone; the last one makes a map for each class, which is averaged."""

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.body = nn.Sequential(nn.Conv2d(in_channels, 6, 3, stride=2), nn.ReLU())
        self.output = nn.Conv2d(6, num_classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.body(images)).mean(dim=(2, 3))

    def get_output_layer(self) -> nn.Module:
        return self.output


class Odd(Network):
    """Its dense layer does not see the pixels, it declares nothing, and it cannot be traced."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.layers = nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(49, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("no tracing here")
        return self.layers(images)
