"""Figures of networks and their results: from plain arrays to matplotlib figures, which the caller saves."""

from mnist_cnn.evaluation.figures.answers import confusion_matrix, example_sheet, mistakes_sheet, reliability_diagram
from mnist_cnn.evaluation.figures.contents import SHEET_COLUMNS, contact_sheet
from mnist_cnn.evaluation.figures.curves import learning_curves
from mnist_cnn.evaluation.figures.drawing import BLUE, CARD_COLUMNS, COLUMNS, GREY, ORANGE, save
from mnist_cnn.evaluation.figures.networks import feature_maps, kernels, saliency

__all__ = [
    "BLUE",
    "CARD_COLUMNS",
    "COLUMNS",
    "GREY",
    "ORANGE",
    "SHEET_COLUMNS",
    "confusion_matrix",
    "contact_sheet",
    "example_sheet",
    "feature_maps",
    "kernels",
    "learning_curves",
    "mistakes_sheet",
    "reliability_diagram",
    "saliency",
    "save",
]
