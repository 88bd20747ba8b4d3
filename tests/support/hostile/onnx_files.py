"""Damaged, altered and foreign ONNX files: what a file from anywhere may be."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnist_cnn.inference.onnx_file import with_checksum
from tests.support.commands import ROOT
from tests.support.hostile import Maker, files_of

UNDAMAGED = ROOT / "tests" / "fixtures" / "exported" / "model.onnx"
WITHOUT_CHECKSUM = UNDAMAGED.with_name("without-checksum.onnx")


def cases(count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Write files of all kinds; see `files_of`."""
    return files_of(KINDS, ".onnx", count, seed, folder)


def _bits_flipped(rng: random.Random, path: Path) -> None:
    path.write_bytes(_flipped(rng, UNDAMAGED.read_bytes()))


def _bits_flipped_with_the_right_checksum(rng: random.Random, path: Path) -> None:
    """In the graph's first and last parts, where operators, sizes and names are, not in its weights."""
    data = bytearray(WITHOUT_CHECKSUM.read_bytes())
    place = rng.choice([*range(2000), *range(len(data) - 1500, len(data))])
    data[place] ^= 1 << rng.randrange(8)
    model = _parsed(bytes(data))
    same = model is not None and _weights(model) == _weights(onnx.load(str(WITHOUT_CHECKSUM)))
    path.write_bytes(with_checksum(bytes(data)) if same else bytes(data[:-1]))


def _cut_off(rng: random.Random, path: Path) -> None:
    data = UNDAMAGED.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _longer(rng: random.Random, path: Path) -> None:
    path.write_bytes(UNDAMAGED.read_bytes() + rng.randbytes(rng.choice((1, 76, 3000))))


def _with_another_operator(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    node = rng.choice(model.graph.node)
    node.op_type = rng.choice(("Loop", "If", "Scan", "RandomNormalLike", "Nonsense", "SequenceAt", "StringNormalizer"))
    node.domain = rng.choice(("", "", "com.microsoft", "ai.onnx.ml"))
    _write(model, path)


def _with_an_endless_loop(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"]), helper.make_node("Identity", ["state"], ["state_out"])],
        "body",
        [
            _value("trip", TensorProto.INT64, []),
            _value("on", TensorProto.BOOL, []),
            _value("state", TensorProto.FLOAT, []),
        ],
        [_value("on_out", TensorProto.BOOL, []), _value("state_out", TensorProto.FLOAT, [])],
    )
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.array(True), "yes"), numpy_helper.from_array(np.float32(0), "zero")]
    )
    model.graph.node.append(helper.make_node("Loop", ["", "yes", "zero"], ["never"], body=body))
    _write(model, path)


def _with_a_huge_allocation(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    size = np.array([rng.choice((10**9, 10**10, 2**40, 2**62))], np.int64)
    model.graph.initializer.append(numpy_helper.from_array(size, "size"))
    if rng.random() < 0.5:
        model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["size"], ["huge"]))
    else:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "one"))
        model.graph.node.insert(0, helper.make_node("Expand", ["one", "size"], ["huge"]))
    model.graph.node.insert(1, helper.make_node("ReduceSum", ["huge"], ["sum"]))
    last = model.graph.node[-1]
    last.input[0], before = "moved", last.input[0]
    model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Add", [before, "sum"], ["moved"]))
    _write(model, path)


def _with_other_metadata(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    entry = rng.choice([entry for entry in model.metadata_props if entry.key in ("class_names", "provenance")])
    entry.value = rng.choice(METADATA)
    if rng.random() < 0.2:
        model.metadata_props.remove(entry)
    _write(model, path)


def _with_answers_that_are_no_probabilities(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    last = model.graph.node[-1]
    kind = rng.choice(("logits", "negative", "nan", "double", "sum"))
    if kind == "logits":
        last.op_type = "Identity"
        del last.attribute[:]
    elif kind == "nan":
        bias = model.graph.initializer[rng.randrange(len(model.graph.initializer))]
        values = numpy_helper.to_array(bias)
        if values.dtype == np.float32:
            bias.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), bias.name))
        else:
            last.op_type = "Relu"
            del last.attribute[:]
    else:
        operation = {"negative": "Neg", "double": "Exp", "sum": "Log"}[kind]
        last.output[0], name = "before", last.output[0]
        model.graph.node.append(helper.make_node(operation, ["before"], [name]))
    _write(model, path)


