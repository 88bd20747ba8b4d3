"""Networks of the user's own, in a file beside the work."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mnist_cnn
from mnist_cnn.errors import UserError
from tests.support.commands import TINY_DATA, Cli
from tests.support.pictures import seven

GOOD = """
from torch import nn
from mnist_cnn import Network

class Mine(Network):
    def __init__(self, width=8, num_classes=10):
        super().__init__()
        self.num_classes = num_classes
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, num_classes))
    def forward(self, images):
        return self.layers(images)
"""
RUN = [*TINY_DATA, "--epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.enable_progress_bar", "false"]


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The working folder is looked through for modules, as the program has it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own", None)


@pytest.mark.parametrize(
    ("network", "code", "expected"),
    [
        (
            "own.Plain",
            "from torch import nn\nclass Plain(nn.Module): pass",
            "own.Plain is a plain nn.Module: derive it",
        ),
        ("own.Other", "class Other: pass", "own.Other is no network: derive it from mnist_cnn.Network and set"),
        ("own.Absent", GOOD, "there is no class Absent in own; it has Network, Mine"),
        ("nowhere.Mine", GOOD, "there is no module nowhere; it is looked for in"),
        ("own.Mine", "import torch\nimport nonsense_1", "importing own fails: ModuleNotFoundError: No module named"),
        ("own.Mine", "x = 1\nx.y\n", "has no attribute 'y' (own.py, line 2: x.y)"),
        ("own.Mine", "class Mine(:\n", "SyntaxError: invalid syntax (own.py, line 1: class Mine(:)"),
        ("own.Mine", GOOD.replace("self.num_classes = ", "_ = "), "Mine does not say how many classes it tells apart"),
        ("own.Mine", GOOD.replace("forward", "forwards"), "Mine has no method forward"),
        ("own.Mine", GOOD.replace("width, num", "width / 0, num"), "division by zero (own.py, line 9: self.layers"),
    ],
)
def test_what_is_wrong_with_a_network_of_ones_own_is_one_line(cli: Cli, network: str, code: str, expected: str) -> None:
    Path("own.py").write_text(code)
    status, out, err = cli("fit", *RUN, "--network", network)
    assert (status, out) == (1, "")
    assert expected in err
    assert len(err.strip().splitlines()) == 1, err
    assert not Path("lightning_logs").exists()


def test_every_command_can_be_told_the_class(cli: Cli) -> None:
    Path("own.py").write_text(GOOD)
    assert cli("fit", *RUN, "--network", "own.Mine")[0] == 0
    seven().save("photo.png")
    del sys.modules["own"]  # as in a new process
    for command in (["predict", "photo.png"], ["export"], ["figures"]):
        status, _, err = cli(*command)
        assert status == 1
        assert "network of the class 'own.Mine', which is none of this project's" in err
        assert "--network own.Mine" in err
    assert cli("predict", "photo.png", "--network", "own.Mine")[0] == 0
    status, _, err = cli("predict", "photo.png", "--network", "CNN")
    assert status == 1
    assert "holds a network of the class 'own.Mine', not CNN" in err


def test_a_network_that_fails_in_use_is_one_line(cli: Cli) -> None:
    Path("own.py").write_text(GOOD)
    assert cli("fit", *RUN, "--network", "own.Mine")[0] == 0
    seven().save("photo.png")
    del sys.modules["own"]
    Path("own.py").write_text(GOOD.replace("self.layers(images)", "self.layers(images[:, :, 1:])"))
    status, _, err = cli("predict", "photo.png", "--network", "own.Mine")
    assert status == 1
    assert "best.ckpt cannot answer for images of (1, 28, 28)" in err
    assert "Traceback" not in err


def test_in_python_the_class_is_given_or_named(cli: Cli) -> None:
    Path("own.py").write_text(GOOD)
    assert cli("fit", *RUN, "--network", "own.Mine")[0] == 0
    del sys.modules["own"]
    with pytest.raises(UserError, match=r"own\.Mine"):
        mnist_cnn.load("best")
    by_name = mnist_cnn.load("best", network="own.Mine").predict(seven())[0]
    assert mnist_cnn.load("best", network=sys.modules["own"].Mine).predict(seven())[0] == by_name
    assert mnist_cnn.load("best").predict(seven())[0] == by_name, "its module is imported now"
