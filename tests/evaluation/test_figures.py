"""Figures: what is written and drawn in them."""

import io
from typing import Any

import numpy as np
import pytest

from mnist_cnn.evaluation import figures


def texts_of(figure: Any) -> str:
    """All that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_confusion_matrix_shows_counts_and_names() -> None:
    figure = figures.confusion_matrix([[5, 2], [0, 7]], ["cat", "dog"], "pets")
    written = texts_of(figure).splitlines()
    assert {"5", "2", "7", "cat", "dog", "predicted class", "true class", "pets"} <= set(written)
    assert "0" not in [text.get_text() for text in figure.axes[0].texts]
    (image,) = figure.axes[0].images
    assert np.asarray(image.get_array())[0] == pytest.approx([0, 100 * 2 / 7])  # the diagonal is left pale


def test_examples_name_truth_and_prediction_and_colour_mistakes() -> None:
    figure = figures.example_sheet(np.zeros((3, 28, 28)), ["1", "2", "3"], ["1", "7", "3"], "sheet")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["[T] 1   [P] 1", "[T] 2   [P] 7", "[T] 3   [P] 3"]
    colours = [axes.title.get_color() for axes in figure.axes]
    assert colours[1] == figures.ORANGE
    assert colours[0] == colours[2] == "black"


def test_reliability_shows_the_share_of_right_answers_in_each_range() -> None:
    figure = figures.reliability_diagram([0, 2, 4, 3], [0, 0.5, 0.75, 1], [0, 0.55, 0.95, 1], 0.1234, "answers")
    line = next(line for line in figure.axes[0].lines if line.get_label() == "this network")
    assert np.asarray(line.get_data()) == pytest.approx(np.array([[0.55, 0.95, 1], [0.5, 0.75, 1]]))
    assert "calibration error 12.34 %" in figure.axes[0].get_title()
    bars: list[Any] = list(figure.axes[1].patches)
    assert [bar.get_height() for bar in bars] == [0, 2, 7]


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 8, 6), (4, 8, 6)])
def test_images_of_any_number_of_channels_are_shown(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    figure = figures.example_sheet(images, ["a", "b"], ["a", "b"], "sheet")
    (shown,) = figure.axes[0].images
    expected = np.moveaxis(images[0], 0, -1) if shape[0] == 3 else images[0].reshape(-1, *shape[-2:]).mean(axis=0)
    assert np.asarray(shown.get_array()) == pytest.approx(expected)


def test_names_with_dollars_are_no_formulas() -> None:
    names = ["$1_$", "2$"]
    for figure in (
        figures.confusion_matrix([[5, 2], [0, 7]], names, "a $ in $it"),
        figures.example_sheet(np.zeros((2, 8, 8)), names, names, "sheet"),
    ):
        figure.savefig(io.BytesIO())
