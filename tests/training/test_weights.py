"""Starting a new run from weights alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from mnist_cnn.data import registry
from mnist_cnn.errors import UserError
from mnist_cnn.networks import CNN, MLP
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.run import fit
from tests.support.checkpoints import contents_of, write_checkpoint
from tests.support.commands import TINY_DATA, Cli
from tests.support.datasets import ColouredBars

RUN = [*TINY_DATA, "--epochs", "1", "--device", "cpu", "--trainer.enable_progress_bar", "false"]
BEST = Path("lightning_logs/version_0/checkpoints/best.ckpt")


class GreyBars(ColouredBars):
    """The same in one channel and of MNIST's size."""

    title = "grey bars"
    image_shape = (1, 28, 28)

    def read(self, *args: object, **kwargs: object) -> tuple[torch.Tensor, torch.Tensor]:
        random = torch.Generator().manual_seed(0)
        labels = torch.randint(3, (400,), generator=random)
        return torch.randint(60, (400, 1, 28, 28), generator=random, dtype=torch.uint8), labels


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    registry.register("grey_bars", GreyBars())
    registry.register("coloured_bars", ColouredBars())
    yield
    for name in ("grey_bars", "coloured_bars"):
        registry._registered.pop(name, None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "source.ckpt", CNN((4, 8), batch_norm=True, hidden_units=16))


def test_all_weights_are_taken_where_the_classes_are_as_many(cli: Cli, source: Path) -> None:
    status, out, err = cli("fit", *RUN, "--weights", "source.ckpt", "--lr", "0", "--l2", "0")
    assert status == 0, err
    assert "Weights  18 of 18 tensors from source.ckpt\n" in out
    assert "Resumed" not in out + err
    before, after = contents_of(source), contents_of(BEST)
    for name, weight in before["state_dict"].items():
        if "running" not in name and "batches" not in name and name not in ("mean", "std"):
            assert torch.equal(weight, after["state_dict"][name]), name
    assert after["state_dict"]["mean"] != before["state_dict"]["mean"], "the pixels' statistics are those of the data"
    assert after["hyper_parameters"]["network"]["init_args"]["hidden_units"] == 16
    assert after["provenance"]["started_from"].startswith("CNN trained on mnist, sha256 ")


def test_the_run_is_gone_on_with_without_the_file(cli: Cli, source: Path) -> None:
    assert cli("fit", *RUN, "--weights", "source.ckpt")[0] == 0
    assert "weights" not in yaml.safe_load((BEST.parent.parent / "config.yaml").read_text())
    source.unlink()
    status, out, err = cli("fit", "--ckpt_path", "last", "--epochs", "2", "--trainer.enable_progress_bar", "false")
    assert status == 0, err
    assert "Weights" not in out
    last = Checkpoint.read(BEST.with_name("last.ckpt"))
    assert last.provenance.started_from.startswith("CNN trained on mnist")


def test_what_makes_the_logits_is_new_where_the_classes_are_others(source: Path, bars: None) -> None:
    result = fit(
        data={"dataset": "grey_bars", "val_size": 100},
        trainer={"max_epochs": 1, "limit_train_batches": 1, "enable_progress_bar": False, "accelerator": "cpu"},
        model={"lr": 0.0},
        weights=source,
    )
    assert result.best_checkpoint is not None
    after, before = contents_of(result.best_checkpoint)["state_dict"], contents_of(source)["state_dict"]
    assert after["network.head.3.weight"].shape == (3, 16)
    assert torch.equal(after["network.head.1.weight"], before["network.head.1.weight"])


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["--network", "MLP"], 1, "it holds CNN, and MLP is to be trained"),
        (["--model.network.channels", "[4,4]"], 1, "blocks.1.0.weight has the sizes"),
        (["--data.dataset", "coloured_bars"], 1, "made for images of 1x28x28; the data have 3x12x10"),
        (["--ckpt_path", "source.ckpt"], 2, "give one of them"),
    ],
)
def test_what_does_not_fit_is_one_line(
    cli: Cli, source: Path, bars: None, arguments: list[str], status: int, expected: str
) -> None:
    found, _, err = cli("fit", *RUN, "--weights", "source.ckpt", *arguments)
    assert found == status
    assert expected in err
    assert len(err.strip().splitlines()) <= 2
    assert not Path("lightning_logs").exists()


def test_other_commands_and_both_at_once_are_refused(cli: Cli, source: Path) -> None:
    assert "unknown flag --weights" in cli("test", "--weights", "source.ckpt")[2]
    with pytest.raises(UserError, match="give one of them"):
        fit(weights=source, ckpt_path=source)


def test_an_object_takes_them_too(source: Path) -> None:
    from mnist_cnn.training.classifier import ImageClassifier
    from mnist_cnn.training.weights import take_weights

    with pytest.raises(UserError, match=r"source\.ckpt does not fit"):
        take_weights(ImageClassifier(MLP()), Checkpoint.read(source), (1, 28, 28))
