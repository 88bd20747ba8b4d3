"""What an ONNX file holds, looked through before onnxruntime, which runs whatever is asked for, is given it.

Needs neither onnx nor torch: of the format it takes fields with numbers, some of which hold others.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mnist_cnn.errors import UserError
from mnist_cnn.runs.archive import LARGEST_VARIABLE, largest_checkpoint

LARGEST_MEGABYTES = 256  # VGG16 has 61
MOST_NODES = 2000
# What a network is made of. None of these runs a part of the graph again, draws random numbers, reads another file or
# leaves the numbers; what they may allocate is bounded where they are run.
# fmt: off
OPERATORS = frozenset(
    (
        "Abs", "Add", "And", "ArgMax", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Ceil", "Celu", "Clip",
        "Concat", "Constant", "ConstantOfShape", "Conv", "ConvInteger", "ConvTranspose", "Cos", "DepthToSpace",
        "DequantizeLinear", "Div", "DynamicQuantizeLinear", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor",
        "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater",
        "GreaterOrEqual", "GroupNormalization", "GRU", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization",
        "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "LRN", "LSTM", "MatMul",
        "MatMulInteger", "Max", "MaxPool", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "Pad", "Pow",
        "PRelu", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Range", "Reciprocal", "ReduceL1", "ReduceL2",
        "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Resize", "RNN", "Round",
        "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Size", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth",
        "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Trilu", "Unsqueeze",
        "Where",
    )
)
# fmt: on
# Numbers of the fields, as onnx.proto has them.
MODEL_GRAPH, MODEL_METADATA, MODEL_TRAINING, MODEL_FUNCTIONS = 7, 14, 20, 25
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_SPARSE = 1, 5, 15
NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = 4, 5, 7
ATTRIBUTE_TENSOR, ATTRIBUTES_WITH_GRAPHS, ATTRIBUTE_TENSORS = 5, (6, 11, 22, 23), 10
TENSOR_EXTERNAL, TENSOR_LOCATION = 13, 14
ENTRY_KEY, ENTRY_VALUE = 1, 2
# The last bytes of a file of ours: an entry of the metadata, with the checksum of all that stands before it.
CHECKSUM_KEY = "sha256"
CHECKSUM_MARK = b"\x72\x4a\x0a\x06sha256\x12\x40"
CHECKSUM_LENGTH = 64
FORMAT_KEY = "format"  # files that have it have a checksum too


def with_checksum(model: bytes) -> bytes:
    """A serialized model with its checksum at the end, which is an entry of its metadata like any other."""
    return model + CHECKSUM_MARK + hashlib.sha256(model).hexdigest().encode()


def read_model(path: Path) -> bytes:
    """The bytes of a file that holds nothing but a network, and is as it was written if it says how it was.

    Raises:
        UserError: if it is damaged, too large, or holds anything else.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path} is no file: an ONNX file is needed")
        if (size := path.stat().st_size) > (largest := largest_checkpoint(LARGEST_MEGABYTES)):
            megabytes = -(-size // 1_000_000)
            raise UserError(
                f"{path} has {megabytes:,} MB, and no more than {largest // 1_000_000:,} are read from a file that may "
                f"come from anywhere; if you trust it: {LARGEST_VARIABLE}={megabytes}"
            )
        model = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        keys = _check_model(memoryview(model))
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        if isinstance(error, UserError):
            raise UserError(f"{path} {error}") from error
        raise UserError(f"{path} is damaged or no ONNX file: onnxruntime cannot read it") from error
    _check_sum(path, model, keys)
    return model


def _check_sum(path: Path, model: bytes, keys: list[str]) -> None:
    """Compare the checksum; files of earlier versions have none."""
    end = len(CHECKSUM_MARK) + CHECKSUM_LENGTH
    before, last = model[:-end], model[-end:]
    is_there = last.startswith(CHECKSUM_MARK)
    if is_there and last[len(CHECKSUM_MARK) :] == hashlib.sha256(before).hexdigest().encode():
        return
    if is_there or CHECKSUM_KEY in keys or FORMAT_KEY in keys:
        raise UserError(f"{path} is damaged or was altered since it was exported: its checksum is another one")


def _check_model(model: memoryview) -> list[str]:
    """Go through a model, and give the keys of its metadata."""
    keys: list[str] = []
    graphs = 0
    for number, value in _fields(model):
        if number == MODEL_GRAPH:
            graphs += 1
            _check_graph(_inner(value))
        elif number == MODEL_METADATA:
            entry = dict(_fields(_inner(value)))
            keys.append(str(bytes(_inner(entry.get(ENTRY_KEY, memoryview(b"")))), "utf-8"))
        elif number in (MODEL_TRAINING, MODEL_FUNCTIONS):
            raise UserError("holds functions or training steps, which no exported network does")
    if graphs != 1:
        raise ValueError("no graph, or several")
    return keys


def _check_graph(graph: memoryview) -> None:
    nodes = 0
    for number, value in _fields(graph):
        if number == GRAPH_NODE:
            nodes += 1
            _check_node(_inner(value))
        elif number == GRAPH_INITIALIZER:
            _check_tensor(_inner(value))
        elif number == GRAPH_SPARSE:
            raise UserError("holds sparse weights, which no exported network does")
    if nodes > MOST_NODES:
        raise UserError(f"holds {nodes:,} operators: a network has {MOST_NODES:,} at most")


def _check_node(node: memoryview) -> None:
    operator = domain = ""
    for number, value in _fields(node):
        if number == NODE_OPERATOR:
            operator = str(bytes(_inner(value)), "utf-8")
        elif number == NODE_DOMAIN:
            domain = str(bytes(_inner(value)), "utf-8")
        elif number == NODE_ATTRIBUTE:
            for inner, content in _fields(_inner(value)):
                if inner in ATTRIBUTES_WITH_GRAPHS:
                    raise UserError("holds an operator that runs parts of the network again")
                if inner in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
                    _check_tensor(_inner(content))
    if domain not in ("", "ai.onnx") or operator not in OPERATORS:
        name = f"{domain}.{operator}".strip(".")[:80]
        raise UserError(f"holds the operator {name!r}, which is none of those that a network is run with here")


def _check_tensor(tensor: memoryview) -> None:
    for number, value in _fields(tensor):
        if number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and value != 0):
            raise UserError("has its weights in another file, which is not read")


def _inner(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: their numbers, and what they hold."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        length, place = (8, place) if kind == 1 else (4, place) if kind == 5 else _varint(message, place)
        if kind not in (1, 2, 5) or place + length > len(message):
            raise ValueError("damaged")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number in pieces of seven bits, and the place after it."""
    value = shift = 0
    while True:
        piece = message[place]
        place += 1
        value |= (piece & 0x7F) << shift
        if piece < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("damaged")
