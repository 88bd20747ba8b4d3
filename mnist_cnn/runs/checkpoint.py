"""Checkpoints: the one file that knows what they hold and under which names. Needs torch, not Lightning."""

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_cnn.errors import UserError
from mnist_cnn.runs.provenance import Provenance

# What this project adds to Lightning's own entries.
PROVENANCE = "provenance"
METRICS = "metrics"
TRAINING_METRICS = "train_metrics"
# Lightning's entries that are looked into. With weight averaging, the weights are the averages.
WEIGHTS = "state_dict"
CURRENT_WEIGHTS = "current_model_state"
OPTIMIZERS = "optimizer_states"
HYPERPARAMETERS = "hyper_parameters"
DATA_HYPERPARAMETERS = "datamodule_hyper_parameters"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of this project, read into the CPU's memory.

    Attributes:
        path: The file.
        contents: All that it holds, as Lightning takes it.
    """

    path: Path
    contents: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Read a file; no code in it is run.

        Raises:
            UserError: if the file is damaged, or comes from something else.
        """
        contents = _load(path)
        parameters = contents.get(HYPERPARAMETERS) if isinstance(contents, dict) else None
        named = isinstance(parameters, dict) and "class_path" in (parameters.get("network") or {})
        if not named or WEIGHTS not in contents:
            raise UserError(f"{path} is not a checkpoint of mnist-cnn: it does not say which network it holds")
        return cls(path, contents)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The settings of the model, network included, as a config holds them."""
        return self.contents[HYPERPARAMETERS]

    @property
    def network(self) -> dict[str, Any]:
        """Which network it holds: `class_path` and `init_args`."""
        return self.hyperparameters["network"]

    @property
    def weights(self) -> dict[str, Any]:
        """The state of the model: `mean`, `std` and `network.*`."""
        return self.contents[WEIGHTS]

    @property
    def provenance(self) -> Provenance:
        """What the network was trained on."""
        return Provenance.from_plain(self.contents.get(PROVENANCE))

    @property
    def metrics(self) -> dict[str, float]:
        """The latest metrics when it was written."""
        return self.contents.get(METRICS) or {}

    @property
    def epoch(self) -> int:
        """The epoch in which it was written, from 0."""
        return int(self.contents["epoch"])

    @property
    def global_step(self) -> int:
        """Optimiser steps taken until it was written."""
        return int(self.contents["global_step"])

    def settings(self) -> dict[str, Any]:
        """Seed, model and data settings, as a config holds them; where the data lie is no such setting."""
        data = {key: value for key, value in self.contents.get(DATA_HYPERPARAMETERS, {}).items() if key != "data_dir"}
        return {"seed_everything": data.pop("seed", 0), "model": self.hyperparameters, "data": data}


def _load(path: Path) -> Any:
    import torch

    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
        with zipfile.ZipFile(path) as parts:  # torch does not compare the checksums that it writes
            if (damaged := parts.testzip()) is not None:
                raise ValueError(damaged)
    except pickle.UnpicklingError as error:
        if not zipfile.is_zipfile(path):  # a checkpoint is an archive
            raise UserError(f"{path} is damaged or no checkpoint: torch cannot read it") from error
        raise UserError(
            f"{path} holds more than plain values and tensors, so it is not read (it is foreign)"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged or no checkpoint: torch cannot read it") from error
    return contents
