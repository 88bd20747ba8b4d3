import json
import os
import shlex
from pathlib import Path

import pytest

from mnist_cnn.cli import known_flags
from mnist_cnn.cli.arguments import Request, read_request
from mnist_cnn.cli.known_flags import KnownFlags
from mnist_cnn.cli.training import TrainingSettings
from mnist_cnn.errors import UserError
from tests.support.commands import ROOT, Cli, run_program

ANSWER = "import sys; from mnist_cnn.cli.main import main; print(main(sys.argv[1:]), 'torch' in sys.modules)"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KnownFlags:
    """What the parser of `fit` knows, kept in a cache of the test's own."""
    monkeypatch.setenv("MNIST_CNN_CACHE", str(tmp_path / "cache"))
    assert KnownFlags.read("fit") is None
    TrainingSettings(Request("fit", flags=("--data.dataset", "synthetic")))
    found = KnownFlags.read("fit")
    assert found is not None
    return found


MISTAKES = {
    "--model.lrr 1": "unknown flag --model.lrr; did you mean --model.lr?",
    "--rotation 5": "unknown flag --rotation; did you mean --data.rotation?",
    "--lr=abc": "--model.lr abc: a number is needed",
    "--epochs 1.5": "--trainer.max_epochs 1.5: a whole number is needed",
    "--model.nesterov maybe": "--model.nesterov maybe: true or false is needed",
    "--data.batch_size null": "--data.batch_size null: a whole number is needed",
    "--model.network.dropot 0.1": "did you mean --model.network.dropout?",
    "--network MLP --model.network.channels [8]": "MLP has no such setting, but hidden_units",
    "--config '{modl: {lr: 1}}'": "unknown setting modl in a config; did you mean --model?",
    "--config '{model: {lrr: 1}}'": "unknown setting model.lrr in a config; did you mean --model.lr?",
    "--config '{model: {lr: abc}}'": "--model.lr abc: a number is needed",
    "--config '{trainer: {max_epochs: -3}}'": "--trainer.max_epochs -3: at least 0",
    "--device cpu --trainer.devices 99999": "--trainer.devices 99999: on a CPU give a number",
}


@pytest.mark.parametrize("arguments", list(MISTAKES))
def test_mistakes_are_found_before_the_parser_is_built(known: KnownFlags, arguments: str) -> None:
    with pytest.raises(UserError) as raised:
        known.check(read_request("fit", shlex.split(arguments)))
    assert MISTAKES[arguments] in str(raised.value)


@pytest.mark.parametrize(
    "arguments",
    [
        "--epochs -1 --lr 1e-3 --batch-size=7 --l2 .5 --network CNN --dropout 0.1 --device cpu",
        "--trainer.callbacks=EarlyStopping --trainer.callbacks.monitor val/loss --trainer.callbacks.patience=3",
        "--trainer.callbacks+=Timer --trainer.devices+=1 --trainer.logger.help CSVLogger --print_config=skip_unset",
        "--network my_networks.Mine --model.network.anything 3 --model.network.init_args.more [1]",
        "--model.network.class_path MLP --model.network.init_args.hidden_units [8] --model.network.hidden_units+ 8",
        "--model {} --data '{batch_size: 3}' --trainer.max_time null --data.train_size null --data.seed 3",
        "--ckpt_path last --model.network.hidden_units [8] --seed 3 --data.data_dir -- --trainer.max_time 00:00:01:00",
        "--config base --config recipes/fashion_vgg16 -c mnist_mlp.yaml --model.lr --trainer.precision 16-true",
        "--config '{seed_everything: 3, ckpt_path: last, trainer: {callbacks: [{class_path: x.Y}]}}'",
    ],
)
def test_nothing_right_is_refused_and_what_is_unsure_is_left_to_the_parser(known: KnownFlags, arguments: str) -> None:
    known.check(read_request("fit", shlex.split(arguments)))


def test_every_config_of_the_package_is_right(known: KnownFlags) -> None:
    for config in sorted((ROOT / "configs").rglob("*.yaml")):
        known.check(read_request("fit", ["--config", str(config)]))


def test_a_mistyped_flag_is_answered_without_importing_torch(known: KnownFlags) -> None:
    done = run_program(ANSWER, "fit", "--model.lrr", "1")
    assert done.stdout.split() == ["2", "False"]
    assert done.stderr.startswith("mnist-cnn: error: unknown flag --model.lrr")


def test_what_cannot_be_read_is_as_if_it_were_not_there(known: KnownFlags, cli: Cli) -> None:
    (place,) = Path(os.environ["MNIST_CNN_CACHE"]).iterdir()
    for content in (b"", b"{", b"[]", b"\xff", b'{"kinds": 3}', json.dumps({"kinds": {"--x": ""}}).encode()):
        place.write_bytes(content)
        assert KnownFlags.read("fit") is None
    status, _, err = cli("fit", "--model.lrr", "1")
    assert (status, "did you mean --model.lr?" in err) == (2, True)


def test_a_cache_that_cannot_be_written_is_no_mistake(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("MNIST_CNN_CACHE", "file/below")
    assert cli("fit", "--print_config")[0] == 0


def test_a_changed_package_or_library_has_a_key_of_its_own(known: KnownFlags, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path("package")
    package.mkdir()
    (package / "one.py").write_text("a = 1")
    monkeypatch.setattr(known_flags, "PACKAGE", package)
    assert KnownFlags.read("fit") is None
    known.keep("fit")
    assert KnownFlags.read("fit") == known
    (package / "one.py").write_text("a = 12")
    assert KnownFlags.read("fit") is None
    known.keep("fit")
    monkeypatch.setattr(known_flags, "version", lambda library: "of another kind")
    assert KnownFlags.read("fit") is None


def test_without_a_home_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("MNIST_CNN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(known_flags.Path, "home", no_home)
    assert KnownFlags.read("fit") is None
    TrainingSettings(Request("fit", flags=("--data.dataset", "synthetic")))
