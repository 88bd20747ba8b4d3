import pytest

from tests.support.commands import Cli


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "--trainer.callbacks=EarlyStoping",
            "callbacks EarlyStoping: there is no such callback; did you mean EarlyStopping?",
        ),
        ("--trainer.callbacks.patience 3", "callbacks.patience: name the class first, by --trainer.callbacks NAME"),
        (
            "--trainer.callbacks=Timer --trainer.callbacks.intervall 3",
            "intervall: Timer has no such setting, but duration,",
        ),
        ("--trainer.callbacks=Timer --trainer.callbacks.verbose 3", "--trainer.callbacks.verbose 3: true or false is"),
        ("--trainer.callbacks=ModelCheckpoint.x", "--trainer.callbacks ModelCheckpoint.x: No module named"),
        ("--trainer.logger CSVLoger", "--trainer.logger CSVLoger: there is no such logger; did you mean CSVLogger?"),
        ("--network MLP --model.network.channels [8]", "channels: MLP has no such setting, but hidden_units, "),
        ("--network MLP --model.network.hiden_units [8]", "did you mean --model.network.hidden_units?"),
        ("--network MiniVG", "--model.network MiniVG: there is no such network; did you mean MiniVGG?"),
        ("--model.network.channels.x 3", "--model.network.channels.x: channels is a value, not settings"),
        ("--model.lr null", "--model.lr null: a number is needed"),
        ("--model.lr.x 3", "unknown flag --model.lr.x; did you mean --model.lr?"),
        ("--trainer 3", "--trainer 3: settings are needed, such as '{name: value}', or a file of them"),
        ("--trainer.deterministic x", "--trainer.deterministic x: choose one of true, false, warn"),
        ("--lr", "--model.lr: a value is needed"),
    ],
)
def test_the_parsers_mistakes_name_flag_value_and_way_out(cli: Cli, arguments: str, expected: str) -> None:
    status, out, err = cli("fit", *arguments.split())
    assert (status, out) == (2, "")
    assert expected in " ".join(err.split())
