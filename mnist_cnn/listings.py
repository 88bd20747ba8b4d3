"""`mnist-cnn networks` and `mnist-cnn datasets`: what there is to choose from."""

import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from mnist_cnn.cli import PROGRAM
from mnist_cnn.command_parser import CommandParser
from mnist_cnn.data.datasets import DATASETS, Dataset, absent_files, default_data_dir
from mnist_cnn.networks import Network, known_networks
from mnist_cnn.networks.base import IMAGE_SIZE


def list_networks(arguments: Sequence[str]) -> int:
    """Print every network with its size and cost at its default settings."""
    CommandParser("networks").parse_args(arguments)
    rows = [("network", "parameters", "multiply-adds", "input", "what it is")]
    for name, network_class in known_networks().items():
        network = network_class()
        parameters = sum(parameter.numel() for parameter in network.parameters())
        summary = (network_class.__doc__ or "").splitlines()[0]
        rows.append((name, f"{parameters:,}", f"{multiply_adds(network):,}", network.input_size, summary))
    print(_table(rows, right_aligned=(1, 2)))
    print("\nAt default settings, multiply-adds for one image. Choose with --network NAME; the settings of a network:")
    print(f"  {PROGRAM} fit --model.network.help NAME")
    return 0


def list_datasets(arguments: Sequence[str]) -> int:
    """Print every data set with its sizes and classes, and whether its files are there."""
    parser = CommandParser("datasets")
    parser.add_argument("--data.data_dir", dest="data_dir", metavar="DIR", help="folder that holds the data sets")
    data_dir = default_data_dir(parser.parse_args(arguments).data_dir)
    rows: list[Sequence[str]] = [("data set", "training", "test", "files", "classes")]
    for name, dataset in DATASETS.items():
        sizes = [f"{size:,}" for size in dataset.sizes.values()]
        classes = f"{len(dataset.class_names)}: {', '.join(dataset.class_names)}"
        rows.append((name, *sizes, _presence(dataset, data_dir), classes))
    print(_table(rows, right_aligned=(1, 2)))
    print(
        f"\nGrey images of {IMAGE_SIZE}x{IMAGE_SIZE} pixels. Choose with --data.dataset NAME. Files are looked for in"
    )
    print(f"{data_dir} (see --data.data_dir and MNIST_CNN_DATA) and downloaded there when they are needed.")
    return 0


def multiply_adds(network: Network) -> int:
    """Multiplications with addition that one image of 28x28 takes, in convolutions and dense layers."""
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE))
    network.train(was_training)
    return counter.get_total_flops() // 2


def _presence(dataset: Dataset, data_dir: Path) -> str:
    """Whether the files of a data set are there."""
    if not dataset.files:
        return "generated"
    absent = [name for split in dataset.files for name in absent_files(dataset, data_dir, split)]
    count = sum(len(names) for names in dataset.files.values())
    if not absent:
        return "present"
    return "absent" if len(absent) == count else f"{len(absent)} of {count} absent"


def _table(rows: Sequence[Sequence[str]], right_aligned: Sequence[int]) -> str:
    """Lay rows out in columns, the last of which is wrapped at the terminal's width."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - indent, 20)
    lines = []
    for *cells, last in rows:
        aligned = [
            cell.rjust(width) if position in right_aligned else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=False))
        ]
        first, *more = textwrap.wrap(last, room, break_on_hyphens=False) or [""]
        lines += ["  ".join([*aligned, first]).rstrip(), *(" " * indent + line for line in more)]
    return "\n".join(lines)
