"""`mnist-cnn networks` and `configs`: what there is to choose from."""

from collections.abc import Sequence
from pathlib import Path

from mnist_cnn import shipped
from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.console import PROGRAM, quoted, table, wrapped
from mnist_cnn.errors import UserError
from mnist_cnn.files import write_text


def list_networks(arguments: Sequence[str]) -> int:
    """Print every network with its size and cost at its default settings."""
    CommandParser("networks").parse_args(arguments)
    from mnist_cnn.networks import known_networks, multiply_adds  # and with them torch, which --help does not need

    rows = [("network", "parameters", "multiply-adds", "input", "what it is")]
    for name, network_class in known_networks().items():
        network = network_class()
        parameters = sum(parameter.numel() for parameter in network.parameters())
        summary = (network_class.__doc__ or "").splitlines()[0]
        rows.append((name, f"{parameters:,}", f"{multiply_adds(network):,}", network.input_size, summary))
    print(table(rows, right_aligned=(1, 2)))
    print()
    what = "At default settings, multiply-adds for one image of 28x28. Choose with --network NAME; the settings of a"
    print(wrapped(f"{what} network: {PROGRAM} fit --model.network.help NAME"))
    return 0


def list_configs(arguments: Sequence[str]) -> int:
    """Print every config that comes with the package, or copy one to be changed."""
    parser = CommandParser("configs")
    parser.add_argument("--copy", metavar="NAME", help="write a config into this folder, to be changed")
    options = parser.parse_args(arguments)
    if options.copy:
        return _copy(options.copy)
    rows = [(name, shipped.summary_of(path)) for name, path in shipped.list_configs().items()]
    print(table([("config", "what it is"), *rows]))
    closing = f"\nTrain with {PROGRAM} fit --config NAME; {PROGRAM} configs --copy NAME puts one here to be changed."
    print(wrapped(closing))
    return 0


def _copy(name: str) -> int:
    source = shipped.find_config(name)
    target = Path(source.name)
    if target.exists():
        raise UserError(f"{target} is there already: nothing was copied; move it away first")
    write_text(target, source.read_text(encoding="utf-8"))
    print(f"Written to {target}. Train with it: {PROGRAM} fit --config {quoted(target)}")
    return 0
