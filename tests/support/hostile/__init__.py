"""Generators of hostile files and arguments."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Maker = Callable[[random.Random, Path], None]


def files_of(makers: Sequence[Maker], ending: str, count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Write files one after the other; each is removed when the next one is asked for.

    Args:
        makers: Write a file of a kind each; all of them come up before one comes up again.
        ending: Of the files' names.
        count: How many.
        seed: The same seed gives the same files.
        folder: Where they are written.

    Yields:
        The path of each, which may be a folder, a pipe or a file with holes.
    """
    rng = random.Random(seed)
    left: list[Maker] = []
    for number in range(count):
        if not left:
            left = list(makers)
            rng.shuffle(left)
        make = left.pop()
        path = folder / f"{number:04}-{make.__name__.strip('_')}{ending}"
        make(rng, path)
        yield path
        path.rmdir() if path.is_dir() else path.unlink()
