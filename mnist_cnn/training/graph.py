"""The graph of a network as TensorBoard shows it: by the names of its parts, without what only the tracer needs."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from torch import nn
from torch.utils.tensorboard._pytorch_graph import graph

Keys = tuple[str, ...]  # the way from a model to one of its modules: ("network", "blocks", "0")

NORMALISE = "normalise"  # what a model does by itself; the rest is in its network
ENDS = {"input": "images", "output": "logits"}
CONSTANT, LIST, ATTRIBUTE = "prim::Constant", "prim::ListConstruct", "prim::GetAttr"


def named_graph(model: nn.Module, traced: Any, images: Any) -> tuple[GraphDef, Any]:
    """The graph of a model, its nodes named `block1/conv` and so on, as TensorBoard's writer takes it.

    Args:
        model: Normalisation and network.
        traced: The model as `torch.jit.trace` gives it.
        images: What it was traced with (B, C, H, W).
    """
    found, statistics = graph(traced, images)
    nodes = _without_constants(found.node)
    names = _new_names(nodes, readable_names(model))
    renamed = GraphDef(versions=found.versions)
    for node in nodes:
        copy = renamed.node.add()
        copy.CopyFrom(node)
        copy.name = names[node.name]
        del copy.input[:]
        copy.input.extend(names[name] for name in node.input if name in names)
    return renamed, statistics


def readable_names(model: nn.Module) -> dict[Keys, str]:
    """How each module of a model is called in its graph, by the keys that lead to it.

    Numbers become names: the children of `blocks` are `block1`, `block2` and so on, and a layer is called by its kind.
    The state's keys stay as they are.
    """
    names: dict[Keys, str] = {(): ""}
    for key, child in model.named_children():
        inside = "" if key == "network" else key
        names[(key,)] = type(child).__name__ if key == "network" else key
        _name_children(child, (key,), inside, key, names)
    return names


def _name_children(module: nn.Module, keys: Keys, scope: str, called: str, names: dict[Keys, str]) -> None:
    """Name the modules within one that lies at `keys` and whose content is shown in `scope`."""
    children = list(module.named_children())
    kinds = Counter(_kind(child) for key, child in children if key.isdigit())
    seen: Counter[str] = Counter()
    for key, child in children:
        label, is_plural = key, key.endswith("s") and all(name.isdigit() for name, _ in child.named_children())
        if key.isdigit():
            kind = _kind(child)
            is_part = bool(list(child.children())) and called.endswith("s")
            label = called[:-1] if is_part else kind
            seen[label] += 1
            label += str(seen[label]) if is_part or kinds[kind] > 1 else ""
        path = f"{scope}/{label}" if scope else label
        while path in {*names.values(), *ENDS.values(), NORMALISE}:
            path += "_"
        way = (*keys, key)
        names[way] = path
        # A list of blocks or layers is no level of its own: what it holds stands where it does.
        _name_children(child, way, scope if is_plural and not key.isdigit() else path, label, names)


def _kind(module: nn.Module) -> str:
    """What a module is, in words: `conv` for Conv2d, `max_pool` for MaxPool2d."""
    name = re.sub(r"[123]d$", "", type(module).__name__)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def _without_constants(nodes: Sequence[NodeDef]) -> list[NodeDef]:
    """The nodes without constants and lists of them, which are shared and tie unconnected layers together."""
    constants = {node.name for node in nodes if node.op == CONSTANT}
    kept = [node for node in nodes if node.op != CONSTANT]
    while lists := {node.name for node in kept if node.op == LIST and constants.issuperset(node.input)}:
        constants |= lists
        kept = [node for node in kept if node.name not in lists]
    return kept


def _new_names(nodes: Sequence[NodeDef], names: dict[Keys, str]) -> dict[str, str]:
    """The new name of each node, by its old one: its module's, and what it is where a module has several nodes."""
    scopes = {node.name: _scope(node, names) for node in nodes}
    sizes = Counter(scopes.values())
    used: Counter[str] = Counter()
    renamed = {}
    for node in nodes:
        scope = scopes[node.name]
        name = scope if sizes[scope] == 1 else f"{scope}/{_label(node)}"
        used[name] += 1
        renamed[node.name] = name if used[name] == 1 else f"{name}_{used[name]}"
    return renamed


def _scope(node: NodeDef, names: dict[Keys, str]) -> str:
    """The name of the module that a node belongs to."""
    first, *parts = node.name.split("/")
    if first in ENDS:
        return ENDS[first]
    keys = [match.group(1) for part in parts[:-1] if (match := re.fullmatch(r".+\[(.+)\]", part))]
    while tuple(keys) not in names:
        keys.pop()
    return names[tuple(keys)] or NORMALISE


def _label(node: NodeDef) -> str:
    """What a node is, within its module: a parameter by its name, an operation by its kind."""
    return node.name.split("/")[-2] if node.op == ATTRIBUTE else node.op.rpartition("::")[2].strip("_")
