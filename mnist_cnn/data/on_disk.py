"""Images that are larger than memory: they stay in their file, of which only what is asked for is read.

It is read, not memory-mapped: pages of a map count as memory of the process for as long as the system leaves them, and
a disk that fails under a map ends the process without a word. What was read once the system keeps anyway, as far as
memory is free.

The order of training is random in blocks. Single images of a file in random order are what disks are slow at, so
blocks of neighbours are drawn at random, and the images of all blocks in a window, which is read at once, are mixed.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from mnist_cnn.errors import UserError

LARGEST_IN_MEMORY = 1 << 30  # bytes of all images of a data set; more of them stay on the disk
BLOCK_BYTES = 1 << 19  # of neighbours: fewer would be slow to read from a disk, more would be mixed less well
WINDOW_BYTES = 1 << 26  # up to three windows are in memory: the one in use, the one before, the one that is read ahead
GAP_BYTES = 1 << 15  # to read so much that is not needed takes no longer than to begin anew behind it


class ImageFile:
    """A file in NumPy's format that holds uint8 images (N, C, H, W).

    Args:
        path: The file; it stays open, so that it can be read even when its name is gone.

    Attributes:
        shape: (N, C, H, W).
        bytes_each: Bytes of an image.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it holds anything else.
    """

    def __init__(self, path: Path) -> None:
        header = np.load(path, mmap_mode="r", allow_pickle=False)  # maps the file, and reads nothing but its header
        if header.dtype != np.uint8 or header.ndim != 4 or not header.flags.c_contiguous:
            raise ValueError(f"{path} does not hold images")
        self.path, self.shape = path, torch.Size(header.shape)
        self.bytes_each = int(np.prod(header.shape[1:]))
        self._begin = int(header.offset)
        self._file = path.open("rb", buffering=0)
        self._lock = Lock()  # between going to a place and reading there

    def read(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Read images, the nearest neighbours among them at once.

        Args:
            places: Their places in the file (n,), in any order.

        Returns:
            A buffer (m, C, H, W) with these images and a few others, and where in it each of them is (n,).
        """
        if not len(places):
            return torch.empty((0, *self.shape[1:]), dtype=torch.uint8), places
        ascending, origin = places.sort()
        is_far = ascending.diff() > max(GAP_BYTES // self.bytes_each, 1)
        run = torch.cat([ascending.new_zeros(1), is_far.cumsum(0)])  # the number of each image's run
        begins = torch.cat([ascending[:1], ascending[1:][is_far]])
        lengths = torch.cat([ascending[:-1][is_far], ascending[-1:]]) + 1 - begins
        offsets = lengths.cumsum(0) - lengths
        buffer = torch.empty((int(lengths.sum()), *self.shape[1:]), dtype=torch.uint8)
        memory = memoryview(buffer.numpy().reshape(-1).data)
        for begin, length, offset in zip(begins.tolist(), lengths.tolist(), offsets.tolist(), strict=True):
            self._read_into(memory[offset * self.bytes_each : (offset + length) * self.bytes_each], begin)
        where = torch.empty_like(ascending)
        where[origin] = ascending - begins[run] + offsets[run]
        return buffer, where

    def _read_into(self, memory: memoryview, begin: int) -> None:
        with self._lock:
            self._file.seek(self._begin + begin * self.bytes_each)
            while memory:
                count = self._file.readinto(memory)
                if not count:
                    raise UserError(f"{self.path} has become shorter while it was read: start again")
                memory = memory[count:]


@dataclass(frozen=True, eq=False)
class ImagesOnDisk:
    """uint8 images (N, C, H, W) in a file, used like a tensor of them: what is taken out of it is one.

    Attributes:
        file: The file.
        places: Where in it each image is (N,); None where they are all that it holds.
    """

    file: ImageFile
    places: Tensor | None = None

    def __len__(self) -> int:
        """Number of images."""
        return self.file.shape[0] if self.places is None else len(self.places)

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size((len(self), *self.file.shape[1:]))

    def size(self, dimension: int) -> int:
        """As of a tensor."""
        return self.shape[dimension]

    def __getitem__(self, which: int | slice | list[int] | Tensor) -> Tensor:
        """Read some images, or one."""
        indices = torch.arange(len(self))[which]
        buffer, where = self.file.read(self._places_of(indices.reshape(-1)))
        if not torch.equal(where, torch.arange(len(buffer))):
            buffer = buffer.index_select(0, where)
        return buffer.reshape(*indices.shape, *self.shape[1:])

    def chosen(self, which: slice | Tensor) -> "ImagesOnDisk":
        """Some of the images, which stay on the disk."""
        return ImagesOnDisk(self.file, self._places_of(torch.arange(len(self))[which]))

    def split(self, count: int) -> Iterator[Tensor]:
        """Read all images in their order, at most so many at once."""
        return (self[begin : begin + count] for begin in range(0, len(self), count))

    def tensor_split(self, parts: int) -> Iterator[Tensor]:
        """Read all images in their order, in so many parts."""
        return (self[indices] for indices in torch.arange(len(self)).tensor_split(parts))

    def shuffled(self, random: torch.Generator) -> Tensor:
        """All indices (N,) in an order that is random in blocks; see the module."""
        blocks = torch.arange(len(self)).split(self._block)
        drawn = torch.cat([blocks[i] for i in torch.randperm(len(blocks), generator=random).tolist()])
        windows = drawn.split(self._window)
        return torch.cat([window[torch.randperm(len(window), generator=random)] for window in windows])

    def arranged(self, drawn: Tensor, random: torch.Generator) -> Tensor:
        """Indices (n,) that were drawn, some of them several times, in an order that is random in blocks."""
        order = self.shuffled(random)
        windows = order.repeat_interleave(torch.bincount(drawn, minlength=len(self))[order]).split(self._window)
        return torch.cat([window[torch.randperm(len(window), generator=random)] for window in windows])

    def batches(self, order: Tensor, batch_size: int, first: int = 0, processes: int = 1) -> Iterator[Tensor]:
        """Read images in a given order, a window ahead of what is used.

        Args:
            order: Indices (n,) as `shuffled` gives them, or a process's share of these; others are read more slowly.
            batch_size: Images in a batch; the last one holds the rest.
            first: Number of the batch to begin with.
            processes: How many processes have a share of the order.
        """
        begin, window = first * batch_size, max(self._window // processes, 1)
        starts = range(begin // window * window, len(order), window)
        rest: list[Tensor] = []  # what a window leaves for the batch that goes on in the next one
        missing = batch_size
        for buffer, where in self._read_ahead(order[max(start, begin) : start + window] for start in starts):
            for part in (where[:missing], *where[missing:].split(batch_size)):
                rest.append(buffer.index_select(0, part))
                missing = batch_size - sum(map(len, rest))
                if not missing:
                    yield rest[0] if len(rest) == 1 else torch.cat(rest)
                    rest, missing = [], batch_size
        if missing < batch_size:
            yield torch.cat(rest)

    def _read_ahead(self, windows: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Read windows, each while the one before is used."""
        with ThreadPoolExecutor(1, "images-ahead") as thread:
            ahead: Future[tuple[Tensor, Tensor]] | None = None
            for indices in windows:
                before, ahead = ahead, thread.submit(self.file.read, self._places_of(indices))
                if before:
                    yield before.result()
            if ahead:
                yield ahead.result()

    def _places_of(self, indices: Tensor) -> Tensor:
        return indices if self.places is None else self.places[indices]

    @property
    def _block(self) -> int:
        """Images in a block."""
        return max(BLOCK_BYTES // self.file.bytes_each, 1)

    @property
    def _window(self) -> int:
        """Images in a window: about the same number in all of them, so that none is of a few blocks alone."""
        windows = -(-len(self) * self.file.bytes_each // WINDOW_BYTES)
        return -(-len(self) // max(windows, 1))


Images = Tensor | ImagesOnDisk


def chosen(images: Images, which: slice | Tensor) -> Images:
    """Some of the images, by their indices; those on the disk stay there."""
    return images.chosen(which) if isinstance(images, ImagesOnDisk) else images[which]


def opened(path: Path, in_memory: bool) -> Images:
    """Images in a file of NumPy's format: read into memory, or left on the disk.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it holds anything else.
    """
    on_disk = ImagesOnDisk(ImageFile(path))
    return on_disk[:] if in_memory else on_disk
