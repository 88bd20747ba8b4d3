"""From the settings of a run, as a config holds them, to objects and back."""

from collections.abc import Mapping
from typing import Any

import yaml
from pytorch_lightning import seed_everything

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.files import plain
from mnist_cnn.networks import CNN, Network, arguments_from_data, find_network
from mnist_cnn.training.checkpoints import LastCheckpoint
from mnist_cnn.training.classifier import ImageClassifier

Settings = Mapping[str, Any]

TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": 20,
    "devices": 1,  # several devices change the batch size that the optimiser sees: that should be asked for
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,  # RunSummary says it in a line
}


def build(model: Any, data: Any, seed: int) -> tuple[ImageClassifier, MNISTDataModule]:
    """Build what is given as settings: the data module, and a classifier with a network that fits its images."""
    if isinstance(model, ImageClassifier) and isinstance(data, MNISTDataModule):
        return model, data
    seed_everything(seed, verbose=False)
    module = data if isinstance(data, MNISTDataModule) else MNISTDataModule(**{"seed": seed, **(data or {})})
    if isinstance(model, ImageClassifier):
        return model, module
    settings = dict(model or {})
    network = settings.pop("network", None) or CNN.__name__
    if not isinstance(network, Network):
        spec: Settings = network if isinstance(network, Mapping) else {"class_path": network}
        network_class = find_network(spec["class_path"])
        of_data = arguments_from_data(network_class, find_dataset(module.dataset).image_shape)
        network = network_class(**{**of_data, **(spec.get("init_args") or {})})
    return ImageClassifier(network, **settings), module


def as_config(
    classifier: ImageClassifier, module: MNISTDataModule, trainer: Settings, last: LastCheckpoint, seed: int
) -> str:
    """The settings of a run that was not started from a config, as one."""
    kinds = (str, int, float, bool, list, dict, type(None))
    data = {name: value for name, value in module.hparams.items() if name != "seed"}
    content = {
        "seed_everything": seed,
        "trainer": {name: value for name, value in plain(dict(trainer)).items() if isinstance(value, kinds)},
        "model": dict(classifier.hparams),
        "data": data,
        "checkpoint": {"every_n_train_steps": last.every_n_train_steps},
    }
    return yaml.safe_dump(content, sort_keys=False)
