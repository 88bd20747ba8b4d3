"""The form that all images of one's own are brought into: their own where it is small and the same, else a square."""

import numpy as np

from mnist_cnn.data.own.source import Form, Survey
from mnist_cnn.data.reading import Reading

LARGEST_KEPT = 128  # pixels of a side: images of one size are left as they are up to here
LARGEST_CHOSEN = 64  # of a side of the square that others are brought to


def form_of(survey: Survey, reading: Reading) -> tuple[Form, list[str]]:
    """Decide on the form of all images.

    Images of one size keep it up to 128 pixels a side. Larger or mixed ones become squares, whose side is the median of
    the longer sides, but at most 64.

    Args:
        survey: What the files hold: at least one image.
        reading: Settings, which come before this rule.

    Returns:
        The form, and what a person should know of it, each a sentence.
    """
    channels = reading.channels or (1 if all(part.is_grey for part in survey.parts.values()) else 3)
    if reading.size:
        return Form(channels, *reading.size), []
    sizes = np.concatenate([part.sizes for part in survey.parts.values()])
    least, most = int(sizes.min()), int(sizes.max())
    if most <= LARGEST_KEPT and (sizes == sizes[0]).all():
        return Form(channels, int(sizes[0, 0]), int(sizes[0, 1])), []
    side = max(min(int(np.median(sizes.max(axis=1))), LARGEST_CHOSEN), 1)
    held = f"{least} to {most}" if least < most else f"{most}"
    note = f"Images of {held} pixels a side are brought to {side}x{side}; --data.image_size chooses another size."
    return Form(channels, side, side), [note]
