"""`mnist-cnn predict`: the answer of a trained network for pictures."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mnist_cnn.cli.parser import CommandParser
from mnist_cnn.collector import spared_collector
from mnist_cnn.console import printable, remark, short_path, table
from mnist_cnn.errors import of_system
from mnist_cnn.inference.answers import OUTPUT_FORMATS, save_inputs, write_answers
from mnist_cnn.inference.base import BATCH_SIZE, Classifier, Prediction
from mnist_cnn.inference.classifier import load
from mnist_cnn.inference.found import find_pictures, opened


def predict(arguments: Sequence[str]) -> int:
    """Answer for the pictures that the arguments name: 0 if all could be read, else 1.

    A picture without ink counts as read: that is the answer.

    Raises:
        UserError: for arguments that are not understood, or if there is no network or no picture.
    """
    options = _parse(arguments)
    pictures, failures = find_pictures(options.pictures)
    for failure in failures:
        remark(f"error: {failure}")
    if not pictures:
        return 1
    with spared_collector():  # a checkpoint imports torch
        classifier = load(options.ckpt_path, network=options.network)
    answers = classifier.predict_each(map(opened, pictures), options.top_k)
    few = len(pictures) <= BATCH_SIZE
    predictions = list(tqdm(answers, total=len(pictures), unit=" pictures", disable=few or None))
    for prediction in predictions:
        if prediction.is_error:
            remark(f"error: {prediction.problem}")
    answered = [pair for pair in zip(pictures, predictions, strict=True) if not pair[1].is_error]
    are_kept = _hand_over(answered, options.output)
    if answered:
        _say_what_answered(classifier)
    if options.save_inputs:
        save_inputs(pictures, predictions, options.save_inputs)
    return 1 if failures or len(answered) < len(pictures) or not are_kept else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser("predict")
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="files, folders to be walked, - for standard input"
    )
    parser.add_checkpoint()
    parser.add_argument("--top_k", type=int, default=3, metavar="K", help="how many of the likeliest classes (3)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a .csv or .json file instead of the table")
    parser.add_argument("--save_inputs", type=Path, metavar="DIR", help="write what the network saw, 28x28 pixels each")
    options = parser.parse_args(arguments)
    if options.top_k < 1:
        parser.error(f"--top_k {options.top_k}: at least 1 is needed")
    parser.file("--output", options.output, OUTPUT_FORMATS)
    parser.folder("--save_inputs", options.save_inputs)
    return options


def _hand_over(answers: Sequence[tuple[Path, Prediction]], output: Path | None) -> bool:
    """Write the answers to a file, or print them; also where the file cannot be written, which is returned."""
    if output:
        try:
            write_answers(answers, output)
        except OSError as error:
            remark(f"error: {of_system(error)}; the answers are printed instead")
        else:
            print(f"{len(answers)} answers written to {printable(output)}")
            return True
    if answers:
        print(_answers_table(answers))
    return output is None


def _answers_table(answers: Sequence[tuple[Path, Prediction]]) -> str:
    """The answers in columns."""
    rows = [("picture", "answer", "probability", "runners-up")]
    for picture, prediction in answers:
        others = ", ".join(f"{printable(label)} {100 * p:.1f} %" for label, p in prediction.top[1:])
        share = "" if prediction.problem else f"{100 * prediction.probability:.1f} %"
        rows.append((printable(picture), printable(prediction.label), share, prediction.problem or others))
    return table(rows, right_aligned=(2,))


def _say_what_answered(classifier: Classifier) -> None:
    """Name the network, and say so if it was trained on a stand-in."""
    print(f"Answered by {printable(short_path(classifier.path))}", file=sys.stderr)
    if wanted := classifier.provenance.stand_in_for:
        used = classifier.provenance.dataset
        print(f"*** This network was trained on {used} digits, not on {wanted}. ***", file=sys.stderr)
