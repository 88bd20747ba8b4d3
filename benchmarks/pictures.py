"""Accuracy on pictures of MNIST's test digits: inverted, enlarged, off-centre, and as if photographed.

    python benchmarks/pictures.py --ckpt_path best --data_dir data --count 10000

Each picture is written to a file and read back, as a user's would be, and goes through `mnist_cnn.inference.pictures`.
"""

import argparse
import json
import tempfile
from pathlib import Path

import mnist_cnn
from mnist_cnn.data.photographs import PICTURES, write_pictures
from mnist_cnn.data.registry import default_data_dir, find_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", default="best")
    parser.add_argument("--data_dir", help="folder that holds the data sets")
    parser.add_argument("--kinds", nargs="+", choices=list(PICTURES), default=list(PICTURES), help="all by default")
    parser.add_argument("--count", type=int, default=10_000, help="how many of the test digits, from the first")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    classifier = mnist_cnn.load(options.ckpt_path)
    images, labels = find_dataset("mnist").read(default_data_dir(options.data_dir), "test", options.count)
    figures = {}
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as folder:
            paths = write_pictures(images[:, 0].numpy(), kind, Path(folder))
            answers = classifier.predict(paths)
        right = sum(answer.index == int(label) for answer, label in zip(answers, labels, strict=True))
        figures[kind] = right / len(labels)
        print(f"{kind:24} {100 * figures[kind]:.2f} %", flush=True)
    if options.output:
        options.output.write_text(json.dumps({"images": len(labels), "accuracy": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
