"""The metrics of an evaluation as a terminal shows them."""

import shutil
from collections.abc import Mapping

from mnist_cnn.console import columns_of, printable, shortened

MOST_CLASSES = 20  # of which each is shown
WORST, BEST = 10, 3  # classes that are shown of more
LEAST_WIDTH = 26  # of the column of names
VALUE_WIDTH = 7


def lines_of(metrics: Mapping[str, float]) -> list[str]:
    """A line for each metric; of many classes only the worst and the best ones, which the line above them says.

    Args:
        metrics: By name; those of classes are called "test_class/NAME" or "val_class/NAME".
    """
    of_classes = {name: value for name, value in metrics.items() if name.split("/")[0].endswith("_class")}
    others = {name: value for name, value in metrics.items() if name not in of_classes}
    if len(of_classes) <= MOST_CLASSES:
        return _table(metrics)
    ordered = sorted(of_classes, key=lambda name: of_classes[name])
    chosen = ordered[:WORST] + ordered[-BEST:]
    shown = _table(others | {name: of_classes[name] for name in chosen})
    first = len(others)
    said = f"Accuracy of the worst {WORST} and the best {BEST} of {len(of_classes)} classes:"
    return [*shown[:first], said, *shown[first:]]


def _table(metrics: Mapping[str, float]) -> list[str]:
    """Names and values in two columns, as wide as the terminal allows."""
    room = max(shutil.get_terminal_size((80, 24)).columns - VALUE_WIDTH, LEAST_WIDTH)
    names = [shortened(printable(name), room) for name in metrics]
    width = max(LEAST_WIDTH, *map(columns_of, names)) if names else LEAST_WIDTH
    return [
        f"{name}{' ' * (width - columns_of(name))} {value:.4f}"
        for name, value in zip(names, metrics.values(), strict=True)
    ]
