"""What all sources have in common whose images are encoded pictures: folders, archives, tables of names, columns.

A subclass lists its files and hands out their contents. Here their headers are looked at, and they are put in order and
decoded in parallel: Pillow lets other threads run while it decodes. What is in work at once has a limit, whatever the
sizes of the pictures.
"""

import os
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path, PurePosixPath
from threading import Event
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_cnn.console import printable
from mnist_cnn.data.base import Split
from mnist_cnn.data.decoding import FORMATS, Outline, known_formats, name_of, outline
from mnist_cnn.data.own.forming import formed_file
from mnist_cnn.data.own.labels import natural_key
from mnist_cnn.data.own.source import BLOCK_IMAGES, Block, Form, Part, Skipped, Source, Survey
from mnist_cnn.data.silencing import undisturbed
from mnist_cnn.errors import UserError, of_system

# What a picture is opened from; a function is called in the thread that decodes it, and may raise OSError or UserError.
Content = Path | bytes | Callable[[], bytes | IO[bytes]]
BLOCK_BYTES = 64_000_000  # of a block's images, at most
TASK_PICTURES, TASK_PIXELS = 64, 1_000_000  # that one thread takes over at once
PIXELS_AT_ONCE = 64_000_000  # in work at once; up to about 12 bytes for each
HEADER_PIXELS = 10_000  # a look at a header counts as so many
# Pictures by their names, though they cannot be read here: they are reported one by one, not as other files are.
UNREAD_PHOTOGRAPHS = (".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".jxl")
UNREAD_SUFFIXES = (*UNREAD_PHOTOGRAPHS, ".svg", ".ico", ".psd", ".eps")

Taken = TypeVar("Taken")
Given = TypeVar("Given")


class Picture(NamedTuple):
    """A file that is taken for a picture.

    Attributes:
        split: The split that it belongs to.
        label: Its label as the file or folder has it, None where there is none.
        name: What it is called in messages, as "train/cat/01.png"; pictures are put in order by it.
        place: By what its source finds it again.
        is_named: Whether somebody has named it as a picture, so that it has to be one whatever it is called.
    """

    split: Split
    label: Any
    name: str
    place: Any = None
    is_named: bool = False


Seen = tuple[Picture, Outline]


class PictureSource(Source):
    """Encoded pictures of any format and size.

    Attributes:
        keeps_order: Whether pictures stay in the order in which they are listed; else they are put in the natural order
            of their names across classes, as those of MNIST that carry running numbers have to be.
    """

    keeps_order = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pictures: dict[Split, list[Picture]] = {}
        self._sizes: dict[Split, NDArray[np.int64]] = {}
        self._is_loud: dict[Split, bool] = {}

    @abstractmethod
    def listed(self) -> Iterable[tuple[Picture, Content]]:
        """All files that may be pictures, each with its content; files that are none are left out here.

        Raises:
            UserError: if what holds them cannot be read.
        """

    @abstractmethod
    def contents(self, pictures: Sequence[Picture]) -> Iterable[tuple[int, Content]]:
        """The contents of all of some pictures of one split, by position, in the order in which they are had best.

        Raises:
            UserError: if what holds them cannot be read any more.
        """

    def remarks(self) -> tuple[Sequence[Skipped], Sequence[str], Sequence[str]]:
        """What else was found: things left out, sentences, and names of empty classes; asked for last."""
        return (), (), ()

    def arranged(self, found: list[Seen], skipped: list[Skipped]) -> list[Seen]:
        """Give pictures their splits and labels, where only all of them together tell; what is not given is left out.

        Args:
            found: The pictures in the order in which they were listed, each with its outline.
            skipped: What should have been a picture and is none.

        Raises:
            UserError: if they cannot be used.
        """
        return found

    def survey(self) -> Survey:
        """Look at all headers; see `Source.survey`."""
        found: list[Seen] = []
        skipped: list[Skipped] = []
        others: Counter[str] = Counter()
        jobs = (((picture, content), HEADER_PIXELS + _length(content) // 4) for picture, content in self.listed())
        for picture, seen in _in_parallel(_seen, jobs):
            if isinstance(seen, Outline):
                found.append((picture, seen))
            elif picture.is_named or has_picture_name(picture.name):
                skipped.append(Skipped(picture.name, seen))
            else:
                others[kind_of_name(picture.name)] += 1
        parts = self._parts(self.arranged(found, skipped))
        if not parts or ("train" not in parts and not self.is_for_answers):
            example = f" ({printable(skipped[0].name)}: {skipped[0].reason})" if skipped else ""
            raise UserError(f"{printable(self.path)} holds no picture that can be read{example}")
        more_skipped, notes, empty_classes = self.remarks()
        notes = [*notes, *([_note_of_others(others)] if others else [])]
        skipped = [entry._replace(name=printable(entry.name)) for entry in (*skipped, *more_skipped)]
        skipped.sort(key=lambda entry: natural_key(entry.name))
        return Survey(parts, skipped, notes, empty_classes=tuple(empty_classes))

    def _parts(self, found: list[Seen]) -> dict[Split, Part]:
        by_split: dict[Split, list[Seen]] = {"train": [], "val": [], "test": []}
        for entry in found:
            by_split[entry[0].split].append(entry)
        return {split: self._part(split, entries) for split, entries in by_split.items() if entries}

    def _part(self, split: Split, found: list[Seen]) -> Part:
        if not self.keeps_order:
            found.sort(key=lambda entry: order_of(entry[0].name))
        pictures = self._pictures[split] = [picture for picture, _ in found]
        sizes = self._sizes[split] = np.array([(seen.height, seen.width) for _, seen in found], np.int64)
        self._is_loud[split] = any(seen.is_loud for _, seen in found)
        has_labels = all(picture.label is not None for picture in pictures)
        return Part(
            labels=np.array([picture.label for picture in pictures]) if has_labels else None,
            sizes=sizes,
            is_grey=all(seen.is_grey for _, seen in found),
            name_of=lambda position: printable(pictures[position].name),
        )

    def blocks(self, split: Split, form: Form) -> Iterator[Block]:
        """Decode the pictures of a split in parallel; see `Source.blocks`."""
        pictures, pixels = self._pictures[split], self._sizes[split].prod(axis=1)
        jobs = (
            ((position, content, form), int(pixels[position]) + _length(content) // 4)
            for position, content in self.contents(pictures)
        )
        limit = max(min(BLOCK_IMAGES, BLOCK_BYTES // int(np.prod(form))), 1)
        images = np.empty((limit, *form), np.uint8)
        positions: list[int] = []
        damaged: dict[int, str] = {}
        for position, result in _in_parallel(_decoded, jobs, threads=1 if self._is_loud[split] else None):
            if isinstance(result, str):
                damaged[position] = result
            else:
                images[len(positions)] = result
                positions.append(position)
            if len(positions) == limit:
                yield Block(np.array(positions, np.int64), images, damaged)
                images, positions, damaged = np.empty_like(images), [], {}
        if positions or damaged:
            yield Block(np.array(positions, np.int64), images[: len(positions)].copy(), damaged)


def order_of(name: str) -> tuple[Any, ...]:
    """The key of the order of pictures: natural order of their names across folders, then of their paths."""
    return natural_key(PurePosixPath(name).name), natural_key(name)


def has_picture_name(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return PurePosixPath(name.lower()).suffix in picture_suffixes()


@cache
def picture_suffixes() -> frozenset[str]:
    """Endings of names of pictures, in small letters, of those too that are not read."""
    known_formats()
    return frozenset(
        [*(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS), *UNREAD_SUFFIXES]
    )


def kind_of_name(name: str) -> str:
    """By what files that are no pictures are counted: the ending of the name, or the name."""
    path = PurePosixPath(name)
    return printable(path.suffix.lower() or path.name)


def _note_of_others(others: Counter[str]) -> str:
    count, kinds = others.total(), [kind for kind, _ in others.most_common(3)]
    more = "..." if len(others) > len(kinds) else ""
    files = "1 file that is no picture was" if count == 1 else f"{count:,} files that are no pictures were"
    return f"{files} left out ({', '.join(kinds)}{more})"


def _length(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else 0


def _seen(picture: Picture, content: Content) -> tuple[Picture, Outline | str]:
    """A picture with its outline, or with what is wrong with it."""
    return picture, _or_reason(outline, content)


def _decoded(position: int, content: Content, form: Form) -> tuple[int, NDArray[np.uint8] | str]:
    """A picture's pixels in a form, or what is wrong with it."""
    return position, _or_reason(lambda opened: formed_file(opened, form), content)


def _or_reason(read: Callable[[Any], Taken], content: Content) -> Taken | str:
    name = ""
    try:
        opened = content() if callable(content) else content
        name = name_of(opened)
        return read(opened)
    except UserError as error:
        return str(error).removeprefix(f"{name}: ")
    except OSError as error:
        error.filename = None
        return of_system(error) or type(error).__name__
    except MemoryError:
        return "too large for this machine's memory"


def _in_parallel(
    function: Callable[..., Given], jobs: Iterable[tuple[tuple[Any, ...], int]], threads: int | None = None
) -> Iterator[Given]:
    """Call a function for each job, in all cores' threads, and give what it returns in the jobs' order.

    Args:
        function: What is called with a job's arguments.
        jobs: Arguments, and how many pixels they stand for: so many are in work at once at most.
        threads: Number of threads; None takes one for each core. With 1, all happens in this thread.
    """
    threads = threads or _count_cores()
    if threads == 1:
        yield from (function(*arguments) for arguments, _ in jobs)
        return
    is_over = Event()
    pending: deque[tuple[Future[list[Given]], int]] = deque()
    in_work = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
    try:
        for task, weight in _tasks(jobs):
            while pending and (in_work + weight > PIXELS_AT_ONCE or len(pending) > 3 * threads):
                future, done = pending.popleft()
                yield from future.result()
                in_work -= done
            pending.append((pool.submit(_worked_off, function, task, is_over), weight))
            in_work += weight
        while pending:
            yield from pending.popleft()[0].result()
    finally:  # also when nobody wants the rest, as after Ctrl-C: nothing else is begun
        is_over.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # of what this process may use, which Linux tells
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tasks(jobs: Iterable[tuple[tuple[Any, ...], int]]) -> Iterator[tuple[list[tuple[Any, ...]], int]]:
    """Jobs in groups that are worth a thread's while."""
    group: list[tuple[Any, ...]] = []
    weight = 0
    for arguments, pixels in jobs:
        if group and (len(group) == TASK_PICTURES or weight + pixels > TASK_PIXELS):
            yield group, weight
            group, weight = [], 0
        group.append(arguments)
        weight += pixels
    if group:
        yield group, weight


def _worked_off(function: Callable[..., Given], task: list[tuple[Any, ...]], is_over: Event) -> list[Given]:
    results = []
    with undisturbed:  # once for all: it takes as long as decoding a small picture
        for arguments in task:
            if is_over.is_set():
                break
            results.append(function(*arguments))
    return results
