"""From the settings of a run, as a config holds them, to objects and back."""

from collections.abc import Mapping
from typing import Any

import yaml
from pytorch_lightning import seed_everything
from pytorch_lightning.cli import instantiate_class

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError, missing_package
from mnist_cnn.files import is_plain, merged, plain
from mnist_cnn.networks import CNN, Network, arguments_from_data, find_network
from mnist_cnn.networks.importing import own_errors_explained
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.settings import say_what_is_left_out, settings_of_run, without_classes
from mnist_cnn.training.checkpoints import LastCheckpoint
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.training.tensorboard import NetworkPictures

Settings = Mapping[str, Any]

TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": 20,
    "devices": 1,  # several devices change the batch size that the optimiser sees: that should be asked for
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,  # RunSummary says it in a line
}


def build(model: Any, data: Any, seed: int) -> tuple[ImageClassifier, MNISTDataModule]:
    """Build what is given as settings: the data module, and a classifier with a network that fits its images.

    Args:
        model: The classifier, or its settings.
        data: The data module, or its settings.
        seed: Seed of both.

    Raises:
        UserError: for settings that are out of their range.
    """
    if isinstance(model, ImageClassifier) and isinstance(data, MNISTDataModule):
        return model, data
    if isinstance(seed, bool) or not 0 <= seed < 2**32:  # Lightning takes true for any seed, and false for none
        raise UserError(f"seed_everything={seed}: a whole number from 0 to {2**32 - 1} is needed")
    seed_everything(seed, verbose=False)
    module = data if isinstance(data, MNISTDataModule) else MNISTDataModule(**{"seed": seed, **(data or {})})
    if isinstance(model, ImageClassifier):
        return model, module
    settings = dict(model or {})
    network = settings.pop("network", None) or CNN.__name__
    if not isinstance(network, Network):
        spec: Settings = network if isinstance(network, Mapping) else {"class_path": network}
        network_class = find_network(spec["class_path"])
        dataset = find_dataset(module.dataset, module.reading)
        of_data = arguments_from_data(network_class, dataset.image_shape, len(dataset.class_names))
        with own_errors_explained(spec["class_path"]):
            network = network_class(**{**of_data, **(spec.get("init_args") or {})})
    return ImageClassifier(network, **settings), module


def behind(
    start: Checkpoint, model: Any, data: Any, trainer: Settings | None, resumes: bool = True
) -> tuple[Any, Any, Settings]:
    """The settings of a checkpoint, with those that are given laid over them; objects that are given stay.

    Where a run goes on, those of the Trainer count too: they stand in the config of the checkpoint's run. Classes that
    are named there are left out: what code is imported is for the caller to say.
    """
    kept, of_checkpoint = without_classes(start.settings())
    says_how_long = bool({"max_epochs", "max_steps"} & set(trainer or {}))
    of_run, left_out = settings_of_run(start.path, says_how_long) if resumes else ({}, {})
    given = {f"trainer.{name}" for name in trainer or {}}
    say_what_is_left_out(start.path, {k: name for k, name in (left_out | of_checkpoint).items() if k not in given})
    if not isinstance(model, ImageClassifier):
        model = merged(kept["model"], model or {})
    if not isinstance(data, MNISTDataModule):
        data = merged(kept["data"], data or {})
    return model, data, {**(of_run.get("trainer") or {}), **(trainer or {})}


def as_config(
    classifier: ImageClassifier,
    module: MNISTDataModule,
    trainer: Settings,
    last: LastCheckpoint,
    drawing: NetworkPictures,
    seed: int,
) -> str:
    """The settings of a run that was not started from a config, as one; the Trainer's objects are left out."""
    data = {name: value for name, value in module.hparams.items() if name != "seed"}
    content = {
        "seed_everything": seed,
        "trainer": {name: value for name, value in plain(dict(trainer)).items() if is_plain(value)},
        "model": dict(classifier.hparams),
        "data": {**data, "data_dir": str(module.data_dir)},
        "checkpoint": {"every_n_train_steps": last.every_n_train_steps},
        "pictures": {name: getattr(drawing, name) for name in ("enabled", "times", "largest_share")},
    }
    return yaml.safe_dump(content, sort_keys=False)


def instantiated(value: Any) -> Any:
    """A setting of the Trainer, with the classes that it names by `class_path` built."""
    if isinstance(value, list | tuple):
        return [instantiated(item) for item in value]
    if isinstance(value, Mapping) and "class_path" in value:
        arguments = {name: instantiated(item) for name, item in (value.get("init_args") or {}).items()}
        try:
            return instantiate_class((), {"class_path": value["class_path"], "init_args": arguments})
        except ModuleNotFoundError as error:
            raise UserError(missing_package(value["class_path"], str(error)) or str(error)) from error
    return value
