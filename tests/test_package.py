"""What `import mnist_cnn` offers."""

import numpy as np

import mnist_cnn
from mnist_cnn.inference.base import Prediction
from tests.support.commands import run_program


def test_the_main_classes_are_there_and_loaded_only_when_asked_for() -> None:
    program = """
import sys, mnist_cnn
assert not {"torch", "numpy", "pytorch_lightning", "yaml"} & set(sys.modules)
assert {"ImageClassifier", "MNISTDataModule", "Network", "load"} <= set(dir(mnist_cnn))
from mnist_cnn import Network
assert "torch" in sys.modules and "pytorch_lightning" not in sys.modules
assert not hasattr(mnist_cnn, "Nonsense")
"""
    done = run_program(program)
    assert done.returncode == 0, done.stderr


def test_a_prediction_is_shown_in_a_line() -> None:
    top = (("7", 0.9981), ("1", 0.0012), ("9", 0.0004))
    answer = Prediction("7", 7, 0.9981, top, np.zeros((28, 28), np.uint8))
    assert repr(answer) == "Prediction('7' 99.8 %, then '1' 0.1 %, '9' 0.0 %)"
    assert repr(Prediction(problem="no ink found")) == "Prediction(problem='no ink found')"
    assert answer == Prediction("7", 7, 0.9981, top, np.ones((28, 28), np.uint8))


def test_every_public_name_is_documented() -> None:
    for name in mnist_cnn.__all__:
        if name != "__version__":
            assert getattr(mnist_cnn, name).__doc__, name
