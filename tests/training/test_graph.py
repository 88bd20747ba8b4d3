"""The graph of a network as TensorBoard shows it."""

import warnings
from typing import Any

import pytest
import torch
from torch import nn

from mnist_cnn.networks import CNN, MLP, MiniVGG, TwoLayerCNN
from mnist_cnn.networks.model import Model
from mnist_cnn.training.graph import named_graph, readable_names
from tests.support.networks import Convolutional


def graph_of(network: Any) -> dict[str, set[str]]:
    """The nodes of a network's graph, each with those that it is connected to."""
    model, images = Model(network).eval(), torch.zeros(1, 1, 28, 28)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the tracer is to be replaced
        graph, _ = named_graph(model, torch.jit.trace(model, images, check_trace=False), images)
    return {node.name: set(node.input) for node in graph.node}


def test_nodes_are_named_after_blocks_and_layers() -> None:
    nodes = graph_of(CNN(channels=(4, 8)))
    assert nodes["block1/conv/convolution"] >= {"block1/conv/weight", "block1/conv/bias"}
    assert nodes["block1/max_pool"] == {"block1/conv/convolution"}
    assert nodes["block1/relu"] == {"block1/max_pool"}
    assert "block1/dropout" in nodes["block2/conv/convolution"]
    assert nodes["head/flatten"] == {"block2/dropout"}
    assert nodes["logits"] == {"head/linear2/linear"}
    assert {name.split("/")[0] for name in nodes} == {"images", "normalise", "block1", "block2", "head", "logits"}


@pytest.mark.parametrize("network", [CNN(border=2, batch_norm=True), MLP((8, 4)), TwoLayerCNN(4), Convolutional()])
def test_every_node_has_a_name_without_numbers_alone_and_inputs_that_are_there(network: Any) -> None:
    nodes = graph_of(network)
    for name, inputs in nodes.items():
        assert not any(part.isdigit() or "[" in part for part in name.split("/")), name
        assert inputs <= nodes.keys()
    # A name that is a node's and a group's at once would hide one of them.
    assert not [name for name in nodes for other in nodes if other.startswith(f"{name}/")]


def test_layers_of_one_kind_are_counted_and_keys_of_the_state_stay() -> None:
    model = Model(MiniVGG((4, 8)))
    names = readable_names(model)
    assert names["network", "blocks", "0", "2"] == "block1/conv2"
    assert names["network", "head", "4"] == "head/linear2"
    assert "network.blocks.0.2.weight" in model.state_dict()


def test_two_lists_of_layers_keep_apart() -> None:
    network = nn.Module()
    network.layers, network.stages = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2))
    outer = nn.Module()
    outer.network = network
    names = readable_names(outer)
    assert names["network", "layers", "0"] != names["network", "stages", "0"]
