"""`mnist-cnn networks`, `datasets` and `configs`: what there is to choose from."""

from collections.abc import Sequence
from pathlib import Path

from mnist_cnn import shipped
from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.console import PROGRAM, quoted, table, wrapped
from mnist_cnn.data.registry import dataset_names, default_data_dir, find_dataset
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


def list_datasets(arguments: Sequence[str]) -> int:
    """Print every data set with its sizes and classes, and whether its files are there."""
    parser = CommandParser("datasets")
    parser.add_data_dir()
    data_dir = default_data_dir(parser.parse_args(arguments).data_dir)
    rows: list[Sequence[str]] = [("data set", "training", "test", "files", "classes")]
    for name in dataset_names():
        dataset = find_dataset(name)
        sizes = [f"{size:,}" for size in dataset.sizes.values()]
        shape = "x".join(map(str, dataset.image_shape))
        absent, count = len(dataset.absent_files(data_dir)), dataset.count_files()
        presence = "generated" if not count else "present" if not absent else "absent"
        presence = f"{absent} of {count} absent" if 0 < absent < count else presence
        classes = f"{len(dataset.class_names)}: {', '.join(dataset.class_names)}; images of {shape}"
        rows.append((name, *sizes, presence, classes))
    print(table(rows, right_aligned=(1, 2)))
    print()
    what = f"Choose with --data.dataset NAME. Images are channels x height x width. Files are looked for in {data_dir}"
    print(wrapped(f"{what} (see --data.data_dir and MNIST_CNN_DATA) and downloaded there when they are needed."))
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
