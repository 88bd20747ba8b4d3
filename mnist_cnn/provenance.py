"""What a network was trained on, and whether that is what it meets now."""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.utilities import rank_zero_warn

from mnist_cnn.errors import UserError


def compare_data(before: Mapping[str, Any], now: Mapping[str, Any], is_training: bool) -> None:
    """Compare the data in use with those of a checkpoint, and warn if they differ.

    Args:
        before: Provenance of the checkpoint, as `MNISTDataModule.provenance` gives it.
        now: Provenance of the data in use.
        is_training: Whether the network is to be trained further.

    Raises:
        UserError: if one of them stands in for the other: mixing the two would make the figures meaningless.
    """
    if before["dataset"] == now["dataset"]:
        return
    if now["stand_in_for"]:
        raise UserError(f"the network was trained on {before['dataset']}, which is absent now: see --data.data_dir")
    if before["stand_in_for"] and is_training:
        raise UserError(
            f"this run was trained on {before['dataset']} digits in the place of {now['dataset']}, which is there "
            f"now: start a new run, or go on as before with --data.dataset {before['dataset']}"
        )
    rank_zero_warn(f"the network was trained on {before['dataset']}, and the data are {now['dataset']} now")
