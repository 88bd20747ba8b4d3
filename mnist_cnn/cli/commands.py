"""The commands and the short flags: the one table of each. Imports nothing, so that --help is answered at once."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: what it does in a line, and the module of this room and the function that do it."""

    summary: str
    module: str
    function: str


COMMANDS = {
    "fit": Command("train a network, or go on with --ckpt_path", "training", "fit"),
    "validate": Command("evaluate a checkpoint on the validation images", "training", "validate"),
    "test": Command("evaluate a checkpoint on the test images and write test.json", "training", "test"),
    "predict": Command("say which digit, or what else, is on pictures", "predict", "predict"),
    "figures": Command(
        "draw a trained network and its results: curves, kernels, feature maps, mistakes", "figures", "draw_figures"
    ),
    "export": Command("write a trained network as a self-contained ONNX file", "export", "export"),
    "runs": Command("list the runs: what came out, and what each did otherwise", "runs", "show_runs"),
    "networks": Command("list the networks with their parameters and multiply-adds", "listings", "list_networks"),
    "datasets": Command(
        "list the data sets with their sizes, and whether their files are there", "listings", "list_datasets"
    ),
    "configs": Command("list the configs that come with the package, or copy one", "listings", "list_configs"),
}

# Familiar names for the most used settings. They are spelled out before the parser sees them, so that each behaves
# exactly as the full flag does.
SHORT_FLAGS = {
    "--epochs": "--trainer.max_epochs",
    "--batch-size": "--data.batch_size",
    "--lr": "--model.lr",
    "--l2": "--model.weight_decay",
    "--dropout": "--model.network.dropout",
    "--num-classes": "--model.network.num_classes",
    "--network": "--model.network",
    "--device": "--trainer.accelerator",
}
DEVICES = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "mps": "mps", "auto": "auto"}


def short_flags_help() -> str:
    """The table of short flags, for people."""
    rows = [f"  {short:14} {full}" for short, full in SHORT_FLAGS.items()]
    rows[-1] += f" ({', '.join(DEVICES)})"
    return "\n".join(rows)
