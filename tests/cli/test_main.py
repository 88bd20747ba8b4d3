import json
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_cnn import __version__
from mnist_cnn.cli.commands import COMMANDS, SHORT_FLAGS
from mnist_cnn.cli.main import main
from mnist_cnn.data.published import PublishedDataset
from mnist_cnn.networks import build_network
from mnist_cnn.training.trainer import suitable_precision
from tests.support.checkpoints import contents_of
from tests.support.commands import ROOT, TINY_DATA, TINY_RUN, Cli, run_program
from tests.support.datasets import published_dataset, write_dataset


def config_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    """The settings that `fit` would run with."""
    status, out, _ = cli("fit", *arguments, "--print_config")
    assert status == 0
    return yaml.safe_load(out)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fti"], []])
def test_answers_without_importing_torch(arguments: list[str]) -> None:
    program = (
        "import sys; from mnist_cnn.cli.main import main; main(sys.argv[1:]); "
        "sys.exit(sorted({'torch', 'numpy', 'yaml', 'pytorch_lightning'} & set(sys.modules)) or 0)"
    )
    assert run_program(program, *arguments).returncode == 0


def test_top_level_help_lists_every_command_and_short_flag(cli: Cli) -> None:
    status, out, _ = cli("--help")
    assert status == 0
    assert all(word in out for word in [*COMMANDS, *SHORT_FLAGS])


def test_help_of_a_command_lists_all_settings_and_the_short_flags(cli: Cli) -> None:
    status, out, _ = cli("fit", "--help")
    assert status == 0
    named = [
        "--model.lr",
        "--data.rotation",
        "--trainer.accelerator",
        "--checkpoint.every_n_train_steps",
        "--ckpt_path",
    ]
    assert all(word in out for word in [*named, *SHORT_FLAGS])


@pytest.mark.parametrize("command", ["validate", "test"])
def test_help_needs_no_run(cli: Cli, command: str) -> None:
    status, out, _ = cli(command, "--help")
    assert status == 0
    assert f"usage: mnist-cnn {command}" in out


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"mnist-cnn {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["fti"], 2, "there is no command 'fti'; did you mean 'fit'?"),
        (["fit", "--model.lrr", "1"], 2, "unknown flag --model.lrr; did you mean --model.lr?"),
        (["fit", "--epoch", "1"], 2, "unknown flag --epoch; did you mean --epochs?"),
        (["fit", "--model.network.dropot", "1"], 2, "did you mean --model.network.dropout?"),
        (["fit", "--lr", "abc"], 2, "--model.lr abc: a number is needed"),
        (["fit", "--epochs", "1.5"], 2, "--trainer.max_epochs 1.5: a whole number is needed"),
        (["fit", "--model.optimizer", "sdg"], 2, "--model.optimizer sdg: choose one of adamw, adam, sgd"),
        (
            ["fit", "--data.dataset", "minst"],
            2,
            "--data.dataset: data set 'minst' is not known, and no file or folder has that path",
        ),
        (["fit", "--device", "tpuu"], 2, "--device tpuu: choose one of cpu, gpu, cuda, mps, auto"),
        (["fit", "--network", "Foo"], 2, "--model.network Foo: there is no such network; choose one of CNN"),
        (["fit", "--data.seed", "1"], 2, "--data.seed is set by --seed_everything"),
        (["fit", "--config", "none.yaml"], 2, "none.yaml: there is no such file"),
        (["fit", "--dropout", "1.5"], 1, "dropout=1.5: a probability of at least 0 and below 1 is needed"),
        (["fit", "--lr", "-1"], 1, "lr=-1.0: a number of at least 0 is needed"),
        (["fit", *TINY_DATA, "--num-classes", "7"], 1, "set --model.network.num_classes 10"),
        (["fit", "--ckpt_path", "none.ckpt"], 1, "--ckpt_path none.ckpt: no such file"),
        (["fit", *TINY_DATA, "--seed_everything", "-1"], 2, "--seed_everything -1: a whole number from 0 to"),
        (["fit", *TINY_DATA, "--seed_everything", "true"], 2, "--seed_everything true: a whole number"),
        (["fit", *TINY_DATA, "--epochs", "-5"], 1, "--trainer.max_epochs -5: at least 0 is needed"),
        (["fit", *TINY_DATA, "--model.network.channels", "8,16"], 2, "a list is needed, such as '[8, 16, 32]'"),
        (["fit", *TINY_DATA, "--trainer.devices", "0"], 1, "--trainer.devices 0: a positive number"),
        (["fit", "configs/base.yaml"], 2, "write --config configs/base.yaml"),
        (["fit", "-c", "/"], 2, "--config /: that is a folder"),
        (["--epochs", "1"], 2, "put one of fit, validate"),
        (["datasets", "--dta"], 2, "unrecognized arguments: --dta"),
        (["networks", "CNN"], 2, "unrecognized arguments: CNN"),
        (
            ["fit", *TINY_DATA, "--num-classes", "9", "--device", "cpu"],
            1,
            "num_classes=9, but synthetic has 10 classes",
        ),
        (["fit", "--ckpt_path", "last"], 1, "there is no run in lightning_logs yet"),
        (["test"], 1, "there is no run in lightning_logs yet, so no best.ckpt"),
        (["validate", "--ckpt_path", "best"], 1, "there is no run in lightning_logs yet"),
    ],
)
def test_mistakes_are_one_or_two_lines_that_help(cli: Cli, arguments: list[str], status: int, expected: str) -> None:
    found, out, err = cli(*arguments)
    assert (found, out) == (status, "")
    assert expected in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2
    assert not Path("lightning_logs").exists(), "a run that never began leaves no directory"


