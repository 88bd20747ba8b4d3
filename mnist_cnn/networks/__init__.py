"""The networks: plain `nn.Module` classes, free of Lightning, all derived from `Network`."""

from mnist_cnn.networks.base import Network, build_network
from mnist_cnn.networks.cnn import CNN

__all__ = ["CNN", "Network", "build_network"]
