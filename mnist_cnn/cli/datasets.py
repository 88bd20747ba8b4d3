"""`mnist-cnn datasets`: the data sets that there are, and what is in one of them, people's own too."""

import argparse
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.collector import spared_collector
from mnist_cnn.configs import parse_yaml
from mnist_cnn.console import PROGRAM, indented, labelled, printable, quoted, table, warn, wrapped
from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import dataset_names, default_data_dir, find_dataset
from mnist_cnn.files import written_whole

if TYPE_CHECKING:
    from mnist_cnn.data.inspection import Inspection

SHEET_FORMATS = (".png", ".svg", ".pdf")
SPLIT_NAMES: dict[Split, str] = {"train": "training", "val": "validation", "test": "test"}

BAR = 24  # columns of the longest one
MOST_LISTED = 20  # of what is left out, and of duplicates
MOST_CLASSES = 12  # whose names stand in the list of data sets; of others the first and the last ones do
MOST_NAMED = 4  # of the images of one group of duplicates


def _size(text: str) -> Any:
    """One number or two, as in a config."""
    return parse_yaml(text, "")


# Settings of reading that fit has too: what makes a value of a flag's text, and what that looks like.
READING: dict[str, tuple[Callable[[str], Any], str]] = {
    "image_size": (_size, "PIXELS"),
    "channels": (int, "1|3"),
    "label_column": (str, "COLUMN"),
    "on_damaged": (str, "skip|error"),
    "test_size": (int, "N"),
    "split_seed": (int, "N"),
    "cache_dir": (str, "DIR"),
}


def show_datasets(arguments: Sequence[str]) -> int:
    """Print every data set with its sizes and classes, or what is in one.

    Raises:
        UserError: if there is no such data set.
    """
    options = _parse(arguments)
    data_dir = default_data_dir(options.data_dir)
    if options.dataset is None:
        _list(data_dir)
        return 0
    given = {name: value for name in READING if (value := getattr(options, name)) is not None}
    with spared_collector():  # torch is imported
        dataset = find_dataset(options.dataset, Reading(**given))
        dataset.refresh()
        _describe(dataset, data_dir, options.sheet)
    name = quoted(options.dataset) if Path(options.dataset).exists() else options.dataset
    flags = "".join(f" --data.{setting} {shlex.quote(str(value))}" for setting, value in given.items())
    print(f"Next     {PROGRAM} fit --data.dataset {name}{flags}")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("datasets")
    parser.add_argument("dataset", nargs="?", metavar="NAME_OR_PATH", help="say what is in this one")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a sheet with images of each class")
    parser.add_data_dir()
    for name, (kind, form) in READING.items():
        parser.add_argument(f"--data.{name}", dest=name, type=kind, metavar=form, help="as that of fit")
    options = parser.parse_args(arguments)
    if options.dataset is None and options.sheet:
        parser.error("--sheet: name the data set that it is to show")
    parser.file("--sheet", options.sheet, SHEET_FORMATS)
    return options


def _list(data_dir: Path) -> None:
    rows: list[Sequence[str]] = [("data set", "training", "test", "files", "classes")]
    for name in dataset_names():
        dataset = find_dataset(name)
        sizes = [f"{size:,}" for size in dataset.sizes.values()]
        shape = "x".join(map(str, dataset.image_shape))
        absent, count = len(dataset.absent_files(data_dir)), dataset.count_files()
        presence = "generated" if not count else "present" if not absent else "absent"
        presence = f"{absent} of {count} absent" if 0 < absent < count else presence
        classes = f"{len(dataset.class_names)}: {_listed(dataset.class_names)}; images of {shape}"
        rows.append((name, *sizes, presence, classes))
    print(table(rows, right_aligned=(1, 2)))
    print()
    what = f"Choose with --data.dataset NAME. Images are channels x height x width. Files are looked for in {data_dir}"
    print(wrapped(f"{what} (see --data.data_dir and MNIST_CNN_DATA) and downloaded there when they are needed."))
    print(wrapped(f"Your own images are named by their path: {PROGRAM} datasets PATH says what is in them."))


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_CLASSES:
        names = [*names[:4], "...", *names[-3:]]
    return printable(", ".join(names))


