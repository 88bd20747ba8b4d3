"""Runs the notebooks from top to bottom, each in a process and a working folder of its own.

    python notebooks/run_notebooks.py              # all data; stores outputs and the figures of docs/layers.md
    python notebooks/run_notebooks.py --small      # seconds instead of minutes; nothing is stored
    python notebooks/run_notebooks.py --small --dataset synthetic 3_cnn_on_mnist

A notebook is stored without what differs from run to run (counters, times, versions), so that its diffs show changes.
An error or an assertion that does not hold ends the command. Needs `pip install -e '.[dev]'` or '.[notebooks]'.
"""

import argparse
import base64
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
FIGURES = FOLDER.parent / "docs" / "images" / "layers"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9]_*.ipynb"))
# In place of what the cell with the tag "parameters" sets; so few steps promise no accuracy.
SMALL: dict[str, Any] = {"TRAIN_SIZE": 2000, "EPOCHS": 2, "SEEDS": 2, "GOAL": 0.0, "WEIGHTS": "none"}
# How long a run and its epochs took, as `mnist-cnn fit` prints it, and what is kept of such lines.
TIMES = {
    re.compile(r"^Time     .*\n(?: {9}.*\n)*", re.MULTILINE): "",
    re.compile(r"^(Epoch  .*\S) +seconds +left", re.MULTILINE): r"\1",
    re.compile(r"^( *\d+/\d+(?: +(?:-|\S+ %|\d\S*)){4}) +\d+\.\d(?: +[\d:]+)?", re.MULTILINE): r"\1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NOTEBOOK", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--small", action="store_true", help="small settings; nothing is stored")
    parser.add_argument("--dataset", help="with --small, data set to take instead of the notebook's")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    if options.dataset and not options.small:
        parser.error("--dataset goes with --small: stored outputs are those of the notebook's own data set")
    for name in options.names:
        start = time.monotonic()
        path = FOLDER / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        settings = SMALL | ({"DATASET": options.dataset} if options.dataset else {}) if options.small else {}
        run(notebook, settings)
        if not options.small:
            clean(notebook)
            store_figures(notebook)
            nbformat.write(notebook, path)
        print(f"{name}: {time.monotonic() - start:.0f} s, {path.stat().st_size / 1e6:.2f} MB", flush=True)


def run(notebook: Any, settings: dict[str, Any]) -> None:
    """Execute a notebook in place, with settings instead of those of its cell "parameters".

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    for cell in notebook.cells if settings else ():
        if "parameters" in cell.metadata.get("tags", []):
            given = [name for name in settings if f"{name} = " in cell.source]
            cell.source += "".join(f"\n{name} = {settings[name]!r}" for name in given)
    # A folder of its own keeps what a notebook writes out of the clone; its data are those of the clone all the same.
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
        data = Path(os.environ.get("MNIST_CNN_DATA", FOLDER.parent / "data")).resolve()
        environment = {**os.environ, "PYTHONPATH": path, "MNIST_CNN_DATA": str(data), "NO_COLOR": "1"}
        client = NotebookClient(notebook, timeout=None, coalesce_streams=True)
        client.resources = {"metadata": {"path": folder}}
        client.extra_arguments = ["--log-level=ERROR"]  # no warning of unencrypted channels, which stay on this machine
        client.execute(env=environment)


def clean(notebook: Any) -> None:
    """Remove what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
            if "metadata" in output:
                output.metadata = {}
            if "text" in output:
                for pattern, rest in TIMES.items():
                    output.text = pattern.sub(rest, output.text)


def store_figures(notebook: Any) -> None:
    """Write the pictures of cells that are tagged "figure:NAME" to docs/images/layers/NAME.png."""
    for cell in notebook.cells:
        names = [tag.removeprefix("figure:") for tag in cell.metadata.get("tags", []) if tag.startswith("figure:")]
        for name in names:
            pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
            FIGURES.mkdir(parents=True, exist_ok=True)
            (FIGURES / f"{name}.png").write_bytes(base64.b64decode(pictures[-1]))


if __name__ == "__main__":
    main()
