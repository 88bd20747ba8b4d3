"""Starting from weights alone: the network of a checkpoint in a new run, on other data."""

import hashlib

import torch
from torch.nn.parameter import is_lazy

from mnist_cnn.console import printable, short_path
from mnist_cnn.errors import UserError
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.classifier import ImageClassifier


def take_weights(classifier: ImageClassifier, source: Checkpoint, image_shape: tuple[int, int, int]) -> str:
    """Put the weights of a checkpoint into the network of a new run.

    Where the classes are other ones in number, what makes the logits begins anew. Mean and standard deviation of the
    pixels are not taken: they are those of the data.

    Args:
        classifier: What is going to be trained.
        source: The checkpoint.
        image_shape: Channels, height and width of the images that it is going to be trained on.

    Returns:
        What was taken and what is new, in a line.

    Raises:
        UserError: if the weights do not fit.
    """
    network = classifier.network
    kept = {name.removeprefix("network."): w for name, w in source.weights.items() if name.startswith("network.")}
    present = network.state_dict()
    before, now = _classes_of(source), network.num_classes
    taken: dict[str, torch.Tensor] = {}
    new: list[str] = []
    for name in {**present, **kept}:
        if name not in kept or name not in present:
            where = "the network that is trained" if name in kept else "the file"
            raise _unfit(classifier, source, image_shape, f"{where} has no {name}")
        weight, place = kept[name], present[name]
        if is_lazy(place) or weight.shape == place.shape:
            taken[name] = weight
        elif before != now and weight.shape[:1] == (before,) and place.shape == (now, *weight.shape[1:]):
            new.append(name)
        else:
            sizes = f"{name} has the sizes {tuple(weight.shape)} there and {tuple(place.shape)} here"
            raise _unfit(classifier, source, image_shape, sizes)
    network.load_state_dict({**present, **taken})
    classifier.has_weights = True
    classifier.started_from = _name_of(source)
    fresh = f"; new: {', '.join(new)} ({before} classes before, {now} now)" if new else ""
    return f"{len(taken)} of {len(present)} tensors from {printable(short_path(source.path))}{fresh}"


def _classes_of(source: Checkpoint) -> int | None:
    """How many classes the network of a checkpoint tells apart."""
    names = source.provenance.class_names
    return len(names) or source.network.get("init_args", {}).get("num_classes")


def _name_of(source: Checkpoint) -> str:
    """What a checkpoint is, in words that mean the same on any machine."""
    network = source.network["class_path"].rpartition(".")[2]
    data = f" trained on {source.provenance.dataset}" if source.provenance.dataset else ""
    return f"{network}{data}, sha256 {hashlib.sha256(source.path.read_bytes()).hexdigest()}"


def _unfit(classifier: ImageClassifier, source: Checkpoint, image_shape: tuple[int, int, int], what: str) -> UserError:
    held, trained = source.network["class_path"].rpartition(".")[2], type(classifier.network).__name__
    before, now = ("x".join(map(str, shape)) for shape in (source.provenance.image_shape, image_shape))
    of_images = f", made for images of {before}; the data have {now}" if before != now else ""
    of_network = f", and {trained} is to be trained" if held != trained else ""
    return UserError(
        f"--weights {printable(short_path(source.path))} does not fit: {what} (it holds {held}{of_network}{of_images})"
    )
