"""Mean and standard deviation of pixels, by which a network's input is normalised."""

import torch

from mnist_cnn.data.on_disk import Images

BLOCK_IMAGES = 10_000


def pixel_statistics(images: Images) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the pixels of uint8 images (N, C, H, W), from 0 to 1, of each channel.

    Computed from counts of values, so that they are exact and the same on every machine.
    """
    channels = range(images.shape[1])
    counts = [torch.zeros(256, dtype=torch.int64) for _ in channels]
    for block in images.split(BLOCK_IMAGES):
        for channel in channels:
            counts[channel] += torch.bincount(block[:, channel].flatten(), minlength=256).cpu()
    values = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for found in (count.double() for count in counts):
        mean = (found * values).sum() / found.sum()
        variance = (found * (values - mean) ** 2).sum() / found.sum()
        means.append(float(mean))
        deviations.append(float(variance.sqrt()))
    return means, deviations
