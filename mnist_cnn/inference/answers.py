"""Writing what a classifier answered, and what it saw, to files."""

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mnist_cnn.console import printable
from mnist_cnn.files import write_json, written_whole
from mnist_cnn.inference.base import Prediction
from mnist_cnn.inference.found import STANDARD_INPUT

OUTPUT_FORMATS = (".csv", ".json")


def write_answers(answers: Sequence[tuple[Path, Prediction]], path: Path) -> None:
    """Write all answers as CSV or JSON, whichever the file's name ends in.

    JSON holds the pictures' names as they are. In CSV control characters in them, and bytes that are no UTF-8, are
    spelled out, as on a terminal.

    Args:
        answers: The pictures with their predictions.
        path: The file; it is replaced when the new one is whole.
    """
    rows = [
        {
            "picture": str(picture),
            "label": prediction.label,
            "probability": round(prediction.probability, 6),
            "top": [{"label": label, "probability": round(p, 6)} for label, p in prediction.top],
            "problem": prediction.problem,
        }
        for picture, prediction in answers
    ]
    if path.suffix.lower() == ".json":
        write_json(path, rows)
        return
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        places = max((len(prediction.top) for _, prediction in answers), default=0)
        numbered = [f"{name}_{place}" for place in range(2, places + 1) for name in ("label", "probability")]
        writer.writerow(["picture", "label", "probability", *numbered, "problem"])
        for (picture, prediction), row in zip(answers, rows, strict=True):
            others = [value for label, p in prediction.top[1:] for value in (label, round(p, 6))]
            others += [""] * (len(numbered) - len(others))
            writer.writerow([printable(picture), row["label"], row["probability"], *others, prediction.problem])


def save_inputs(pictures: Sequence[Path], predictions: Sequence[Prediction], folder: Path) -> None:
    """Write what the network saw of each picture as a PNG file, named after it and numbered where names are equal."""
    folder.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    for picture, prediction in zip(pictures, predictions, strict=True):
        if prediction.image is None:
            continue
        stem = "standard-input" if str(picture) == STANDARD_INPUT else picture.stem
        name, number = stem, 1
        while name in used:
            number += 1
            name = f"{stem}-{number}"
        used.add(name)
        with written_whole(folder / f"{name}.png") as part:
            Image.fromarray(prediction.image).save(part)
