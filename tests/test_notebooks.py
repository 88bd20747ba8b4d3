"""The notebooks run from top to bottom, what is stored of them is clean, and docs/layers.md says what the code does."""

import importlib.util
import re
from types import ModuleType
from typing import Any

import nbformat
import pytest
import torch
from nbclient.exceptions import CellExecutionError
from torch import nn

from mnist_cnn.networks import CNN, multiply_adds
from tests.support.commands import ROOT

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "notebooks" / "run_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name: str) -> Any:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def notebook(*sources: str) -> Any:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_without_real_data(name: str, runner: ModuleType) -> None:
    # Its own assertions hold what the text claims.
    runner.run(read(name), runner.SMALL | {"DATASET": "synthetic"})


def test_settings_replace_those_of_the_notebook(runner: ModuleType) -> None:
    runner.run(notebook("EPOCHS = 9\nOTHER = 1", "assert (EPOCHS, OTHER) == (2, 1)"), runner.SMALL)


def test_a_claim_that_does_not_hold_is_an_error(runner: ModuleType) -> None:
    with pytest.raises(CellExecutionError):
        runner.run(notebook("assert 1 == 2"), {})


def test_what_differs_from_pass_to_pass_is_not_stored(runner: ModuleType) -> None:
    passes = [notebook("print('a')", "1 + 1"), notebook("print('a')", "1 + 1")]
    for cells in zip(passes[0].cells, passes[1].cells, strict=True):
        cells[1].id = cells[0].id
    for one in passes:
        runner.run(one, {})
        runner.clean(one)
    assert passes[0] == passes[1]
    assert passes[0].cells[0].outputs[0].text == "a\n"
    assert passes[0].cells[1].outputs[0].data["text/plain"] == "2"
    assert passes[0].cells[0].metadata == {"tags": ["parameters"]}


def test_what_a_run_says_is_stored_without_its_times(runner: ModuleType) -> None:
    said = """\
Epoch  train loss  accuracy  val loss  accuracy  seconds     left
  1/3      2.3043   11.50 %    2.2456   18.00 %      9.6     0:39  best
  2/3      2.1043   21.50 %         -         -     12.6  1:00:39
Best     epoch 1: validation loss 2.2456, accuracy 18.00 %
Time     35.8 s: training 30.0 s, validation 3.0 s, other
         0.8 s
Next
"""
    cells = notebook("")
    cells.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text=said)]
    runner.clean(cells)
    assert (
        cells.cells[0].outputs[0].text
        == """\
Epoch  train loss  accuracy  val loss  accuracy
  1/3      2.3043   11.50 %    2.2456   18.00 %  best
  2/3      2.1043   21.50 %         -         -
Best     epoch 1: validation loss 2.2456, accuracy 18.00 %
Next
"""
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_stored_notebook_is_whole_and_clean(name: str, runner: ModuleType) -> None:
    assert (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size < MOST_BYTES
    stored, cleaned = read(name), read(name)
    runner.clean(cleaned)
    assert stored == cleaned
    for cell in stored.cells:
        if cell.cell_type != "code":
            continue
        kinds = {output.output_type for output in cell.outputs}
        assert "error" not in kinds
        # No warnings, and none of them ran on stand-in data.
        assert not [output for output in cell.outputs if output.get("name") == "stderr"], cell.source
        draws = re.search(r"^(plt\.show|show_maps|figures\.|mistakes_sheet|draw_answer)", cell.source, re.MULTILINE)
        shows = any("image/png" in output.get("data", {}) for output in cell.outputs)
        assert not draws or shows, cell.source
        assert not re.search("^print", cell.source, re.MULTILINE) or "stream" in kinds, cell.source
    assert "## Exercises" in stored.cells[-1].source


def test_the_reference_gives_each_layers_size_and_cost() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\dx]+) \| ([\d,]+) \| ([\d,]+) \|$", page(), re.MULTILINE)
    network = CNN()
    found: list[tuple[str, int, int]] = []

    def note(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        weights = sum(parameter.numel() for parameter in layer.parameters())
        places = output[0, 0].numel() if output.ndim == 4 else 1
        work = int(layer.weight.numel()) * places if isinstance(layer, (nn.Conv2d, nn.Linear)) else 0
        found.append(("x".join(map(str, output.shape[1:])), weights, work))

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.Dropout, nn.Flatten, nn.Linear)):
            layer.register_forward_hook(note)
    network.eval()(torch.zeros(1, 1, 28, 28))
    assert [(size, number(weights), number(work)) for _, size, weights, work in rows] == found
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert f"| **{parameters:,}** | **{multiply_adds(network):,}** |" in page()


def test_the_reference_shows_figures_that_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page())
    assert len(pictures) == 8
    assert all((ROOT / "docs" / picture).is_file() for picture in pictures)


def page() -> str:
    return (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")


def number(text: str) -> int:
    return int(text.replace(",", ""))
