"""Figures: what is written and drawn in them."""

import io
import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties, findfont

from mnist_cnn.evaluation import figures
from mnist_cnn.evaluation.figures import lettering


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


def epochs_of(*values: float) -> tuple[list[float], list[float]]:
    """A curve with these values after the first epochs."""
    return [epoch + 1.0 for epoch in range(len(values))], list(values)


def ticks_of(axis: Any) -> list[float]:
    """The ticks of an axis that are within its view."""
    low, high = sorted(axis.get_view_interval())
    return [float(tick) for tick in axis.get_majorticklocs() if low <= tick <= high]


def test_the_last_epochs_can_be_told_apart_on_the_axis_of_errors() -> None:
    accuracies = epochs_of(0.65, 0.96, 0.98, 0.99, 0.992, 0.994, 0.995, 0.9954)
    losses = epochs_of(1.0, 0.14, 0.06, 0.04, 0.03, 0.02, 0.015, 0.016)
    figure = figures.learning_curves({"val/accuracy": accuracies, "val/loss": losses}, "run")
    figure.draw_without_rendering()
    loss, error = figure.axes[:2]
    assert loss.get_yscale() == error.get_yscale() == "log"
    low, high = np.log10(error.get_ylim())
    drawn = np.asarray(error.lines[0].get_ydata())
    assert drawn == pytest.approx(100 - 100 * np.array(accuracies[1]), abs=1e-4)
    heights = (np.log10(drawn) - low) / (high - low)
    assert heights.min() > 0
    assert heights.max() < 1
    assert heights[3] - heights[7] > 0.1  # from 99 % to 99.54 %: a tenth of the axis, not a hundredth


def test_accuracy_stands_beside_error() -> None:
    figure = figures.learning_curves({"val/accuracy": epochs_of(0.6, 0.95, 0.992)}, "run")
    figure.draw_without_rendering()
    error = figure.axes[1]
    (accuracy,) = error.child_axes
    assert "accuracy" in accuracy.get_ylabel()
    ticks = accuracy.yaxis.get_majorticklocs().tolist()
    labels = [text.get_text() for text in accuracy.get_yticklabels()]
    shown = dict(zip(ticks, labels, strict=True))
    assert {1.0: "99", 5.0: "95", 20.0: "80"}.items() <= shown.items()


@pytest.mark.parametrize("epochs", [1, 2, 3, 16, 80])
def test_epochs_are_whole_numbers_and_at_least_two_values_are_labelled(epochs: int) -> None:
    curve = epochs_of(*np.linspace(0.951, 0.952, epochs))
    figure = figures.learning_curves({"val/accuracy": curve, "val/loss": curve}, "run")
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        assert ticks_of(axes.xaxis)
        assert all(tick == round(tick) for tick in ticks_of(axes.xaxis))
        assert len(ticks_of(axes.yaxis)) >= 2


def test_the_best_epoch_is_that_of_the_lowest_validation_loss() -> None:
    curves = {
        "train/loss": epochs_of(2, 1, 0.5, 0.2),
        "val/loss": epochs_of(1, 0.3, 0.25, float("nan")),
        "val/accuracy": epochs_of(0.9, 0.98, 0.97, 0.1),
    }
    figure = figures.learning_curves(curves, "run")
    written = texts_of(figure)
    assert "best epoch 3: loss 0.25" in written
    assert "best epoch 3: error 3 %" in written
    for axes in figure.axes[:2]:
        line = next(line for line in axes.lines if str(line.get_label()).startswith("best"))
        assert list(np.asarray(line.get_xdata())) == [3, 3]


def test_errors_of_0_are_drawn_and_said_to_be_0() -> None:
    right = float(np.float32(1.0) - np.float32(6e-8))  # as single precision leaves it
    figure = figures.learning_curves({"val/accuracy": epochs_of(0.9, 0.99, 1, right)}, "run")
    figure.draw_without_rendering()
    error = figure.axes[1]
    assert np.asarray(error.lines[0].get_ydata()) == pytest.approx([10, 1, 0.5, 0.5])
    assert error.get_ylim()[0] < 0.5
    assert "error 0, drawn at 0.5 %" in texts_of(figure)


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"train/loss": epochs_of(float("nan"))},
        {"val/accuracy": epochs_of(1, 1)},
        {"train/loss": epochs_of(1e-3, 1e10, float("inf")), "train/accuracy": epochs_of(0, 0, 0)},
        {"val/loss": ([0.25, 0.5], [1.0, 0.5]), "val/accuracy": ([0.25, 0.5], [0.5, 0.8])},
    ],
)
def test_curves_of_any_kind_are_drawn_without_a_warning(curves: Any, recwarn: pytest.WarningsRecorder) -> None:
    figures.learning_curves(curves, "costs $5").savefig(io.BytesIO())
    assert not list(recwarn)


def spoilt(*shape: int) -> Any:
    """Small values with one that is a thousand times as large."""
    values = np.random.default_rng(0).normal(size=shape)
    values.flat[7] = 1000
    return values


def test_one_weight_does_not_spoil_the_scale_of_the_others() -> None:
    for weights in (spoilt(10, 3, 3), spoilt(64, 28, 28)):
        figure = figures.kernels(weights, "weights")
        low, high = figure.axes[0].images[0].get_clim()
        assert low == -high
        assert 2 < high < 5
        assert "beyond)" in texts_of(figure)


def test_a_scale_reaches_to_the_largest_weight_where_that_spoils_nothing() -> None:
    weights = np.linspace(-1, 1, 72).reshape(8, 3, 3)
    figure = figures.kernels(weights, "weights")
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert "beyond)" not in texts_of(figure)
    assert figures.kernels(np.zeros((2, 3, 3)), "nothing").axes[0].images[0].get_clim() == (-1, 1)


