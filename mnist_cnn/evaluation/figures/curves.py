"""Learning curves: loss and error over the epochs, on axes that show the last epochs as well as the first ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from mnist_cnn.evaluation.figures.drawing import BLUE, GREY, ORANGE, add_title, new_figure

Curve = tuple[Sequence[float], Sequence[float]]
Points = tuple[NDArray[np.float64], NDArray[np.float64]]

STAGES = {"train": ("training (mean over the epoch)", ORANGE, "--"), "val": ("validation (after it)", BLUE, "-")}
SMALLEST_ERROR = 0.01  # percent, where no error above 0 says how small an error can be
LEAST_SPAN = 8.0  # of a logarithmic axis, so that two labels at least stand at it
MOST_SPAN_OF_THREE = 5000.0  # beyond it only powers of ten are labelled, not 2 and 5 times them


def learning_curves(curves: Mapping[str, Curve], title: str) -> Figure:
    """Loss, and error beside accuracy, over the epochs; both axes are logarithmic, and the best epoch is marked.

    The best epoch is that of the lowest validation loss. A logarithmic axis cannot show 0: an error of 0 is drawn at
    half the smallest other one, which is about half an image, and marked as such.

    Args:
        curves: Epochs, counted from 1, and values by name: "train/loss", "val/loss", "train/accuracy", "val/accuracy".
            Values that are no finite numbers are left out.
        title: What was trained.
    """
    figure = new_figure(10.5, 4.2)
    losses = {stage: _points(curves[f"{stage}/loss"], 1, 0) for stage in STAGES if f"{stage}/loss" in curves}
    # Rounded, as accuracies in single precision leave an error of 6e-6 % where there is none.
    errors = {
        stage: _points(curves[f"{stage}/accuracy"], -100, 100) for stage in STAGES if f"{stage}/accuracy" in curves
    }
    best = _best_epoch(losses.get("val"))
    axes, beside = figure.subplots(1, 2)
    _draw(axes, losses, best, "loss", "loss", "")
    _draw(beside, errors, best, "error", "error, 100 - accuracy (%)", " %")
    accuracy = beside.secondary_yaxis("right")
    accuracy.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:.12g}"))
    accuracy.yaxis.set_major_locator(_log_locator(beside.get_ylim()))
    accuracy.yaxis.set_minor_formatter(NullFormatter())
    accuracy.set_ylabel("accuracy (%)")
    axes.set_title("Loss")
    beside.set_title("Error and accuracy")
    add_title(figure, title)
    return figure


def _points(curve: Curve, factor: float, offset: float) -> Points:
    """Epochs and values of a curve, scaled, without those that are no finite numbers."""
    epochs, values = np.asarray(curve[0], dtype=np.float64), np.asarray(curve[1], dtype=np.float64)
    scaled = np.round(offset + factor * values, 4) if offset else factor * values
    is_finite = np.isfinite(epochs) & np.isfinite(scaled)
    return epochs[is_finite], scaled[is_finite]


def _best_epoch(losses: Points | None) -> float | None:
    """The epoch of the lowest validation loss, which `best.ckpt` is kept of; None without any."""
    if losses is None or not len(losses[0]):
        return None
    return float(losses[0][losses[1].argmin()])


def _draw(axes: Axes, points: Mapping[str, Points], best: float | None, name: str, label: str, unit: str) -> None:
    """Draw the curves of a quantity on logarithmic axes."""
    values = np.concatenate([values for _, values in points.values()] or [np.empty(0)])
    above = values[values > 0]
    floor = float(above.min()) / 2 if len(above) else SMALLEST_ERROR
    note: str | None = f"{name} 0, drawn at {floor:.2g}{unit}"
    for stage, (epochs, found) in points.items():
        text, colour, style = STAGES[stage]
        axes.plot(epochs, np.maximum(found, floor), style, color=colour, label=text, marker=".")
        if (is_zero := found <= 0).any():
            zeros = np.full(int(is_zero.sum()), floor)
            axes.plot(epochs[is_zero], zeros, "v", color=colour, markerfacecolor="white", label=note)
            note = None  # said once
    _mark_best(axes, points.get("val"), best, name, unit)
    _set_limits(axes, points, np.maximum(values, floor), most=100.0 if unit else None)
    axes.set(xlabel="epoch", ylabel=label)
    axes.grid(alpha=0.3, which="both")
    if len(values):
        axes.legend(fontsize=8)
    else:
        axes.text(0.5, 0.5, "nothing was recorded", transform=axes.transAxes, ha="center")


def _mark_best(axes: Axes, points: Points | None, best: float | None, name: str, unit: str) -> None:
    """Draw a line at the best epoch, with the value of the validation curve in the legend."""
    if best is None:
        return
    found = points[1][points[0] == best] if points is not None else np.empty(0)
    value = f": {name} {found[0]:.3g}{unit}" if len(found) else ""
    axes.axvline(best, color=GREY, linestyle=":", label=f"best epoch {best:.4g}{value}", zorder=0)


def _set_limits(axes: Axes, points: Mapping[str, Points], values: NDArray[np.float64], most: float | None) -> None:
    """Set limits and ticks: whole epochs, and 1, 2 and 5 times the powers of ten."""
    epochs = np.concatenate([found for found, _ in points.values()] or [np.ones(1)])
    first, last = (float(epochs.min()), float(epochs.max())) if len(epochs) else (1.0, 1.0)
    room = max(0.5, 0.04 * (last - first))
    # A lone epoch stands to the left, where the legend is not.
    axes.set_xlim(first - room, last + (room if last > first else 0.95))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_yscale("log")
    low, high = (float(values.min()), float(values.max())) if len(values) else (SMALLEST_ERROR, 1.0)
    missing = max(LEAST_SPAN / (high / low), 1.44) ** 0.5
    low, high = low / missing, high * missing
    axes.set_ylim(low, min(high, 1.1 * most) if most else high)
    axes.yaxis.set_major_locator(_log_locator(axes.get_ylim()))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _log_locator(limits: tuple[float, float]) -> LogLocator:
    return LogLocator(subs=(1, 2, 5) if limits[1] / limits[0] < MOST_SPAN_OF_THREE else (1,))
