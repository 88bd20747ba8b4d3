from pathlib import Path

import pytest

from mnist_cnn.cli.arguments import read_request
from mnist_cnn.errors import UsageError


def test_short_flags_are_spelled_out_in_both_forms() -> None:
    request = read_request("fit", ["--lr", "1", "--l2=0.1", "--device", "cuda"])
    assert request.flags == ("--model.lr", "1", "--model.weight_decay=0.1", "--trainer.accelerator", "gpu")
    assert read_request("fit", ["--device=mps"]).flags == ("--trainer.accelerator", "mps")
    with pytest.raises(UsageError, match="--device tpu"):
        read_request("fit", ["--device=tpu"])


def test_a_flag_is_found_in_both_forms_and_the_last_one_counts() -> None:
    assert read_request("fit", ["--ckpt_path", "a", "--lr", "1"]).ckpt_path == "a"
    assert read_request("fit", ["--ckpt_path=a"]).ckpt_path == "a"
    assert read_request("fit", ["--ckpt_path", "a", "--ckpt_path", "b"]).ckpt_path == "b"
    assert read_request("fit", ["--lr", "1"]).ckpt_path is None
    with pytest.raises(UsageError, match="--ckpt_path: a value is needed"):
        read_request("fit", ["--lr", "1", "--ckpt_path"])


def test_without_a_flag_the_last_config_that_names_the_key_counts() -> None:
    Path("one.yaml").write_text("ckpt_path: one\ntrainer:\n  default_root_dir: here\n")
    Path("two.yaml").write_text("ckpt_path: two\n")
    request = read_request("fit", ["--config", "one.yaml", "-c", "two.yaml"])
    assert request.ckpt_path == "two"
    assert request.root == Path("here")
    assert read_request("fit", ["--config", "one.yaml", "--ckpt_path", "flag"]).ckpt_path == "flag"
    assert read_request("fit", ["--config=one.yaml", "--trainer.default_root_dir=there"]).root == Path("there")


def test_later_configs_are_laid_over_earlier_ones() -> None:
    Path("one.yaml").write_text("model:\n  lr: 1e-3\n  momentum: 0.5\ndata:\n  rotation: 3\n")
    Path("two.yaml").write_text("model:\n  lr: 0.5\n")
    request = read_request("fit", ["--config", "one.yaml", "--config", "two.yaml"])
    assert request.config == {"model": {"lr": 0.5, "momentum": 0.5}, "data": {"rotation": 3}}
    assert read_request("fit", ["-c", "one.yaml"]).config["model"]["lr"] == 0.001, "a number, as the parser reads it"


def test_another_class_brings_its_own_settings() -> None:
    Path("one.yaml").write_text("model:\n  network:\n    class_path: CNN\n    init_args: {dropout: 0.5}\n")
    Path("two.yaml").write_text("model:\n  network: MLP\n")
    Path("three.yaml").write_text("model:\n  network:\n    init_args: {border: 2}\n")

    def network(*names: str) -> object:
        arguments = [part for name in names for part in ("--config", f"{name}.yaml")]
        return read_request("fit", arguments).config["model"]["network"]

    assert network("one", "two") == {"class_path": "MLP"}
    assert network("one", "three") == {"class_path": "CNN", "init_args": {"dropout": 0.5, "border": 2}}
    assert network("two", "three") == {"class_path": "MLP", "init_args": {"border": 2}}


def test_a_part_of_a_config_may_stand_in_a_file_beside_it() -> None:
    Path("configs").mkdir()
    Path("configs/whole.yaml").write_text("model: part.yaml\n")
    Path("configs/part.yaml").write_text("lr: 0.25\n")
    assert read_request("fit", ["--config", "configs/whole.yaml"]).config == {"model": {"lr": 0.25}}
    Path("configs/whole.yaml").write_text("model:\n  network: net.yaml\n")
    Path("configs/net.yaml").write_text("class_path: MLP\n")
    assert read_request("fit", ["--config", "configs/whole.yaml"]).network == "MLP"


def test_a_config_may_be_given_as_text() -> None:
    for text in ("{model: {lr: 0.5}}", "model: {lr: 0.5}"):
        assert read_request("fit", ["--config", text]).config == {"model": {"lr": 0.5}}


def test_a_folder_with_the_name_of_a_config_does_not_hide_it() -> None:
    Path("base").mkdir()
    assert read_request("fit", ["--config", "base"]).config["data"]["dataset"] == "mnist"


def test_the_settings_of_a_network_that_is_not_used_give_nothing_to_another() -> None:
    Path("one.yaml").write_text("model:\n  network:\n    class_path: CNN\n    init_args: {in_channels: 1}\n")
    assert read_request("fit", ["--config", "one.yaml"]).gives("in_channels")
    assert not read_request("fit", ["--config", "one.yaml", "--network", "MLP"]).gives("in_channels")


@pytest.mark.parametrize("name", ["base", "base.yaml", "configs/base.yaml", "recipes/mnist_linear"])
def test_configs_of_the_package_are_known_by_name_where_no_file_has_it(name: str) -> None:
    assert read_request("fit", ["--config", name]).config["data"]["dataset"] == "mnist"
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("data:\n  dataset: kmnist\n")
    assert read_request("fit", ["--config", name]).config["data"]["dataset"] == "kmnist"


