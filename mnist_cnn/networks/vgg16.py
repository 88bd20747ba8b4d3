"""VGG16: the network of Simonyan and Zisserman (2014), pretrained on ImageNet, with a new classifier."""

import pickle
import socket
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_cnn.errors import UserError
from mnist_cnn.files import expanded
from mnist_cnn.networks.base import Network, check_dropout, check_input, check_num_classes

DOWNLOAD_PAUSE_SECONDS = 20.0
SMALLEST_SIDE = 32  # five poolings halve the sides: one pixel is left of 32


class VGG16(Network):
    """The 13 convolutions of VGG16, pretrained on ImageNet, and two dense layers.

    With the defaults; the grey image is repeated for red, green and blue and enlarged:

        (B, 1, 28, 28) -> (B, 3, 64, 64) -> (B, 512, 2, 2) -> (B, 2048) -> (B, 256) -> (B, 10)

    Pretrained weights are read when training begins, not here: a checkpoint holds the weights itself, and is read and
    used without them.

    Args:
        weights: "imagenet" downloads torchvision's weights (528 MB) on first use and checks them; "none" begins with
            random ones.
        weights_path: File with the weights, as torchvision offers it; it is used instead of a download.
        image_size: Height and width, in pixels, to which images are enlarged.
        hidden_units: Width of the dense layer before the output.
        dropout: Probability in [0, 1) of zeroing a value of that layer during training.
        num_classes: Number of classes.
        in_channels: Channels of the images: 1 for grey ones, 3 for colour.

    Raises:
        UserError: for arguments out of their range.
    """

    def __init__(
        self,
        weights: Literal["imagenet", "none"] = "imagenet",
        weights_path: str | None = None,
        image_size: int = 64,
        hidden_units: int = 256,
        dropout: float = 0.5,
        num_classes: int = 10,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        check_input(in_channels)
        if in_channels not in (1, 3):
            raise UserError(f"in_channels={in_channels}: 1 (grey) or 3 (red, green, blue) is needed")
        from torchvision.models.vgg import cfgs, make_layers

        if weights not in ("imagenet", "none"):
            raise UserError(f"weights={weights!r}: choose imagenet or none, or give a file as weights_path")
        if image_size < SMALLEST_SIDE:
            raise UserError(f"image_size={image_size}: at least {SMALLEST_SIDE} is needed")
        if hidden_units < 1:
            raise UserError(f"hidden_units={hidden_units}: at least 1 is needed")
        check_dropout(dropout)
        check_num_classes(num_classes)
        self.num_classes = num_classes
        self.weights, self.weights_path, self.image_size = weights, weights_path, image_size
        self.input_size = "from 1x1"
        self.backbone = make_layers(cfgs["D"])
        for parameter in self.backbone.parameters():  # torch's own random weights let the signal fade in 13 layers
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(512 * (image_size // SMALLEST_SIDE) ** 2, hidden_units),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images (B, C, H, W) to logits (B, num_classes).

        ImageNet's networks expect each colour to be normalised over ImageNet. The data's own normalisation, which these
        images have had, gives the same mean and spread.
        """
        enlarged = F.interpolate(images, size=(self.image_size, self.image_size), mode="bilinear", antialias=False)
        return self.head(self.backbone(enlarged.expand(-1, 3, -1, -1)))

    def get_output_layer(self) -> nn.Module:
        """The last dense layer."""
        return self.head[-1]

    def get_backbone(self) -> nn.Module:
        """The convolutions."""
        return self.backbone

    def load_pretrained(self) -> None:
        """Put the pretrained weights into the backbone.

        Raises:
            UserError: if the weights cannot be had, or are not those of VGG16's convolutions.
        """
        if self.weights_path is not None:
            state = _read_weights(expanded(self.weights_path))
        elif self.weights == "imagenet":
            state = _download_weights()
        else:
            return
        convolutions = {name.removeprefix("features."): v for name, v in state.items() if name.startswith("features.")}
        try:
            self.backbone.load_state_dict(convolutions)
        except RuntimeError as error:
            raise UserError(
                f"{self.weights_path or 'the download'} does not hold the weights of VGG16: its 26 tensors "
                f"'features.N.weight' and 'features.N.bias' are missing or of other sizes"
            ) from error


def _read_weights(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for damaged and foreign files
        reason = "there is no such file" if not path.exists() else "torch cannot read it as weights"
        raise UserError(f"weights_path={path}: {reason}; give the file of torchvision's VGG16") from error
    if not isinstance(state, dict):
        raise UserError(f"weights_path={path}: a file of named tensors is needed, as torchvision's VGG16")
    return state


def _download_weights() -> dict[str, Any]:
    from torchvision.models import VGG16_Weights

    weights = VGG16_Weights.IMAGENET1K_V1
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_PAUSE_SECONDS)  # else a network that never answers is waited for without end
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:  # no network, no space, a wrong checksum
        raise UserError(
            f"the ImageNet weights of VGG16 cannot be had from {weights.url} ({error}); fetch that file on another "
            f"machine and name it with --model.network.weights_path, or train from random weights with "
            f"--model.network.weights none"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
