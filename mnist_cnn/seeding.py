"""Seeds as pure functions of what they are for.

Everything random here (order of the images, augmentation, dropout) draws from a seed made of the run's seed, the epoch
and the step. Nothing depends on what was drawn before, so a resumed run draws what an uninterrupted one would.
"""

import hashlib

import torch


def derive_seed(*parts: int | str) -> int:
    """Hash `parts` into a seed of 63 bits: equal parts give equal seeds, neighbouring parts unrelated ones."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """Make a generator on `device` that is seeded with `derive_seed(*parts)`."""
    return torch.Generator(device).manual_seed(derive_seed(*parts))