def _describe(dataset: Dataset, data_dir: Path, sheet: Path | None) -> None:
    from mnist_cnn.data.inspection import inspect

    found = inspect(dataset, data_dir)
    channels, height, width = dataset.image_shape
    colour = {1: "grey", 3: "in colour"}.get(channels, f"of {channels} channels")
    sizes = {split: int(counts.sum()) for split, counts in found.counts.items()}
    print(labelled("Data", printable(dataset.title)))
    print(labelled("Images", f"{sum(sizes.values()):,} of {height}x{width} pixels (height x width), {colour}"))
    drawn = ", the latter drawn from what is not divided in the files" if dataset.holds_out_test else ""
    rest = "" if "val" in sizes else "; fit takes validation images from training"
    print(labelled("Splits", f"{_by_split(sizes)}{drawn}{rest}"))
    for note in dataset.notes():
        print(labelled("Note", printable(note)))
    if found.is_grey:
        print(labelled("Note", "all images are grey: --data.channels 1 makes them smaller and training faster"))
    print(f"\n{_classes_table(dataset, found.counts)}\n")
    if found.is_uneven():
        how = "--model.class_weights balanced weighs their errors, --data.balance true shows rare ones more often"
        print(labelled("Note", f"classes are uneven: {how}"))
    _print_left_out(dataset.left_out())
    _print_duplicates(dataset, found)
    if sheet:
        _write_sheet(dataset, data_dir, [int(count) for count in found.counts["train"]], sheet)


def _classes_table(dataset: Dataset, counts: Mapping[Split, Any]) -> str:
    longest = max(int(per_class.max()) for per_class in counts.values()) or 1
    rows: list[Sequence[str]] = [("class", *(SPLIT_NAMES[split] for split in counts), "")]
    for label, name in enumerate(dataset.class_names):
        of_class = [int(per_class[label]) for per_class in counts.values()]
        bar = "█" * max(round(BAR * of_class[0] / longest), int(of_class[0] > 0))
        rows.append((printable(name), *(f"{count:,}" for count in of_class), bar))
    return table(rows, right_aligned=range(1, len(counts) + 1))


def _print_left_out(left_out: Sequence[tuple[str, str]]) -> None:
    if not left_out:
        return
    print(f"Left out: {len(left_out):,}")
    for name, reason in left_out[:MOST_LISTED]:
        print(f"  {printable(name)}: {printable(reason)}")
    if len(left_out) > MOST_LISTED:
        print(f"  ... and {len(left_out) - MOST_LISTED:,} more")


def _print_duplicates(dataset: Dataset, found: "Inspection") -> None:
    """Say how many images are exact copies, and list them: those first that spoil a result."""
    if not found.duplicates:
        print(labelled("Copies", "none: no two images are the same"))
        return
    within = found.copies_within()
    print(labelled("Copies", f"of images of the same split: {_by_split(within)}"))
    listed = []
    for split in ("test", "val"):
        if shared := found.shared("train", split):
            images = sum(place.split == split for group in shared for place in group)
            warn(f"in training and among the {SPLIT_NAMES[split]} images: {images:,}; results on these prove nothing")
            listed += shared
    if contradictory := found.contradictory():
        warn(f"the same image under different classes: {len(contradictory):,}")
        listed += contradictory
    listed += found.duplicates
    for group in list({id(group): group for group in listed}.values())[:MOST_LISTED]:
        names = [f"{dataset.name_of(split, index)} ({dataset.class_names[label]})" for split, index, label in group]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        print(indented(f"{printable(' = '.join(names[:MOST_NAMED]))}{more}"))
    if len(found.duplicates) > MOST_LISTED:
        print(f"  ... and {len(found.duplicates) - MOST_LISTED:,} more groups")


def _by_split(numbers: Mapping[Split, int]) -> str:
    return ", ".join(f"{number:,} {SPLIT_NAMES[split]}" for split, number in numbers.items())


def _write_sheet(dataset: Dataset, data_dir: Path, counts: Sequence[int], path: Path) -> None:
    from mnist_cnn.data.inspection import first_of_each_class
    from mnist_cnn.evaluation import figures

    images = first_of_each_class(dataset, data_dir, figures.SHEET_COLUMNS)
    title = f"Training images of {dataset.title}, and how many there are of each class"
    with written_whole(path) as part:
        figures.save(figures.contact_sheet(images, dataset.class_names, counts, title), part)
    print(f"Written to {printable(path)}")
