"""What a network was trained on, and whether that is what it meets now."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from mnist_cnn.data.base import LONGEST_PATH, Layout, is_name
from mnist_cnn.errors import UserError

SHOWN_NAMES = 10
MOST_PIXELS = 3 * 1024 * 1024  # of an image, in all channels


@dataclass(frozen=True)
class Provenance:
    """What images are, in plain types; it is kept in checkpoints, results and exported networks.

    Attributes:
        dataset: Name of the data set in use, or the path of one's own.
        stand_in_for: Name of the one that it replaces, or None.
        class_names: Names of the classes, by label.
        image_shape: Channels, height and width of the images.
        layout: How they are laid out: "digit" or "garment"; empty where a file from before does not say.
        fingerprint: Checksum of the content of the training images, validation included; see
            `mnist_cnn.data.fingerprint`. Empty where a file from before does not say.
        started_from: Whose weights the run started from; empty where it started from random ones.
    """

    dataset: str = ""
    stand_in_for: str | None = None
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] = (1, 28, 28)
    layout: str = ""
    fingerprint: str = ""
    started_from: str = ""

    @classmethod
    def of(cls, data: Any) -> "Provenance":
        """Of the images that an `MNISTDataModule` reads."""
        source = data.source
        return cls(
            data.dataset_in_use,
            data.stand_in_for,
            source.class_names,
            source.image_shape,
            source.layout,
            getattr(data, "fingerprints", {}).get("train", ""),
        )

    @classmethod
    def from_plain(cls, kept: Mapping[str, Any] | None) -> "Provenance":
        """From what a file holds; files written by earlier versions lack some of it, and foreign ones all.

        Raises:
            UserError: if it is something else, as in a file that was altered.
        """
        kept = {} if kept is None else kept
        if problem := _problem_of(kept):
            raise UserError(f"what it says of its data is wrong: {problem}")
        return cls(
            dataset=kept.get("dataset") or "",
            stand_in_for=kept.get("stand_in_for"),
            class_names=tuple(kept.get("class_names") or ()),
            image_shape=tuple(kept.get("image_shape") or (1, 28, 28)),
            layout=kept.get("layout") or "",
            fingerprint=kept.get("fingerprint") or "",
            started_from=kept.get("started_from") or "",
        )

    def to_plain(self) -> dict[str, Any]:
        """As files hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def _problem_of(kept: Any) -> str | None:
    """Say what is wrong with what a file holds of its data, or None."""
    if not isinstance(kept, Mapping):
        return "no settings by name"
    for name in ("dataset", "stand_in_for", "layout", "fingerprint", "started_from"):
        if not is_name(kept.get(name) or "", LONGEST_PATH):
            return f"{name} is no name"
    if kept.get("layout") not in (None, "", *get_args(Layout)):
        return f"layout is none of {', '.join(get_args(Layout))}"
    names, shape = kept.get("class_names") or (), kept.get("image_shape") or (1, 28, 28)
    if not isinstance(names, list | tuple) or not all(map(is_name, names)):
        return "class_names are no names"
    is_shape = isinstance(shape, list | tuple) and len(shape) == 3 and all(type(size) is int for size in shape)
    if not is_shape or min(shape) < 1 or math.prod(shape) > MOST_PIXELS:
        return "image_shape is no channels, height and width of a small image"
    return None


def compare(before: Provenance, now: Provenance, is_training: bool) -> str | None:
    """Compare the data in use with those of a checkpoint.

    Args:
        before: What the checkpoint was trained on.
        now: The data in use.
        is_training: Whether the network is to be trained further.

    Returns:
        A warning if they differ, else None.

    Raises:
        UserError: if one of them stands in for the other: mixing the two would make the figures meaningless.
    """
    is_moved = before.fingerprint != "" and before.fingerprint == now.fingerprint
    if before.dataset == now.dataset or is_moved:
        return _difference(before, now)
    if now.stand_in_for:
        raise UserError(f"the network was trained on {before.dataset}, which is absent now: see --data.data_dir")
    if before.stand_in_for and is_training:
        raise UserError(
            f"this run was trained on {before.dataset} digits in the place of {now.dataset}, which is there "
            f"now: start a new run, or go on as before with --data.dataset {before.dataset}"
        )
    return f"the network was trained on {before.dataset}, and the data are {now.dataset} now"


def _difference(before: Provenance, now: Provenance) -> str | None:
    """What is otherwise in a data set that is called as before."""
    if before.class_names and before.class_names != now.class_names:
        of_network, of_data = (_listed(names) for names in (before.class_names, now.class_names))
        return f"the classes of the network are {of_network}, and those of the data are {of_data}: compared by number"
    if before.image_shape != now.image_shape:
        of_network, of_data = ("x".join(map(str, shape)) for shape in (before.image_shape, now.image_shape))
        return f"the network was trained on images of {of_network}, and those of the data are {of_data} now"
    if "" in (before.fingerprint, now.fingerprint) or before.fingerprint == now.fingerprint:
        return None
    return (
        f"the images of {now.dataset} have changed since the network was trained on them (fingerprint "
        f"{before.fingerprint}, now {now.fingerprint}): it may have seen some of those that are held out now"
    )


def _listed(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
