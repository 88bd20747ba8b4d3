"""The networks: plain `nn.Module` classes, free of Lightning, all derived from `Network`."""

from mnist_cnn.networks.base import (
    Network,
    arguments_from_data,
    build_network,
    find_network,
    known_networks,
    multiply_adds,
)
from mnist_cnn.networks.cnn import CNN
from mnist_cnn.networks.global_pool import GlobalPoolCNN
from mnist_cnn.networks.importing import import_network
from mnist_cnn.networks.mini_vgg import MiniVGG
from mnist_cnn.networks.mlp import MLP
from mnist_cnn.networks.resnet import ResNet
from mnist_cnn.networks.small import MediumCNN, SmallCNN
from mnist_cnn.networks.two_layer import TwoLayerCNN
from mnist_cnn.networks.vgg16 import VGG16

__all__ = [
    "CNN",
    "MLP",
    "VGG16",
    "GlobalPoolCNN",
    "MediumCNN",
    "MiniVGG",
    "Network",
    "ResNet",
    "SmallCNN",
    "TwoLayerCNN",
    "arguments_from_data",
    "build_network",
    "find_network",
    "import_network",
    "known_networks",
    "multiply_adds",
]
