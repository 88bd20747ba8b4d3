"""`mnist-cnn runs`: the runs that there are, side by side."""

import argparse
import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.console import PROGRAM, coloured, indented, printable, short_path, table
from mnist_cnn.errors import UserError, shown
from mnist_cnn.files import expanded, write_json, written_whole
from mnist_cnn.runs.folders import LOGS_FOLDER, list_runs
from mnist_cnn.runs.overview import RunOverview, as_plain, overview

OUTPUT_FORMATS = (".csv", ".json")
HEADINGS = ("run", "started", "data", "network", "epochs", "val %", "val loss", "test %")
UNKNOWN = "?"
LONGEST_TITLE = 24
MOST_DIFFERENCES = 8


def show_runs(arguments: Sequence[str]) -> int:
    """Print every run with what came out of it and what it did otherwise than the first one."""
    options = _parse(arguments)
    root = expanded(options.folder)
    root = root.parent if root.name == LOGS_FOLDER else root
    if not root.is_dir():
        raise UserError(f"{options.folder}: there is no such folder")
    runs = overview(list_runs(root))
    if options.output:
        _write(runs, options.output)
        print(f"Written to {options.output}: {len(runs)} run{'s' if len(runs) != 1 else ''}")
        return 0
    if not runs:
        print(f"There is no run in {short_path(root / LOGS_FOLDER)} yet; train one with {PROGRAM} fit.")
        return 0
    print(_as_table(runs))
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("runs")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="folder that holds lightning_logs (this one)"
    )
    parser.add_argument(
        *("--root", "--trainer.default_root_dir"),
        dest="root",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the same",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a .csv or .json file instead of the table")
    options = parser.parse_args(arguments)
    options.folder = options.folder or options.root
    parser.file("--output", options.output, OUTPUT_FORMATS)
    return options


def _as_table(runs: Sequence[RunOverview]) -> str:
    """A line for each run, and below it what there is to remark."""
    rows = table([HEADINGS, *map(_cells, runs)], right_aligned=(4, 5, 6, 7)).splitlines()
    lines = [rows[0]]
    for row, run in zip(rows[1:], runs, strict=True):
        lines.append(row)
        lines += [indented(remark) for remark in _remarks(run)]
        lines += [coloured(indented(warning), "yellow") for warning in _warnings(run)]
    return "\n".join(lines)


def _cells(run: RunOverview) -> Sequence[str]:
    is_whole = run.planned_epochs in (None, run.epochs)
    epochs = UNKNOWN if run.epochs is None else f"{run.epochs}" if is_whole else f"{run.epochs}/{run.planned_epochs}"
    title = printable(run.title)
    title = title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 3]}..."
    return (
        title,
        _date(run.started),
        printable(run.dataset) or UNKNOWN,
        printable(run.network) or UNKNOWN,
        epochs,
        UNKNOWN if run.val_accuracy is None else f"{100 * run.val_accuracy:.2f}",
        UNKNOWN if run.val_loss is None else f"{run.val_loss:.4f}",
        "-" if run.test_accuracy is None else f"{100 * run.test_accuracy:.2f}",
    )


def _remarks(run: RunOverview) -> list[str]:
    differences = [f"{name} {shown(before)} -> {shown(now)}" for name, (before, now) in run.differences.items()]
    if (more := len(differences) - MOST_DIFFERENCES) > 0:
        differences[MOST_DIFFERENCES:] = [f"and {more} more, see --output"]
    trained = f"being trained by {run.trained_by}" if run.trained_by else ""
    return list(filter(None, [run.folder.name if run.name else "", trained, printable(", ".join(differences))]))


def _warnings(run: RunOverview) -> list[str]:
    stand_in = [f"stand-in data: says nothing about {run.stand_in_for}"] if run.stand_in_for else []
    return [printable(warning) for warning in stand_in + run.problems]


def _date(moment: datetime | None) -> str:
    if moment is None:
        return UNKNOWN
    return moment.strftime("%b %d %H:%M" if moment.year == datetime.now().year else "%b %d  %Y")


def _write(runs: Sequence[RunOverview], path: Path) -> None:
    rows = as_plain(runs)
    if path.suffix.lower() == ".json":
        write_json(path, rows)
        return
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(as_plain([RunOverview(Path())])[0]))
        writer.writeheader()
        for row in rows:
            joined = {"differences": json.dumps(row["differences"]), "problems": "; ".join(row["problems"])}
            writer.writerow({**row, **joined})