@pytest.mark.parametrize(
    ("text", "message"), [("a: [1", "is no valid YAML"), ("just words", "holds no settings"), ("- 1", "no settings")]
)
def test_what_is_no_config_is_named(text: str, message: str) -> None:
    Path("some.yaml").write_text(text)
    with pytest.raises(UsageError, match=f"some.yaml.*{message}"):
        read_request("fit", ["--config", "some.yaml"])


def test_a_config_cannot_be_put_together_without_end() -> None:
    Path("self.yaml").write_text("model: self.yaml\n")
    with pytest.raises(UsageError, match=r"self.yaml contains itself"):
        read_request("fit", ["--config", "self.yaml"])
    Path("last.yaml").write_text("lr: 1\n")
    Path("many.yaml").write_text("".join(f"a{number}: last.yaml\n" for number in range(10)))
    Path("more.yaml").write_text("".join(f"a{number}: many.yaml\n" for number in range(10)))
    with pytest.raises(UsageError, match="put together of more than 50 files"):
        read_request("fit", ["--config", "more.yaml"])


def test_a_config_names_no_other() -> None:
    Path("some.yaml").write_text("config: other.yaml\n")
    with pytest.raises(UsageError, match=r"some.yaml: unknown setting config; give --config several times"):
        read_request("fit", ["--config", "some.yaml"])


def test_an_interpolation_is_named_as_what_is_not_filled_in() -> None:
    Path("some.yaml").write_text("model:\n  lr: 1\n  weight_decay: ${model.lr}\n")
    with pytest.raises(UsageError, match=r"some.yaml, model.weight_decay: \$\{model.lr\} is not filled in here"):
        read_request("fit", ["--config", "some.yaml"])


@pytest.mark.parametrize("config", ["~nosuchuser/a.yaml", "nul\0.yaml", "n" * 5000, "/dev/zero"])
def test_paths_that_no_system_takes_are_named(config: str) -> None:
    with pytest.raises(UsageError, match=r"there is no such file|that is a device"):
        read_request("fit", ["--config", config])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--learning-rate 1 --learning_rate=2", "--model.lr 1 --model.lr=2"),
        ("--batch_size 7 --num_classes=3", "--data.batch_size 7 --model.network.num_classes=3"),
        ("--max_epochs 3 --max-epochs=4", "--trainer.max_epochs 3 --trainer.max_epochs=4"),
        ("--weight-decay 1 --seed=3", "--model.weight_decay 1 --seed_everything=3"),
        ("--accelerator cpu --devices 1", "--trainer.accelerator cpu --trainer.devices 1"),
    ],
)
def test_familiar_names_are_understood(arguments: str, expected: str) -> None:
    assert read_request("fit", arguments.split()).flags == tuple(expected.split())


def test_resume_means_a_checkpoint_and_alone_the_last() -> None:
    assert read_request("fit", ["--resume"]).ckpt_path == "last"
    assert read_request("fit", ["--resume", "--lr", "1"]).ckpt_path == "last"
    assert read_request("fit", ["--resume", "best", "--lr", "1"]).ckpt_path == "best"
    assert read_request("fit", ["--resume=a.ckpt"]).ckpt_path == "a.ckpt"
    assert read_request("fit", ["--ckpt-path", "b.ckpt"]).ckpt_path == "b.ckpt"


def test_configs_are_found_in_the_folder_configs_and_by_the_last_part_of_their_name() -> None:
    for name in ("mnist_mlp", "mnist_mlp.yaml", "recipes/mnist_mlp"):
        assert "MLP" in read_request("fit", ["--config", name]).network
    Path("configs").mkdir()
    Path("configs/mine.yaml").write_text("model: {lr: 0.125}\n")
    for name in ("mine", "mine.yaml", "configs/mine.yaml"):
        assert read_request("fit", ["--config", name]).config == {"model": {"lr": 0.125}}


@pytest.mark.parametrize("flag", ["--model", "--trainer.callbacks", "--network"])
def test_files_that_other_flags_name_are_read_as_carefully(flag: str) -> None:
    Path("bomb.yaml").write_text("a: &a [*a]\n")
    with pytest.raises(UsageError, match=rf"{'--model.network' if flag == '--network' else flag} bomb.yaml cannot be"):
        read_request("fit", [flag, "bomb.yaml"])
    Path("good.yaml").write_text("{x: 1}\n")
    assert "{x: 1}\n" in " ".join(read_request("fit", [flag, "good.yaml"]).flags)


@pytest.mark.parametrize("text", ["ckpt_path: {a: 1}", "ckpt_path: 3", "trainer: {default_root_dir: [1]}"])
def test_a_path_in_a_config_is_a_text(text: str) -> None:
    Path("some.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"(--ckpt_path|--trainer.default_root_dir) .*: a text is needed"):
        read_request("fit", ["--config", "some.yaml"])


def test_a_part_of_a_config_without_settings_is_none() -> None:
    Path("some.yaml").write_text("data:\n#  batch_size: 64\nmodel:\n  lr: 0.5\n")
    assert read_request("fit", ["--config", "some.yaml"]).config == {"model": {"lr": 0.5}}