@pytest.mark.parametrize(("text", "expected"), [("lr: [1", "broken.yaml is no valid YAML"), ("modl: 1", "modl")])
def test_mistakes_in_configs_are_explained(cli: Cli, text: str, expected: str) -> None:
    Path("broken.yaml").write_text(text)
    status, _, err = cli("fit", "--config", "broken.yaml")
    assert status == 2
    assert expected in err
    assert len(err.strip().splitlines()) <= 2


def test_short_flags_reach_their_settings(cli: Cli) -> None:
    flags = "--epochs 3 --batch-size 7 --lr 0.5 --l2 0.25 --dropout 0.125 --num-classes 5 --network CNN --device cuda"
    config = config_of(cli, *flags.split())
    network = config["model"]["network"]
    assert network["class_path"] == "mnist_cnn.networks.CNN"
    assert (network["init_args"]["dropout"], network["init_args"]["num_classes"]) == (0.125, 5)
    assert (config["model"]["lr"], config["model"]["weight_decay"]) == (0.5, 0.25)
    assert (config["trainer"]["max_epochs"], config["trainer"]["accelerator"]) == (3, "gpu")
    assert config["data"]["batch_size"] == 7


def test_base_config_is_valid_and_names_a_stand_in(cli: Cli) -> None:
    config = config_of(cli, "--config", str(ROOT / "configs" / "base.yaml"))
    assert config["data"]["stand_in"] == "synthetic"
    assert config["model"]["network"]["init_args"]["batch_norm"] is False
    assert config_of(cli)["data"]["stand_in"] is None, "the code's own default is no stand-in"


def test_fast_config_learns_within_its_few_steps_at_a_suitable_precision(cli: Cli) -> None:
    fast = str(ROOT / "configs" / "fast.yaml")
    small = ["--data.dataset", "synthetic", "--data.train_size", "4000", "--data.val_size", "500", "--batch-size", "64"]
    status, out, err = cli("fit", "--config", fast, *small, "--device", "cpu", "--trainer.enable_progress_bar", "false")
    assert status == 0, err
    assert f"precision {suitable_precision('cpu')}" in out
    checkpoint = contents_of(Path("lightning_logs/version_0/checkpoints/best.ckpt"))
    assert checkpoint["global_step"] == 63
    assert checkpoint["metrics"]["val/accuracy"] > 0.95


def test_a_single_callback_may_be_given_without_a_list(cli: Cli) -> None:
    assert cli("fit", *TINY_RUN, "--trainer.callbacks=pytorch_lightning.callbacks.ModelSummary")[0] == 0
    assert (Path("lightning_logs/version_0/checkpoints") / "best.ckpt").exists()