def _with_other_inputs(rng: random.Random, path: Path) -> None:
    model = onnx.load(str(UNDAMAGED))
    images = model.graph.input[0].type.tensor_type
    kind = rng.choice(("type", "size", "two", "none", "rank"))
    if kind == "type":
        images.elem_type = rng.choice((TensorProto.FLOAT, TensorProto.STRING, 77))
    elif kind == "size":
        images.shape.dim[rng.randint(1, 3)].dim_value = rng.choice((0, 1, 10**6, 2**62))
    elif kind == "two":
        model.graph.input.append(_value("more", TensorProto.FLOAT, [1]))
    elif kind == "none":
        del model.graph.input[:]
    else:
        del images.shape.dim[:]
    _write(model, path)


def _with_other_weights(rng: random.Random, path: Path) -> None:
    """Weights of other sizes than they say, or in another file."""
    model = onnx.load(str(UNDAMAGED))
    weight = max(model.graph.initializer, key=lambda part: len(part.raw_data))
    if rng.random() < 0.5:
        weight.dims[0] = rng.choice((0, -1, 10**6, 2**62))
    else:
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.append(onnx.StringStringEntryProto(key="location", value="../../etc/passwd"))
        weight.ClearField("raw_data")
    _write(model, path)


def _nested(rng: random.Random, path: Path) -> None:
    """Messages in messages, more than any reader has room for."""
    inner = b""
    for _ in range(3000):
        length = len(inner)
        size = b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        inner = b"\x3a" + size + bytes([length]) + inner
    path.write_bytes(inner)


def _foreign(rng: random.Random, path: Path) -> None:
    other = helper.make_model(
        helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"])],
            "other",
            [_value("x", TensorProto.FLOAT, [1, 2])],
            [_value("y", TensorProto.FLOAT, [1, 2])],
        ),
        ir_version=9,
        opset_imports=[helper.make_opsetid("", 20)],
    )
    path.write_bytes(
        rng.choice(
            (
                b"",
                b"hello",
                b"\x89PNG\r\n\x1a\n" + rng.randbytes(100),
                rng.randbytes(rng.randrange(50_000)),
                other.SerializeToString(),
                onnx.ModelProto().SerializeToString(),
                b"\xff" * 5000,
                b"\x08" * 5000,
            )
        )
    )


def _no_plain_file(rng: random.Random, path: Path) -> None:
    if rng.random() < 0.5:
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(5_000_000_000)


KINDS: tuple[Maker, ...] = (
    _bits_flipped,
    _bits_flipped_with_the_right_checksum,
    _cut_off,
    _longer,
    _with_another_operator,
    _with_an_endless_loop,
    _with_a_huge_allocation,
    _with_other_metadata,
    _with_answers_that_are_no_probabilities,
    _with_other_inputs,
    _with_other_weights,
    _nested,
    _foreign,
    _no_plain_file,
)

METADATA = (
    "",
    "null",
    "{",
    "[]",
    '"0123456789"',
    "[1, 2, 3]",
    '["a"]',
    "{}",
    "[" * 50_000,
    '{"image_shape": [1, 1e9, 1e9]}',
    '{"image_shape": [3, 28, 28]}',
    '["\\u001b[2J", "1", "2", "3", "4", "5", "6", "7", "8", "9"]',
    "NaN",
)


def _flipped(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _parsed(data: bytes) -> Any:
    try:
        return onnx.load_model_from_string(data)
    except Exception:
        return None


def _weights(model: Any) -> list[tuple[str, bytes]]:
    """What an answer is made of, and may be altered without anybody's knowing: numbers, and the names of classes."""
    names = [(entry.key, entry.value.encode()) for entry in model.metadata_props]
    return [*names, *((part.name, part.raw_data) for part in model.graph.initializer)]


def _value(name: str, kind: int, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _write(model: Any, path: Path) -> None:
    """Write a model with a checksum that is right."""
    path.write_bytes(with_checksum(model.SerializeToString()))
