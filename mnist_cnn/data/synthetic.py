"""Digits drawn by the project itself: strokes, jittered, slanted, thickened and blurred.

They stand in where no real data is to be had, and let tests run without files. They are easier than handwriting, so a
figure reached on them says nothing about MNIST.
"""

import functools
import math
from itertools import pairwise

import torch
from torch import Tensor

from mnist_cnn.seeding import generator

# The shape of each digit: strokes as corner points (x, y), from (0, 0) at the top left to (1, 1) at the bottom right.
# A digit may be written in several ways. Curves come from rounding the corners, and arcs are given by `_arc`.
Point = tuple[float, float]
Stroke = list[Point]

POINTS = 48  # samples along a digit's strokes: less than a pixel apart in the longest digit
CHUNK = 1000  # digits drawn from one generator, so that digit i depends on the seed and i alone


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Points on an ellipse around (x, y); angles in degrees, clockwise from the right."""
    angles = [math.radians(start + (end - start) * i / 12) for i in range(13)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


SHAPES: list[list[list[Stroke]]] = [
    [[_arc(0.5, 0.5, 0.3, 0.5, -90, 270)], [_arc(0.5, 0.5, 0.4, 0.48, -70, 290)]],
    [[[(0.5, 0.0), (0.5, 1.0)]], [[(0.3, 0.2), (0.55, 0.0), (0.55, 1.0)]]],
    [
        [[*_arc(0.5, 0.27, 0.32, 0.27, 190, 380), (0.15, 1.0), (0.85, 1.0)]],
        [[*_arc(0.5, 0.25, 0.3, 0.25, 200, 400), (0.3, 0.85), (0.2, 0.95), (0.35, 0.85), (0.6, 0.97), (0.88, 0.92)]],
    ],
    [
        [[*_arc(0.45, 0.25, 0.33, 0.25, 200, 440), *_arc(0.45, 0.74, 0.37, 0.26, -80, 160)]],
        [[(0.15, 0.0), (0.8, 0.0), (0.45, 0.38), *_arc(0.45, 0.68, 0.35, 0.31, -80, 150)]],
    ],
    [
        [[(0.3, 0.0), (0.15, 0.55), (0.85, 0.55)], [(0.7, 0.1), (0.65, 1.0)]],
        [[(0.6, 0.0), (0.1, 0.65), (0.9, 0.65)], [(0.6, 0.0), (0.6, 1.0)]],
    ],
    [
        [[(0.8, 0.0), (0.25, 0.0), (0.22, 0.42), *_arc(0.45, 0.68, 0.37, 0.31, -110, 150)]],
        [[(0.3, 0.0), (0.25, 0.4), *_arc(0.45, 0.7, 0.35, 0.3, -100, 140)], [(0.3, 0.0), (0.85, 0.03)]],
    ],
    [
        [[(0.65, 0.0), (0.35, 0.3), (0.2, 0.7), *_arc(0.5, 0.72, 0.3, 0.28, 180, 540)]],
        [[(0.45, 0.0), (0.25, 0.45), *_arc(0.48, 0.75, 0.26, 0.25, 170, 500)]],
    ],
    [
        [[(0.15, 0.0), (0.85, 0.0), (0.4, 1.0)]],
        [[(0.15, 0.05), (0.85, 0.0), (0.4, 1.0)], [(0.3, 0.52), (0.8, 0.48)]],
    ],
    [
        [[*_arc(0.5, 0.25, 0.27, 0.25, 90, 450), *_arc(0.5, 0.75, 0.33, 0.25, -90, 270)]],
        [[(0.75, 0.1), *_arc(0.5, 0.25, 0.25, 0.24, -40, -260), *_arc(0.5, 0.76, 0.28, 0.24, -60, 240), (0.75, 0.1)]],
    ],
    [
        [[*_arc(0.5, 0.27, 0.3, 0.27, 0, 360), (0.78, 0.6), (0.65, 1.0)]],
        [[*_arc(0.48, 0.25, 0.28, 0.25, -20, 340), (0.75, 0.6), *_arc(0.5, 0.72, 0.26, 0.28, 0, 130)]],
    ],
]


def synthetic_digits(indices: range, seed: int = 0, split: str = "train") -> tuple[Tensor, Tensor]:
    """Draw the digits with the given indices; a pure function of seed, split and index.

    Args:
        indices: Which digits of the endless sequence, with a step of 1.
        seed: Seed of the sequence.
        split: Name of the sequence: "train" and "test" share no digit.

    Returns:
        uint8 images (N, 1, 28, 28), white on black, and int64 labels (N,).
    """
    images, labels = [], []
    for chunk in range(indices.start // CHUNK, -(-indices.stop // CHUNK)):
        first = chunk * CHUNK
        keep = slice(max(indices.start - first, 0), min(indices.stop - first, CHUNK))
        chunk_images, chunk_labels = _draw_chunk(generator("synthetic", seed, split, chunk))
        images.append(chunk_images[keep])
        labels.append(chunk_labels[keep])
    if not images:
        return torch.empty(0, 1, 28, 28, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
    return torch.cat(images), torch.cat(labels)


def _draw_chunk(random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw CHUNK digits: uint8 images (CHUNK, 1, 28, 28) and their labels (CHUNK,)."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(CHUNK, *shape, generator=random)

    labels = torch.randint(len(SHAPES), (CHUNK,), generator=random)
    variants = torch.randint(2, (CHUNK,), generator=random)
    points = _sampled_shapes()[labels, variants] - 0.5  # (CHUNK, POINTS, 2) around the origin

    # A shaky hand: smooth waves along the stroke rather than noise from point to point.
    along = torch.linspace(0, math.pi, POINTS)[None, :, None]
    for wave in (1, 2, 3):
        phase = uniform(0, 2 * math.pi, 1, 2)
        points = points + uniform(-0.05, 0.05, 1, 2) * torch.sin(wave * along + phase)

    angle, slant = uniform(-0.2, 0.2), uniform(-0.35, 0.35)
    width, height = uniform(8, 15), uniform(15, 19)  # in pixels; MNIST fits its digits into 20x20
    x, y = points[..., 0] * width[:, None], points[..., 1] * height[:, None]
    x = x - slant[:, None] * y
    x, y = (
        angle.cos()[:, None] * x - angle.sin()[:, None] * y + 13.5 + uniform(-1.5, 1.5, 1),
        angle.sin()[:, None] * x + angle.cos()[:, None] * y + 13.5 + uniform(-1.5, 1.5, 1),
    )

    # Ink is the sum of a Gaussian around each point, which is a product of one in x and one in y: a matrix product.
    pixels = torch.arange(28.0)
    radius = uniform(0.6, 1.25, 1, 1)  # pen and blur, in pixels
    across = torch.exp(-(((pixels - x[..., None]) / radius) ** 2) / 2)  # (CHUNK, POINTS, 28)
    down = torch.exp(-(((pixels - y[..., None]) / radius) ** 2) / 2)
    ink = down.transpose(1, 2) @ across  # (CHUNK, 28, 28)
    darkness = 1 - torch.exp(-uniform(0.9, 2.0, 1, 1) * ink)
    noise = 0.03 * torch.randn(CHUNK, 28, 28, generator=random)
    images = (255 * (darkness + noise * darkness)).clamp(0, 255).to(torch.uint8)
    return images[:, None], labels


def _sample(strokes: list[Stroke]) -> Tensor:
    """Put POINTS points (POINTS, 2) along the strokes, evenly by length."""
    segments = [(torch.tensor(a), torch.tensor(b)) for stroke in strokes for a, b in pairwise(stroke)]
    lengths = torch.stack([(b - a).norm() for a, b in segments])
    ends = lengths.cumsum(0)
    at = torch.linspace(0, float(ends[-1]) - 1e-6, POINTS)
    which = torch.searchsorted(ends, at, right=True).clamp(max=len(segments) - 1)
    part = (at - (ends - lengths)[which]) / lengths[which].clamp(min=1e-9)
    starts, stops = torch.stack([a for a, _ in segments]), torch.stack([b for _, b in segments])
    return starts[which] + part[:, None] * (stops - starts)[which]


@functools.cache
def _sampled_shapes() -> Tensor:
    """All shapes as points (10, 2, POINTS, 2): digit, way of writing it, point, x and y."""
    return torch.stack([torch.stack([_sample(variant) for variant in digit]) for digit in SHAPES])
