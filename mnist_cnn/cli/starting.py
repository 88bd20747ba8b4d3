"""The start of `fit`, `validate` and `test`: what can be said before torch and Lightning are loaded is said at once."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

from mnist_cnn.cli.arguments import WEIGHTS_FLAG, Request, read_request
from mnist_cnn.cli.commands import DEFAULT_NETWORK
from mnist_cnn.cli.known_flags import KnownFlags
from mnist_cnn.collector import spared_collector
from mnist_cnn.console import is_first_process, remark, short_path
from mnist_cnn.files import class_name
from mnist_cnn.runs.folders import find_checkpoint, is_last_of_run, run_dir_of
from mnist_cnn.runs.lock import check_free


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
        request = _found(request)
    if not is_loaded and not prints_only and is_first_process():
        remark(f"{_intention(request)}; loading PyTorch and Lightning ...")
    with spared_collector():
        training = import_module("mnist_cnn.cli.training")
    return int(getattr(training, command)(request, arguments))


def _found(request: Request) -> Request:
    """The request with the file of the checkpoint that it asks for.

    Raises:
        UserError: if there is none, or another process trains the run that is to be gone on with.
    """
    if request.weights is not None:
        return replace(request, weights=str(find_checkpoint(request.weights, request.root, "best", WEIGHTS_FLAG)))
    is_fit = request.command == "fit"
    which = request.ckpt_path or (None if is_fit else "best")
    if which is None:
        return request
    path = find_checkpoint(which, request.root, "last" if is_fit else "best")
    if is_fit and is_last_of_run(path) and is_first_process():
        check_free(run_dir_of(path))
    return replace(request, ckpt_path=str(path))


def _say_what_is_not_read() -> None:
    """Name variables by which other programs on Lightning's command line are given settings: here they do nothing."""
    names = sorted(name for name in os.environ if re.fullmatch(r"PL_(?:[A-Z0-9_]+__[A-Z0-9_]+|CONFIG)", name))
    if names and is_first_process():
        remark(f"{', '.join(names)}: not read, as settings come from flags and configs alone; give a flag or --config")


def _intention(request: Request) -> str:
    """What is going to be done, in a few words."""
    if request.command != "fit":
        return f"{request.command} of {short_path(request.ckpt_path or 'best')}"
    data = request.config.get("data")
    dataset = data.get("dataset", "mnist") if isinstance(data, dict) else "mnist"
    for position, flag in enumerate(request.flags):
        name, equals, value = flag.partition("=")
        if name == "--data.dataset":
            dataset = value if equals else "".join(request.flags[position + 1 : position + 2])
    if request.ckpt_path:
        return f"fit, going on from {short_path(request.ckpt_path)}"
    if request.weights and not request.network:
        return f"fit on {dataset}, from the weights of {short_path(request.weights)}"
    return f"fit of {class_name(request.network or DEFAULT_NETWORK)} on {dataset}"