def test_compiling_is_a_choice_that_leaves_no_trace_in_checkpoints(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []
    training: list[bool] = []

    def compiled(forward: Any, mode: str) -> Any:
        def run(images: torch.Tensor) -> torch.Tensor:
            training.append(forward.__self__.training)
            return forward(images)

        modes.append(mode)
        return run

    monkeypatch.setattr(torch, "compile", compiled)
    assert cli("fit", *TINY_RUN)[0] == 0
    assert modes == []
    assert cli("fit", *TINY_RUN, "--model.compile_mode", "reduce-overhead")[0] == 0
    assert modes == ["reduce-overhead"]
    assert training == [True] * 12, "6 steps an epoch, and no validation"
    runs = [Path("lightning_logs") / name / "checkpoints" / "last.ckpt" for name in ("version_0", "version_1")]
    plain, other = (contents_of(path)["state_dict"] for path in runs)
    assert plain.keys() == other.keys()
    assert all(torch.equal(plain[name], other[name]) for name in plain)
    assert cli("test")[0] == 0


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny run, made once: the folder that holds lightning_logs."""
    root = tmp_path_factory.mktemp("run")
    from mnist_cnn.cli.main import main

    settings = ["--lr", "0.02", "--dropout", "0.05", "--seed_everything", "5", "--model.weight_decay", "0.03"]
    logging = ["--trainer.log_every_n_steps", "2"]
    assert main(["fit", *TINY_RUN, *settings, *logging, "--trainer.default_root_dir", str(root)]) == 0
    return root


@pytest.fixture
def run(shared_run: Path, tmp_path: Path) -> Path:
    """A copy of the run in the working directory: its directory."""
    shutil.copytree(shared_run / "lightning_logs", tmp_path / "lightning_logs")
    return Path("lightning_logs/version_0")


def test_a_run_leaves_config_curves_and_checkpoints(run: Path) -> None:
    assert {"config.yaml", "metrics.csv", "checkpoints", "hparams.yaml"} <= {path.name for path in run.iterdir()}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["seed_everything"], config["model"]["lr"], config["data"]["train_size"]) == (5, 0.02, 600)

    events = EventAccumulator(str(run))
    events.Reload()
    scalars = events.Tags()["scalars"]
    curves = ["train/loss", "train/loss_step", "train/accuracy", "val/loss", "val/accuracy", "val_class/3"]
    assert {*curves, "train/lr"} <= set(scalars)
    assert events.Tags()["graph"]
    assert [event.step for event in events.Scalars("val/accuracy")] == [6, 12]
    assert [event.step for event in events.Scalars("train/loss_step")] == [2, 4, 6, 8, 10, 12]
    plugin = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    assert b"val/accuracy" in plugin
    assert b"network.init_args.dropout" in plugin

    header, *rows = (run / "metrics.csv").read_text().splitlines()
    assert {*curves, "lr"} <= set(header.split(","))
    values = [row.split(",") for row in rows]
    column = header.split(",").index("val/accuracy")
    from_csv = [float(value[column]) for value in values if value[column]]
    assert from_csv == pytest.approx([event.value for event in events.Scalars("val/accuracy")])


def test_the_learning_rate_curve_is_the_schedules(run: Path) -> None:
    events = EventAccumulator(str(run))
    events.Reload()
    rates = [event.value for event in events.Scalars("train/lr")]
    assert max(rates) <= 0.02
    assert rates[-1] == pytest.approx(0.02 / 25 / 10_000)


def test_best_is_the_epoch_with_the_lowest_validation_loss(run: Path) -> None:
    events = EventAccumulator(str(run))
    events.Reload()
    losses = [event.value for event in events.Scalars("val/loss")]
    best = contents_of(run / "checkpoints" / "best.ckpt")
    assert best["metrics"]["val/loss"] == pytest.approx(min(losses))
    assert contents_of(run / "checkpoints" / "last.ckpt")["epoch"] == 1


def test_fit_prints_what_comes_next_and_the_commands_work(cli: Cli) -> None:
    status, out, err = cli("fit", *TINY_RUN)
    assert status == 0
    assert "Traceback" not in err
    assert "tensorboard --logdir lightning_logs" in out
    commands = [line.split(maxsplit=1)[1] for line in out.splitlines() if " mnist-cnn " in line]
    assert len(commands) == 2
    for command in commands:
        assert cli(*command.split()[1:])[0] == 0


def test_test_writes_its_result_with_data_checkpoint_and_versions(cli: Cli, run: Path) -> None:
    status, out, _ = cli("test", "--device", "cpu")
    assert status == 0
    result = json.loads((run / "test.json").read_text())
    assert result["dataset"] == "synthetic"
    assert result["images"] == 10_000
    assert result["checkpoint"].endswith("best.ckpt")
    assert result["versions"]["torch"] == torch.__version__
    assert set(result["metrics"]) >= {"test/loss", "test/accuracy", "test/f1_macro", "test/calibration_error"}
    assert f"{result['metrics']['test/accuracy']:.4f}" in out
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"], "testing is no run"


def test_validate_repeats_the_checkpoints_validation_metrics(cli: Cli, run: Path) -> None:
    for which in ("best", "last", str(run / "checkpoints" / "best.ckpt")):
        status, out, _ = cli("validate", "--ckpt_path", which, "--device", "cpu")
        assert status == 0
        kept = contents_of(run / "checkpoints" / ("last.ckpt" if which == "last" else "best.ckpt"))["metrics"]
        assert (
            f"val/loss {kept['val/loss']:21.4f}".split() == next(x for x in out.splitlines() if "val/loss" in x).split()
        )


def test_precedence_is_flag_then_config_then_checkpoint_then_default(cli: Cli, run: Path) -> None:
    Path("over.yaml").write_text("model:\n  weight_decay: 0.5\n  network:\n    init_args:\n      dropout: 0.5\n")
    checkpoint = ["--ckpt_path", str(run / "checkpoints" / "last.ckpt")]
    config = config_of(cli, "--config", "over.yaml", "--dropout", "0.25", *checkpoint)
    assert config["model"]["network"]["init_args"]["dropout"] == 0.25  # flag over config and checkpoint
    assert config["model"]["weight_decay"] == 0.5  # config over checkpoint
    assert config["model"]["lr"] == 0.02  # checkpoint over default
    assert config["model"]["network"]["init_args"]["channels"] == [4, 8, 8]
    assert config["data"]["train_size"] == 600
    assert config["seed_everything"] == 5
    assert config["model"]["label_smoothing"] == 0.0  # default
    assert config["trainer"]["max_epochs"] == 2  # of the run that is gone on with


def test_a_flag_beats_a_config_wherever_it_stands(cli: Cli) -> None:
    Path("some.yaml").write_text("model:\n  lr: 0.5\n")
    Path("other.yaml").write_text("model:\n  lr: 0.25\n  weight_decay: 0.125\n")
    config = config_of(cli, "--lr", "0.75", "--config", "some.yaml", "--config=other.yaml")
    assert (config["model"]["lr"], config["model"]["weight_decay"]) == (0.75, 0.125)
    assert config_of(cli, "-c", "other.yaml", "--config", "some.yaml")["model"]["lr"] == 0.5, "the later config"


def test_another_network_starts_from_its_own_defaults(cli: Cli, run: Path) -> None:
    other = "tests.support.networks.Other"
    checkpoint = ["--ckpt_path", str(run / "checkpoints" / "last.ckpt")]
    Path("cnn.yaml").write_text("model:\n  network:\n    class_path: CNN\n    init_args: {dropout: 0.5}\n")
    for arguments in (["--config", "cnn.yaml"], checkpoint):
        network = config_of(cli, *arguments, "--network", other)["model"]["network"]
        assert network == {"class_path": other, "init_args": {"dropout": 0.77, "num_classes": 10}}
        network = config_of(cli, *arguments, "--network", other, "--dropout", "0.1")["model"]["network"]
        assert network["init_args"]["dropout"] == 0.1
    assert config_of(cli, "--config", "cnn.yaml", "--network", "CNN")["model"]["network"]["init_args"]["dropout"] == 0.5


def test_the_program_finds_a_network_in_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("of_the_user.py").write_text("from mnist_cnn.networks import CNN\n\n\nclass Mine(CNN):\n    pass\n")
    # The path of a console script, which does not begin with the working folder as that of `python -m` does.
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])

    def run(*arguments: str) -> str:
        sys.modules.pop("of_the_user", None)
        monkeypatch.setattr(sys, "argv", ["mnist-cnn", *arguments])
        assert main() == 0
        return capfd.readouterr().out

    try:
        out = run("fit", *TINY_RUN, "--network", "of_the_user.Mine")
        assert "Network  Mine" in out
        # The commands that it prints work as they stand, from a config in another folder too.
        commands = {line.split()[0]: shlex.split(line)[1:] for line in out.splitlines() if line.startswith("  ")}
        assert commands["test"][-2:] == ["--network", "of_the_user.Mine"]
        assert "test/accuracy" in run(*commands["test"][1:])
        assert "Resumed  in epoch 3" in run(*commands["longer"][1:-1], "3")
    finally:
        sys.modules.pop("of_the_user", None)


@pytest.mark.parametrize("name", ["Evil", "CNN"])
def test_a_checkpoint_cannot_have_code_imported(cli: Cli, run: Path, name: str) -> None:
    checkpoint = contents_of(run / "checkpoints" / "best.ckpt")
    checkpoint["hyper_parameters"]["network"]["class_path"] = f"tests.support.not_imported.{name}"
    torch.save(checkpoint, "evil.ckpt")
    for arguments in ([], ["--network", "CNN"]):
        status, _, err = cli("test", "--ckpt_path", "evil.ckpt", *arguments)
        assert status == 1
        assert f"tests.support.not_imported.{name}" in err
        assert "tests.support.not_imported" not in sys.modules


def test_another_optimiser_can_take_over(cli: Cli, run: Path) -> None:
    for optimizer in ("sgd", "adam"):
        arguments = ["--ckpt_path", str(run / "checkpoints" / "best.ckpt"), "--epochs", "3"]
        status, _, err = cli("fit", *arguments, "--model.optimizer", optimizer)
        assert status == 0
        assert f"Changed  model.optimizer: adamw -> {optimizer}" in err
    adam = contents_of(Path("lightning_logs/version_2/checkpoints/last.ckpt"))["optimizer_states"][0]
    assert not adam["param_groups"][0].get("decoupled_weight_decay", False)


def test_a_finished_run_says_that_nothing_is_left(cli: Cli, run: Path) -> None:
    status, out, _ = cli("fit", "--ckpt_path", "last")
    assert status == 0
    assert "Nothing was left to train: the checkpoint has 2 epochs behind it" in out


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_other_precisions_train(cli: Cli, precision: str) -> None:
    status, _, err = cli("fit", *TINY_RUN, "--trainer.precision", precision)
    assert status == 0, err
    assert cli("test", "--device", "cpu", "--trainer.precision", precision)[0] == 0


def test_a_limited_test_says_how_many_images_it_saw(cli: Cli, run: Path) -> None:
    arguments = ["--trainer.limit_test_batches", "2", "--data.eval_batch_size", "50", "--device", "cpu"]
    assert cli("test", *arguments)[0] == 0
    assert json.loads((run / "test.json").read_text())["images"] == 100


def test_a_checkpoint_is_found_from_within_its_folder(cli: Cli, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run / "checkpoints")
    assert cli("fit", "--ckpt_path", "last.ckpt", "--epochs", "3")[0] == 0
    assert contents_of(Path("last.ckpt"))["epoch"] == 2
    assert not Path("lightning_logs").exists()


def test_a_checkpoint_alone_is_enough_without_its_run(cli: Cli, run: Path) -> None:
    shutil.copy(run / "checkpoints" / "best.ckpt", "alone.ckpt")
    shutil.rmtree("lightning_logs")
    status, out, _ = cli("validate", "--ckpt_path", "alone.ckpt", "--device", "cpu")
    assert status == 0
    assert "val/accuracy" in out


def test_resuming_a_runs_last_checkpoint_goes_on_in_its_directory(cli: Cli, run: Path) -> None:
    before = (run / "config.yaml").read_text()
    status, out, err = cli("fit", "--ckpt_path", "last", "--epochs", "3", "--l2", "0.01")
    assert status == 0
    assert "Changed  model.weight_decay: 0.03 -> 0.01" in err
    assert err.count("Changed") == 2
    assert "trainer.max_epochs: 2 -> 3" in err
    assert "Resumed  in epoch 3, after 12 steps" in out
    assert contents_of(run / "checkpoints" / "last.ckpt")["global_step"] == 18
    best = contents_of(run / "checkpoints" / "best.ckpt")
    assert best["epoch"] == 2, "the third epoch is the best: its file takes the place of the old one"
    assert (run / "config.yaml").read_text() == before
    assert yaml.safe_load((run / "config-resume-1.yaml").read_text())["trainer"]["max_epochs"] == 3
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]


def test_going_on_from_another_checkpoint_is_a_new_run(cli: Cli, run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    status, _, err = cli("fit", "--ckpt_path", str(run / "checkpoints" / "best.ckpt"), "--epochs", "3")
    assert (status, "warning" in err) == (0, False)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert Path("lightning_logs/version_1/checkpoints/best.ckpt").exists()


def test_checkpoints_that_cannot_be_used_are_explained(cli: Cli, run: Path) -> None:
    good = (run / "checkpoints" / "best.ckpt").read_bytes()
    Path("half.ckpt").write_bytes(good[: len(good) // 2])
    Path("noise.ckpt").write_bytes(b"no checkpoint")
    torch.save({"state_dict": {}}, "other.ckpt")
    torch.save(torch.nn.Linear(1, 1), "pickled.ckpt")
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0xFF
    Path("flipped.ckpt").write_bytes(flipped)
    expected = {
        "flipped.ckpt": "is damaged",
        "half.ckpt": "is damaged or no checkpoint",
        "noise.ckpt": "foreign|damaged",
        "other.ckpt": "is not a checkpoint of mnist-cnn",
        "pickled.ckpt": "holds more than plain values and tensors",
    }
    for name, message in expected.items():
        status, out, err = cli("test", "--ckpt_path", name)
        assert (status, out) == (1, "")
        assert name in err
        assert any(part in err for part in message.split("|"))
        assert len(err.strip().splitlines()) == 1


def test_weights_that_do_not_fit_are_explained(cli: Cli, run: Path) -> None:
    status, _, err = cli("validate", "--model.network.channels", "[4,4,4]", "--device", "cpu")
    assert status == 1
    assert "do not fit the network" in err.splitlines()[-1]


def test_a_run_that_was_stopped_in_its_first_epoch_hides_no_other(cli: Cli, run: Path) -> None:
    shutil.copytree(run, "lightning_logs/version_10")
    Path("lightning_logs/version_10/checkpoints/best.ckpt").unlink()
    status, out, err = cli("validate", "--device", "cpu")
    assert status == 0
    assert "version_10 has no best.ckpt: taking" in err
    assert "Checkpoint  lightning_logs/version_0/checkpoints/best.ckpt" in out


def test_what_comes_with_the_package_is_tested_and_stays_as_it_is(
    cli: Cli, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_cnn.training.run.reference_run", lambda: run.resolve())
    before = sorted(run.rglob("*"))
    status, out, _ = cli("test", "--ckpt_path", "last")
    assert (status, "test/accuracy" in out, "Written" in out) == (0, True, False)
    assert sorted(run.rglob("*")) == before


def test_the_folder_of_a_run_is_gone_on_with_and_evaluated(cli: Cli, run: Path) -> None:
    assert "Checkpoint  lightning_logs/version_0/checkpoints/best.ckpt" in cli("validate", "--ckpt_path", str(run))[1]
    status, out, _ = cli("fit", "--ckpt_path", str(run), "--epochs", "3")
    assert status == 0
    assert "in epoch 3, after 12 steps" in out
    assert [path.name for path in Path("lightning_logs").iterdir()] == ["version_0"]


def test_a_stand_in_run_says_so_everywhere(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {name: (["http://127.0.0.1:9/x"], "0") for files in published_dataset().files.values() for name in files}
    monkeypatch.setattr(PublishedDataset, "published", lambda dataset: nowhere)
    data = ["--data.dataset", "mnist", "--data.stand_in", "synthetic"]
    status, out, err = cli("fit", *TINY_RUN, *data)
    assert status == 0
    notice = "STAND-IN DATA: this run uses synthetic digits, not MNIST"
    assert notice in err  # at the start
    assert notice in out  # at the end
    run = Path("lightning_logs/version_0")
    assert notice in (run / "STAND-IN-DATA.txt").read_text()
    assert notice in (run / "config.yaml").read_text()
    assert yaml.safe_load((run / "hparams.yaml").read_text())["dataset_in_use"] == "synthetic"
    assert contents_of(run / "checkpoints" / "best.ckpt")["provenance"]["stand_in_for"] == "mnist"
    status, out, _ = cli("test", "--device", "cpu")
    assert status == 0
    assert notice in out
    result = json.loads((run / "test.json").read_text())
    assert (result["dataset"], result["stand_in_for"]) == ("synthetic", "mnist")


def test_networks_are_listed_with_parameters_multiply_adds_and_input_size(cli: Cli) -> None:
    status, out, _ = cli("networks")
    assert status == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line[:1].isalpha()}
    # By hand: 784 x 256 + 256 x 10 multiply-adds, and as many parameters with one bias for each unit.
    assert rows["MLP"][1:4] == ["203,530", "203,264", "28x28"]
    # 28x28x(9x16) + 14x14x(9x16x32) + 7x7x(9x32x64) + 576x32 + 32x10
    assert rows["CNN"][1:3] == ["42,090", "1,937,984"]
    assert {"SmallCNN", "MediumCNN", "TwoLayerCNN", "GlobalPoolCNN", "MiniVGG", "ResNet", "VGG16"} <= rows.keys()


def test_data_sets_are_listed_with_sizes_classes_and_presence(cli: Cli, tmp_path: Path) -> None:
    write_dataset(tmp_path / "there", "mnist")
    write_dataset(tmp_path / "there", "fashion_mnist")
    next((tmp_path / "there" / "FashionMNIST" / "raw").glob("t10k-labels*")).unlink()
    status, out, _ = cli("datasets", "--data.data_dir", str(tmp_path / "there"))
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line[:1].isalpha()}
    assert lines["mnist"].split()[1:5] == ["60,000", "10,000", "present", "10:"]
    assert "1 of 4 absent" in lines["fashion_mnist"]
    assert "absent" in lines["kmnist"]
    assert "generated" in lines["synthetic"]
    assert "Ankle boot" in out


@pytest.mark.parametrize("network", ["MLP", "SmallCNN", "GlobalPoolCNN"])
def test_network_flag_switches_the_network_of_any_config(cli: Cli, network: str) -> None:
    recipes = ROOT / "configs" / "recipes"
    for recipe in ("mnist_cnn_dropout", "fashion_cnn", "fashion_vgg16"):
        config = config_of(cli, "--config", str(recipes / f"{recipe}.yaml"), "--network", network)
        assert config["model"]["network"]["class_path"] == f"mnist_cnn.networks.{network}"


def test_every_recipe_is_a_valid_config_with_its_command_in_it(cli: Cli) -> None:
    recipes = sorted((ROOT / "configs" / "recipes").glob("*.yaml"))
    assert len(recipes) >= 12
    for recipe in recipes:
        config = config_of(cli, "--config", str(recipe))
        build_network(config["model"]["network"])
        assert config["data"]["stand_in"] is None
        assert f"mnist-cnn fit --config configs/recipes/{recipe.name}" in recipe.read_text()


def test_printed_commands_can_be_pasted_into_a_shell_from_any_folder(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("two words").mkdir()
    monkeypatch.chdir("two words")
    root = "it's here"
    status, out, _ = cli("fit", *TINY_RUN, "--trainer.default_root_dir", root, "--trainer.max_steps", "3")
    assert status == 0
    command = next(line.split(maxsplit=1)[1] for line in out.splitlines() if line.strip().startswith("longer"))
    _, *arguments = shlex.split(command)
    status, out, err = cli(*arguments)
    assert status == 0, err
    assert "trainer.max_steps: 3 -> -1" in err
    assert "Nothing was left" not in out


def test_nothing_to_train_leaves_no_run_and_names_no_files(cli: Cli) -> None:
    status, out, _ = cli("fit", *TINY_RUN, "--epochs", "0")
    assert status == 0
    assert "Nothing was left to train" in out
    assert "last.ckpt" not in out
    assert not Path("lightning_logs").exists()


def test_signal_handlers_are_given_back(cli: Cli) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert cli("fit", *TINY_RUN)[0] == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_folder_that_cannot_be_written_is_named(cli: Cli) -> None:
    Path("file").write_text("not a folder")
    status, _, err = cli("fit", *TINY_RUN, "--trainer.default_root_dir", "file")
    assert status == 1
    assert "no run can be kept in file" in err
