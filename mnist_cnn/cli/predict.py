"""`mnist-cnn predict`: the answers of a trained network for pictures, tables and arrays."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.collector import spared_collector
from mnist_cnn.console import printable, remark, short_path
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import of_system
from mnist_cnn.inference.answers import ENDINGS, FORMATS, AnswerFile, AnswerTable, Format, InputFolder
from mnist_cnn.inference.base import BATCH_SIZE, Classifier
from mnist_cnn.inference.classifier import load
from mnist_cnn.inference.found import find_pictures
from mnist_cnn.inference.given import Given, Tally, answered, open_all

MOST_NAMED = 100  # images that could not be read; of more, their number is said


def predict(arguments: Sequence[str]) -> int:
    """Answer for what the arguments name: 0 if all images could be read, else 1.

    A picture without ink counts as read: that is the answer.

    Raises:
        UserError: for arguments that are not understood, or if there is no network or no picture.
    """
    options = _parse(arguments)
    paths, failures = find_pictures(options.pictures)
    for failure in failures:
        remark(f"error: {failure}")
    if not paths:
        return 1
    with spared_collector():  # a checkpoint imports torch
        classifier = load(options.ckpt_path, network=options.network)
    # The size tells the shape of rows of pixels, where they are no squares.
    reading = Reading(image_size=classifier.image_size, label_column=options.label_column)
    given, unusable = open_all(paths, classifier, reading)
    for failure in unusable:
        remark(f"error: {failure}")
    if not given:
        return 1
    tally = Tally()
    are_kept = _answer(classifier, given, options, tally)
    if tally.answered:
        _say_what_answered(classifier, tally)
    return 1 if failures or unusable or tally.failed or not are_kept else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("predict")
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="pictures, folders to be walked, - for standard input; archives, tables and arrays of many images: .zip, "
        ".tar.gz, .csv, .npz, .npy, IDX, .mat, .parquet",
    )
    parser.add_checkpoint()
    parser.add_argument("--top_k", type=int, default=3, metavar="K", help="how many of the likeliest classes (3)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a .csv or .json file instead of the table")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="kaggle is ImageId,Label, and chosen by itself for a table of pixels without labels; by default what "
        "--output ends in, and a table without it",
    )
    parser.add_argument(
        "--label_column", metavar="COLUMN", help="name, or number from 0, of a table's column of labels"
    )
    parser.add_argument("--save_inputs", type=Path, metavar="DIR", help="write what the network saw of each picture")
    options = parser.parse_args(arguments)
    if options.top_k < 1:
        parser.error(f"--top_k {options.top_k}: at least 1 is needed")
    parser.file("--output", options.output, tuple(ENDINGS))
    if options.output and options.format:
        endings = [ending for ending, kind in ENDINGS.items() if kind == options.format.replace("kaggle", "csv")]
        if options.output.suffix.lower() not in endings:
            way = f"the name must end in {endings[0]}" if endings else "a table is printed; leave --output out"
            parser.error(f"--format {options.format} --output {options.output}: {way}")
    parser.folder("--save_inputs", options.save_inputs)
    return options


def _format_of(options: argparse.Namespace, given: Sequence[Given]) -> Format:
    """The format that is asked for, or else the one that fits."""
    if options.format or not options.output:
        return options.format or "table"
    found = ENDINGS[options.output.suffix.lower()]
    if found == "csv" and len(given) == 1 and given[0].is_unlabelled_table:
        print("Written as Kaggle takes answers (ImageId,Label); --format csv has names and probabilities")
        return "kaggle"
    return found


def _answer(classifier: Classifier, given: Sequence[Given], options: argparse.Namespace, tally: Tally) -> bool:
    """Answer for all images, and hand the answers over as they come; returns whether they are kept as asked for."""
    for note in (note for each in given for note in each.notes):
        remark(note)
    for failure in (failure for each in given for failure in each.failures):
        _name_failure(failure, tally)
    kind, count = _format_of(options, given), sum(each.count for each in given)
    rows = AnswerTable()
    inputs = InputFolder(options.save_inputs) if options.save_inputs else None
    sinks: list[AnswerTable | AnswerFile | InputFolder] = [rows, *([inputs] if inputs else [])]
    with ExitStack() as stack:
        places = min(options.top_k, len(classifier.class_names))
        file = None if kind == "table" else stack.enter_context(AnswerFile(options.output, kind, places))
        sinks += [file] if file else []
        answers = answered(classifier, given, options.top_k)
        few = count <= BATCH_SIZE
        for item, prediction in tqdm(answers, total=count, unit=" pictures", disable=few or None):
            if prediction.is_error:
                _name_failure(prediction.problem, tally)
                continue
            tally.add(item, prediction)
            for sink in sinks:
                sink.write(item, prediction)
    if tally.failed > MOST_NAMED:
        remark(f"error: and {tally.failed - MOST_NAMED:,} more that could not be read")
    are_kept = _hand_over(rows, file, options.output)
    if inputs and inputs.problem:
        remark(f"error: {of_system(inputs.problem)}")
        return False
    return are_kept


def _name_failure(problem: str, tally: Tally) -> None:
    tally.failed += 1
    if tally.failed <= MOST_NAMED:
        remark(f"error: {problem}")


def _hand_over(rows: AnswerTable, file: AnswerFile | None, output: Path | None) -> bool:
    """Say where the answers are, or print them; also where the file could not be written, which is returned."""
    if file and file.problem:
        remark(f"error: {of_system(file.problem)}; the answers are printed instead")
    if file is None or file.problem:
        if rows.count:
            print(rows)
        return file is None
    if output:
        print(f"{file.count:,} answers written to {printable(output)}")
    return True


def _say_what_answered(classifier: Classifier, tally: Tally) -> None:
    """Say how many answers were right where that is known, name the network, and a stand-in that it was trained on."""
    if tally.labelled:
        share = 100 * tally.right / tally.labelled
        unknown = f"; {tally.unknown:,} have one that the network does not know" if tally.unknown else ""
        print(f"Right: {share:.2f} % of {tally.labelled:,} that have a label{unknown}", file=sys.stderr)
    print(f"Answered by {printable(short_path(classifier.path))}", file=sys.stderr)
    if wanted := classifier.provenance.stand_in_for:
        used = classifier.provenance.dataset
        print(f"*** This network was trained on {used} digits, not on {wanted}. ***", file=sys.stderr)
