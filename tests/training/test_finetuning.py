"""Fine-tuning: pretrained weights, freezing, thawing and the backbone's own learning rate."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torchvision.models import VGG16_Weights

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.errors import UserError
from mnist_cnn.networks import VGG16
from mnist_cnn.training.classifier import ImageClassifier
from tests.support.checkpoints import contents_of
from tests.support.commands import TINY_DATA, Cli, run_process
from tests.support.networks import Pretrained

FINE_TUNING = [
    *TINY_DATA,
    *("--batch-size", "100", "--epochs", "3", "--device", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--network", "tests.support.networks.Pretrained", "--model.freeze_epochs", "1", "--data.rotation", "10"),
    *(
        "--checkpoint.every_n_train_steps",
        "1",
        "--model.backbone_lr_factor",
        "0.25",
        "--trainer.log_every_n_steps",
        "1",
    ),
]


class Watch(Callback):
    """Notes the backbone and the learning rates before each step."""

    def __init__(self) -> None:
        self.backbones: list[dict[str, Tensor]] = []
        self.heads: list[Tensor] = []
        self.rates: list[list[float]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        network: Any = pl_module.network
        self.backbones.append({name: value.clone() for name, value in network.backbone.state_dict().items()})
        self.heads.append(network.head[-1].weight.detach().clone())
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])


def fine_tune(root: Path, **settings: Any) -> Watch:
    watch = Watch()
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        default_root_dir=root,
        callbacks=[watch],
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    torch.manual_seed(0)
    data = MNISTDataModule("synthetic", train_size=600, val_size=100, batch_size=100)  # 6 steps an epoch
    trainer.fit(ImageClassifier(Pretrained(), **settings), datamodule=data)
    return watch


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_frozen_backbone_stays_to_the_bit_and_is_trained_after_thawing(tmp_path: Path, optimizer: Any) -> None:
    watch = fine_tune(tmp_path, freeze_epochs=2, optimizer=optimizer, weight_decay=0.1)
    first = watch.backbones[0]
    for step in range(1, 18):
        same = {name: torch.equal(value, first[name]) for name, value in watch.backbones[step].items()}
        if step <= 12:  # two epochs, batch norm's averages and weight decay included
            assert all(same.values()), (step, same)
        else:
            assert not any(same.values()), (step, same)
        assert not torch.equal(watch.heads[step], watch.heads[step - 1])


def test_without_freezing_the_backbone_is_trained_from_the_first_step(tmp_path: Path) -> None:
    watch = fine_tune(tmp_path)
    assert not torch.equal(watch.backbones[1]["0.weight"], watch.backbones[0]["0.weight"])


def test_backbone_has_its_own_rate_along_the_same_schedule(tmp_path: Path) -> None:
    watch = fine_tune(tmp_path, lr=0.008, backbone_lr_factor=0.125, schedule="cosine", warmup=0.2)
    assert max(head for head, _ in watch.rates) == pytest.approx(0.008)
    for head, backbone in watch.rates:
        assert backbone == pytest.approx(head / 8)


def test_pretrained_weights_are_loaded_where_a_run_begins(tmp_path: Path) -> None:
    watch = fine_tune(tmp_path, freeze_epochs=1)
    assert (watch.backbones[0]["0.bias"] == 0.125).all()


@pytest.mark.slow
@pytest.mark.parametrize("stopped_after", [3, 6, 9])
def test_resumed_while_frozen_at_the_thaw_and_after_it_ends_bit_identical(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    import tests.support.interruptions  # noqa: F401 - named on the command line

    endings = []
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        interrupt = "--trainer.callbacks"
        stop = [f"{interrupt}=tests.support.interruptions.InterruptAt", f"{interrupt}.step={stopped_after}"]
        stop += [f"{interrupt}.signal_name=SIGTERM"] if name == "stopped" else []
        status, _, err = cli("fit", *FINE_TUNING, *(stop if name == "stopped" else []))
        if name == "stopped":
            assert status == 143, err
            status, _, err = cli("fit", *FINE_TUNING, "--ckpt_path", "last")
        assert status == 0, err
        endings.append(contents_of(tmp_path / name / "lightning_logs/version_0/checkpoints/last.ckpt"))
    whole, stopped = (ending["state_dict"] for ending in endings)
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    assert not (whole["network.backbone.0.bias"] == 0.125).any()


@pytest.mark.slow
def test_several_processes_need_a_strategy_that_knows_of_frozen_parts(tmp_path: Path) -> None:
    # In a process of its own: torch keeps the port of a process group open, and its environment would pass to others.
    result = run_process("fit", *FINE_TUNING, "--trainer.strategy", "ddp", cwd=tmp_path)
    assert result.returncode == 1
    assert "freeze_epochs=1" in result.stderr
    assert "ddp_find_unused_parameters_true" in result.stderr


def test_vgg16_takes_its_weights_from_a_file_in_torchvisions_form(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = VGG16(weights="none", image_size=32)
    state = {f"features.{name}": value for name, value in source.backbone.state_dict().items()}
    torch.save(state | {"classifier.0.weight": torch.zeros(3)}, tmp_path / "vgg16.pth")
    network = VGG16(weights_path=str(tmp_path / "vgg16.pth"), image_size=32)
    network.load_pretrained()
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, source.backbone.state_dict()[name])
    assert isinstance(network.get_backbone(), torch.nn.Module)


def test_vgg16_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights")
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "incomplete")
    torch.save([1, 2], tmp_path / "list")
    for name, complaint in [
        ("absent", "there is no such file"),
        ("text", "cannot read it as weights"),
        ("incomplete", "does not hold the weights of VGG16"),
        ("list", "named tensors"),
    ]:
        with pytest.raises(UserError, match=complaint) as error:
            VGG16(weights_path=str(tmp_path / name)).load_pretrained()
        assert str(tmp_path / name) in str(error.value)


def test_where_the_weights_cannot_be_had_fit_says_what_to_do_and_leaves_no_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        assert kwargs["check_hash"]
        raise URLError("no route")

    monkeypatch.setattr(VGG16_Weights, "get_state_dict", fail)
    status, _, err = cli("fit", *TINY_DATA, "--network", "VGG16", "--device", "cpu", "--epochs", "1")
    assert status == 1
    assert len(err.strip().splitlines()) == 1
    for words in (VGG16_Weights.IMAGENET1K_V1.url, "no route", "--model.network.weights_path", "weights none"):
        assert words in err
    assert not Path("lightning_logs").exists()


def test_a_checkpoint_of_vgg16_is_used_without_the_pretrained_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", None)
    network = VGG16(image_size=32)
    assert ImageClassifier(network).predict_proba(torch.zeros(1, 1, 28, 28)).sum().item() == pytest.approx(1)
