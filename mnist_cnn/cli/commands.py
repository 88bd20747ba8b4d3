"""The commands and the short flags: the one table of each. Imports nothing, so that --help is answered at once."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: what it does in a line, and the module of this room and the function that do it."""

    summary: str
    module: str
    function: str


COMMANDS = {
    "fit": Command("train a network, or go on with --ckpt_path", "starting", "fit"),
    "validate": Command("evaluate a checkpoint on the validation images", "starting", "validate"),
    "test": Command("evaluate a checkpoint on the test images and write test.json", "starting", "test"),
    "predict": Command("say which digit, or what else, is on pictures, in tables and in arrays", "predict", "predict"),
    "figures": Command(
        "draw a trained network and its results: curves, kernels, feature maps, mistakes", "figures", "draw_figures"
    ),
    "export": Command("write a trained network as a self-contained ONNX file", "export", "export"),
    "runs": Command("list the runs: what came out, and what each did otherwise", "runs", "show_runs"),
    "networks": Command("list the networks with their parameters and multiply-adds", "listings", "list_networks"),
    "datasets": Command(
        "list the data sets, or say what is in one, your own images too: datasets PATH", "datasets", "show_datasets"
    ),
    "configs": Command("list the configs that come with the package, or copy one", "listings", "list_configs"),
}

# What --print_completion does, and for which shells.
SHELLS = ("bash", "zsh", "fish")
COMPLETION = Command("print a script that completes commands and flags in a shell", "completion", "print_script")

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
# Other familiar names, which are understood as well. The short ones may be spelled with a dash or an underscore.
ALSO_FLAGS = {
    "--learning-rate": "--model.lr",
    "--weight-decay": "--model.weight_decay",
    "--optimizer": "--model.optimizer",
    "--momentum": "--model.momentum",
    "--max-epochs": "--trainer.max_epochs",
    "--max-steps": "--trainer.max_steps",
    "--devices": "--trainer.devices",
    "--accelerator": "--trainer.accelerator",
    "--precision": "--trainer.precision",
    "--dataset": "--data.dataset",
    "--data-dir": "--data.data_dir",
    "--seed": "--seed_everything",
    "--ckpt-path": "--ckpt_path",
    "--resume": "--ckpt_path",  # alone, it means the last checkpoint
}
ALSO_COMMANDS = {"train": "fit"}
# Nobody should read the test set by mistake, so that these are asked back.
AMBIGUOUS = {
    "eval": ("test", "validate"),
    "evaluate": ("test", "validate"),
    "val": ("validate",),
    "run": ("fit", "runs"),
}
DEFAULT_NETWORK = "mnist_cnn.networks.CNN"
DEVICES = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "mps": "mps", "auto": "auto"}


def full_flag(name: str) -> str:
    """The flag that a short or familiar name stands for; any other name as it is."""
    dashed = "--" + name.removeprefix("--").replace("_", "-")
    return (SHORT_FLAGS | ALSO_FLAGS).get(dashed, name)


def short_flags_help() -> str:
    """The table of short flags, for people."""
    rows = [f"  {short:14} {full}" for short, full in SHORT_FLAGS.items()]
    rows[-1] += f" ({', '.join(DEVICES)})"
    return "\n".join(rows)