def test_nor_does_one_value_spoil_feature_maps_and_saliency() -> None:
    maps = figures.feature_maps(np.zeros((28, 28)), [("block 1", np.abs(spoilt(16, 7, 7)))], "image")
    assert max(image.get_clim()[1] for axes in maps.axes for image in axes.images) < 5
    gradients = figures.saliency(np.zeros((2, 28, 28)), spoilt(2, 28, 28), ["1", "2"], "which pixels")
    assert gradients.axes[2].images[0].get_clim()[1] < 5


def titles_of(figure: Any) -> list[str]:
    """What stands above each part of a figure, and below it."""
    return [text for axes in figure.axes for text in (axes.get_title(), axes.get_xlabel()) if text]


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 32, 32)])
def test_the_picture_and_the_answer_stand_beside_what_the_network_sees(shape: tuple[int, ...]) -> None:
    photograph = np.full((40, 60, 3), 200, dtype=np.uint8)
    layers = [("block 1", np.ones((16, 7, 7)))]
    answer = "T-shirt/top (98.7 %)"
    figure = figures.feature_maps(np.zeros(shape), layers, "photo", answer=answer, photograph=photograph)
    assert titles_of(figure)[:3] == ["the picture", "what the network sees", f"answer: {answer}"]
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (40, 60, 3)
    alone = figures.feature_maps(np.zeros(shape), layers, "image")
    assert titles_of(alone)[0] == "the image"
    gradients = figures.saliency(np.zeros((1, *shape)), np.ones((1, *shape[-2:])), [answer], "photo", [photograph])
    assert titles_of(gradients)[:2] == ["the picture", f"answer: {answer}"]


def test_a_sheet_has_as_many_columns_as_its_place_takes() -> None:
    names = ["Ankle boot"] * 6
    shares = np.eye(6)
    figure = figures.mistakes_sheet(np.zeros((6, 28, 28)), range(6), shares, names, columns=figures.CARD_COLUMNS)
    width = figure.get_size_inches()[0]
    assert width < 5  # 350 pixels wide in TensorBoard, its text can be read
    tops = {round(axes.get_position().y1, 2) for axes in figure.axes}
    assert len(tops) == 2  # rows of four
    figure.draw_without_rendering()
    (title,) = [text for text in figure.texts if "surest" in text.get_text()]
    assert title.get_window_extent().width <= 100 * width


LONG = "a class whose name is as long as sixty characters, or so 0123"


def drawn(figure: Any) -> Any:
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("classes", [3, 47, 120])
def test_names_beside_a_confusion_matrix_leave_room_for_it_and_do_not_overlap(classes: int) -> None:
    names = [LONG, *(f"species number {number}" for number in range(1, classes))]
    counts = np.diag(np.full(classes, 12))
    for width in (None, 5.4):
        figure = drawn(figures.confusion_matrix(counts, names, "many images of many kinds", width))
        axes = figure.axes[0]
        box, whole = axes.get_window_extent(), figure.bbox
        assert box.width > 0.45 * whole.width
        labels = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
        assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(labels))
        written = [text.get_window_extent() for text in axes.texts]
        assert all(0.9 * box.width / classes > text.width for text in written), "counts stay in their cells"
        assert bool(written) == (classes < 50 and (width is None or classes < 20))


@pytest.mark.filterwarnings("error")
def test_names_that_no_font_has_are_spelled_out_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_installed", lambda: [])
    lettering._font_of.cache_clear()
    figure = figures.confusion_matrix([[5, 2], [0, 7]], ["\u732b and $x_$", "Κάτι\x07"], "猫")
    figures.save(figure, io.BytesIO())
    written = texts_of(figure)
    assert r"\u732b and \$x_\$" in written
    assert r"Κάτι\x07" in written
    lettering._font_of.cache_clear()


@pytest.mark.filterwarnings("error")
def test_names_are_written_with_an_installed_font_that_has_their_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    font = next(font for font in lettering._installed() if font[0] == "STIXNonUnicode")  # comes with matplotlib
    monkeypatch.setattr(lettering, "_installed", lambda: [font])
    lettering._font_of.cache_clear()
    own = findfont(FontProperties())
    privately_used = map(chr, range(0xE000, 0xE400))
    character = next(c for c in privately_used if lettering._has(font[1], c) and not lettering._has(own, c))
    figure = lettering.AnyScriptFigure()
    text = figure.text(0.5, 0.5, f"a {character}")
    drawn(figure)
    assert "STIXNonUnicode" in text.get_fontfamily()
    lettering._font_of.cache_clear()


@pytest.mark.parametrize(("height", "width"), [(96, 32), (32, 96)])
def test_figures_follow_the_shape_of_the_images(height: int, width: int) -> None:
    images = np.zeros((8, 3, height, width), np.uint8)
    maps = [("block 1", np.ones((16, height // 2, width // 2)))]
    for figure in (
        figures.example_sheet(images, [LONG] * 8, ["b"] * 8, "sheet"),
        figures.saliency(images[:6], np.ones((6, height, width)), ["a"] * 6, "pixels"),
        figures.feature_maps(images[0], maps, "maps"),
    ):
        axes = drawn(figure).axes
        shown = [ax.get_window_extent() for ax in axes if ax.images and ax.get_window_extent().width > 50]
        assert sum(box.width * box.height for box in shown) > 0.2 * figure.bbox.width * figure.bbox.height
