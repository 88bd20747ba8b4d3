"""Checkpoints: read once, and looked through before anything is made of them. Needs torch, not Lightning."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_cnn.errors import UserError
from mnist_cnn.runs.archive import DamagedError, largest_checkpoint, open_archive
from mnist_cnn.runs.outline import ForeignError, outline
from mnist_cnn.runs.provenance import Provenance
from mnist_cnn.runs.schema import (
    CONDITIONS,
    CURRENT_WEIGHTS,
    DATA_HYPERPARAMETERS,
    EPOCH,
    GLOBAL_STEP,
    HYPERPARAMETERS,
    METRICS,
    OPTIMIZERS,
    PROVENANCE,
    TRAINING_METRICS,
    WEIGHTS,
    names_a_network,
    problem_of,
)

if TYPE_CHECKING:
    from mnist_cnn.networks import Network
    from mnist_cnn.networks.model import Model

__all__ = [
    "CONDITIONS",
    "CURRENT_WEIGHTS",
    "HYPERPARAMETERS",
    "METRICS",
    "OPTIMIZERS",
    "PROVENANCE",
    "TRAINING_METRICS",
    "WEIGHTS",
    "Checkpoint",
    "DamagedError",
]


DECIDED_BY_DATA = ("in_channels", "input_shape", "num_classes")


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
        """Read a file; no code in it is run, and it takes no more memory than the file has bytes.

        Every checksum is compared, every entry looked at, and the network of the file's settings compared with its
        weights, before torch reads it.

        Raises:
            UserError: if the file is damaged, comes from something else, or its weights are no finite numbers.
        """
        archive = open_archive(path)
        found = _outline(path, archive.pickle)
        if not names_a_network(found):
            raise UserError(f"{path} is not a checkpoint of mnist-cnn: it does not say which network it holds")
        if problem := problem_of(found, archive.sizes, largest_checkpoint()):
            raise DamagedError(f"{path} is damaged or was altered: {problem}")
        shapes = {name: tensor.shape for name, tensor in found[WEIGHTS].items()}
        _check_network(path, found[HYPERPARAMETERS]["network"], shapes, found.get(PROVENANCE))
        contents = _load(path)
        for key in (WEIGHTS, CURRENT_WEIGHTS):
            _check_finite(path, contents.get(key) or {})
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
    def conditions(self) -> dict[str, Any]:
        """Under which conditions it was written; files of earlier versions do not say."""
        return self.contents.get(CONDITIONS) or {}

    @property
    def epoch(self) -> int:
        """The epoch in which it was written, from 0."""
        return int(self.contents[EPOCH])

    @property
    def global_step(self) -> int:
        """Optimiser steps taken until it was written."""
        return int(self.contents[GLOBAL_STEP])

    def settings(self) -> dict[str, Any]:
        """Seed, model and data settings, as a config holds them; where the data lie is no such setting."""
        data = {key: value for key, value in self.contents.get(DATA_HYPERPARAMETERS, {}).items() if key != "data_dir"}
        return {"seed_everything": data.pop("seed", 0), "model": self.hyperparameters, "data": data}

    def network_for_other_data(self) -> dict[str, Any]:
        """Which network it holds, without those of its settings that data decide."""
        arguments = self.network.get("init_args") or {}
        kept = {name: value for name, value in arguments.items() if name not in DECIDED_BY_DATA}
        return {"class_path": self.network["class_path"], "init_args": kept}

    def check_holds(self, network: "type[Network] | None") -> None:
        """See that the network is one whose class is imported, and of the class that is named, if one is.

        Raises:
            UserError: if it is another one, or of a class that nobody has named.
        """
        from mnist_cnn.networks import find_network
        from mnist_cnn.networks.base import is_network

        held = self.network["class_path"]
        if not is_network(held):
            raise UserError(
                f"{self.path} holds a network of the class {held!r}, which is none of this project's; if you trust it, "
                f"name it: --network {held}"
            )
        if network is not None and find_network(held) is not network:
            raise UserError(f"{self.path} holds a network of the class {held!r}, not {network.__name__}")

    def build_model(self) -> "Model":
        """Build the model with its weights, ready to answer.

        Raises:
            UserError: if its network's class is not imported, or takes other weights.
        """
        from mnist_cnn.networks import build_network
        from mnist_cnn.networks.model import Model

        shapes = {name: tuple(tensor.shape) for name, tensor in self.weights.items()}
        _check_network(self.path, self.network, shapes, None)  # a class may have been imported since it was read
        try:
            model = Model(build_network(self.network)).eval()
            model.load_state_dict(self.weights)
        except UserError:
            raise
        except Exception as error:  # of a class of anyone's
            raise _unfit(self.path, self.network, " ".join(str(error).split())) from error
        return model


def _outline(path: Path, pickle: bytes) -> Any:
    try:
        return outline(pickle)
    except ForeignError as error:
        raise UserError(
            f"{path} holds more than plain values and tensors, so it is not read (it is foreign)"
        ) from error
    except ValueError as error:
        raise DamagedError(f"{path} is damaged or was altered: torch cannot read it") from error


def _load(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch has to say of it, a file cannot help
            return torch.load(path, map_location="cpu", weights_only=True)
    except (Exception, MemoryError) as error:  # torch raises a dozen kinds
        raise DamagedError(f"{path} is damaged or no checkpoint: torch cannot read it") from error


def _check_finite(path: Path, weights: Mapping[str, Any]) -> None:
    """See that weights are finite: a diverged network answers with the same nothing whatever it is given."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and tensor.numel() and not all(end.isfinite() for end in tensor.aminmax()):
            raise UserError(
                f"{path} holds weights that are no finite numbers ({name}): training diverged, or it was altered; take "
                f"an earlier checkpoint, or train again with a smaller --lr"
            )
    if "std" in weights and not bool((weights["std"] > 0).all()):
        raise DamagedError(f"{path} is damaged or was altered: std is not above 0")


def _check_network(
    path: Path, spec: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], provenance: Mapping[str, Any] | None
) -> None:
    """See that the network that settings describe has the weights that are there, before its memory is taken.

    A class that is not imported is left alone: it is looked at when it is built.

    Raises:
        UserError: if it takes other weights, or there are other numbers of names than of classes.
    """
    from mnist_cnn.networks.base import expected_state, is_network

    if not is_network(spec["class_path"]):
        return
    try:
        classes, expected = expected_state(spec)
    except Exception as error:  # of a constructor that is given anything
        raise _unfit(path, spec, " ".join(str(error).split())) from error
    if expected is None:  # a class of the user's that can only be built for good
        return
    for name in [*expected, *shapes]:
        if name in ("mean", "std"):
            continue
        if name not in shapes or name not in expected:
            raise _unfit(path, spec, f"{name} is {'missing' if name in expected else 'not known to it'}")
        if expected[name] not in (None, shapes[name]):
            raise _unfit(path, spec, f"{name} has the sizes {shapes[name]}, and {expected[name]} are needed")
    names = len((provenance or {}).get("class_names") or ())
    if names not in (0, classes):
        raise DamagedError(f"{path} is damaged or was altered: {names} class names for {classes} classes")


def _unfit(path: Path, spec: dict[str, Any], what: str) -> UserError:
    from mnist_cnn.networks.base import known_networks

    name = spec["class_path"].rpartition(".")[2]
    if name in known_networks():
        return DamagedError(
            f"{path} cannot be used: its settings and weights do not fit {name} ({what}); it was altered, or a "
            f"callback has changed the network"
        )
    return UserError(f"the weights in {path} do not fit {spec['class_path']} as it is now: {what}")
