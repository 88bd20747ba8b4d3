"""The start of `fit`, `validate` and `test`: what can be said before torch and Lightning are loaded is said at once."""

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module

from mnist_cnn.cli.arguments import Request, read_request
from mnist_cnn.cli.commands import DEFAULT_NETWORK
from mnist_cnn.cli.known_flags import KnownFlags
from mnist_cnn.console import remark
from mnist_cnn.files import class_name
from mnist_cnn.imports import spared_collector


def fit(arguments: Sequence[str]) -> int:
    """Train."""
    return _start("fit", arguments)


def validate(arguments: Sequence[str]) -> int:
    """Evaluate on the validation images."""
    return _start("validate", arguments)


def test(arguments: Sequence[str]) -> int:
    """Evaluate on the test images."""
    return _start("test", arguments)


def _start(command: str, arguments: Sequence[str]) -> int:
    """Run a training command, once its arguments are looked through.

    Raises:
        UserError: for a mistake in them.
    """
    request = read_request(command, arguments)
    is_loaded = "pytorch_lightning" in sys.modules
    prints_only = request.wants_help or any(flag.startswith("--print_") for flag in request.flags)
    if not request.wants_help and (known := KnownFlags.read(command)):
        known.check(request)
    if not prints_only:
        _say_what_is_not_read()
    if not is_loaded and not prints_only and os.environ.get("LOCAL_RANK", "0") == "0":
        remark(f"{_intention(request)}; loading PyTorch and Lightning ...")
    with spared_collector():
        training = import_module("mnist_cnn.cli.training")
    return int(getattr(training, command)(request, arguments))


def _say_what_is_not_read() -> None:
    """Name variables by which other programs on Lightning's command line are given settings: here they do nothing."""
    names = sorted(name for name in os.environ if re.fullmatch(r"PL_(?:[A-Z0-9_]+__[A-Z0-9_]+|CONFIG)", name))
    if names and os.environ.get("LOCAL_RANK", "0") == "0":
        remark(f"{', '.join(names)}: not read, as settings come from flags and configs alone; give a flag or --config")


def _intention(request: Request) -> str:
    """What is going to be done, in a few words."""
    if request.command != "fit":
        return f"{request.command} of {request.ckpt_path or 'best'}"
    data = request.config.get("data")
    dataset = data.get("dataset", "mnist") if isinstance(data, dict) else "mnist"
    for position, flag in enumerate(request.flags):
        name, equals, value = flag.partition("=")
        if name == "--data.dataset":
            dataset = value if equals else "".join(request.flags[position + 1 : position + 2])
    if request.ckpt_path:
        return f"fit, going on from {request.ckpt_path}"
    if request.weights and not request.network:
        return f"fit on {dataset}, from the weights of {request.weights}"
    return f"fit of {class_name(request.network or DEFAULT_NETWORK)} on {dataset}"
