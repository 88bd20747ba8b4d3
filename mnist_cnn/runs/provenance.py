"""What a network was trained on, and whether that is what it meets now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mnist_cnn.errors import UserError


@dataclass(frozen=True)
class Provenance:
    """What images are, in plain types; it is kept in checkpoints, results and exported networks.

    Attributes:
        dataset: Name of the data set in use.
        stand_in_for: Name of the one that it replaces, or None.
        class_names: Names of the classes, by label.
        image_shape: Channels, height and width of the images.
        layout: How they are laid out: "digit" or "garment"; empty where a file from before does not say.
    """

    dataset: str = ""
    stand_in_for: str | None = None
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] = (1, 28, 28)
    layout: str = ""

    @classmethod
    def of(cls, data: Any) -> "Provenance":
        """Of the images that an `MNISTDataModule` reads."""
        source = data.source
        return cls(data.dataset_in_use, data.stand_in_for, source.class_names, source.image_shape, source.layout)

    @classmethod
    def from_plain(cls, kept: Mapping[str, Any] | None) -> "Provenance":
        """From what a file holds; files written by earlier versions lack some of it, and foreign ones all."""
        kept = kept or {}
        return cls(
            dataset=kept.get("dataset") or "",
            stand_in_for=kept.get("stand_in_for"),
            class_names=tuple(kept.get("class_names") or ()),
            image_shape=tuple(kept.get("image_shape") or (1, 28, 28)),
            layout=kept.get("layout") or "",
        )

    def to_plain(self) -> dict[str, Any]:
        """As files hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


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
    if before.dataset == now.dataset:
        return None
    if now.stand_in_for:
        raise UserError(f"the network was trained on {before.dataset}, which is absent now: see --data.data_dir")
    if before.stand_in_for and is_training:
        raise UserError(
            f"this run was trained on {before.dataset} digits in the place of {now.dataset}, which is there "
            f"now: start a new run, or go on as before with --data.dataset {before.dataset}"
        )
    return f"the network was trained on {before.dataset}, and the data are {now.dataset} now"
