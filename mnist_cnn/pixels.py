"""The range of pixels: told from the values of images that may come as bytes or as floats. Needs no library."""

from mnist_cnn.errors import UserError

WHITE = 255
# Resizing with cubic curves overshoots the range of what it was given by some of it.
OVERSHOOT = 0.1
# Floats up to here are neither from 0 to 1 nor a batch of pixels from 0 to 255: somebody has normalised them.
DARKEST_BATCH = 16


def factor_to_bytes(lowest: float, highest: float) -> float | None:
    """What floats have to be multiplied by to run from 0 (black) to 255 (white).

    Args:
        lowest: Smallest value of a whole batch.
        highest: Largest value of it.

    Returns:
        1.0 for pixels from 0 to 255, 255.0 for those from 0 to 1, as torchvision's `ToTensor()` gives them; None where
        all is black, so that both are possible.

    Raises:
        UserError: for values of any other range, as those of images that were normalised.
    """
    if lowest == highest == 0:
        return None
    if lowest >= -OVERSHOOT and highest <= 1 + OVERSHOOT:
        return float(WHITE)
    if lowest >= -OVERSHOOT * WHITE and DARKEST_BATCH < highest <= (1 + OVERSHOOT) * WHITE:
        return 1.0
    raise UserError(
        f"images with values from {lowest:.4g} to {highest:.4g}: pixels from 0 to 255 are needed, or from 0 to 1 as "
        f"ToTensor() gives them; leave Normalize(...) out, as the model normalises them itself"
    )
