"""Odd command lines: mistyped commands and flags, values that cannot be, and configs from anywhere."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from mnist_cnn.cli.commands import COMMANDS
from mnist_cnn.shipped import find_config

# What runs in spite of all ends after a batch of drawn digits.
SHORT = [
    *("--data.dataset", "synthetic", "--data.train_size", "600", "--data.val_size", "100", "--batch-size", "50"),
    *("--trainer.fast_dev_run", "1", "--device", "cpu", "--trainer.enable_progress_bar", "false"),
]
NUMBERS = [
    *("--model.lr", "--model.weight_decay", "--model.momentum", "--model.warmup", "--model.step_factor", "--dropout"),
    *("--model.label_smoothing", "--model.ema_decay", "--model.backbone_lr_factor", "--data.rotation", "--data.shift"),
    *("--data.scale", "--data.flip", "--data.erasing", "--data.elastic", "--pictures.largest_share", "--lr", "--l2"),
    *("--trainer.gradient_clip_val", "--trainer.limit_train_batches", "--trainer.val_check_interval"),
    *("--trainer.overfit_batches", "--trainer.limit_val_batches"),
]
WHOLE = [
    *("--epochs", "--model.freeze_epochs", "--model.step_epochs", "--data.split_seed", "--seed_everything"),
    *("--trainer.max_steps", "--trainer.min_epochs", "--trainer.min_steps", "--trainer.num_sanity_val_steps"),
    *("--trainer.log_every_n_steps", "--trainer.accumulate_grad_batches", "--trainer.check_val_every_n_epoch"),
    *("--trainer.devices", "--trainer.num_nodes", "--trainer.reload_dataloaders_every_n_epochs", "--pictures.times"),
    *("--checkpoint.every_n_train_steps", "--data.batch_size", "--data.eval_batch_size", "--batch_size", "--seed"),
]
NAMES = [
    *("--model.optimizer", "--model.schedule", "--data.dataset", "--data.stand_in", "--network", "--model.network"),
    *("--trainer.precision", "--trainer.accelerator", "--trainer.strategy", "--trainer.logger", "--trainer.callbacks"),
    *("--trainer.profiler", "--trainer.plugins", "--trainer.gradient_clip_algorithm", "--trainer.deterministic"),
    *("--device", "--trainer.max_time", "--model.network.channels", "--trainer.benchmark", "--model.nesterov"),
]
GROUPS = ["--model", "--data", "--trainer", "--checkpoint", "--pictures"]
# None of these is a value that any flag above can be given and that runs for long.
ODD = [
    *(
        "nan",
        ".nan",
        "-.inf",
        "-1",
        "-7",
        "1e400",
        "9" * 5000,
        "0x" + "f" * 5000,
        "1.5.5",
        "abc",
        "null",
        "[",
        "{",
        "]",
    ),
    *("[]", "{}", "[[[[", "{a: {b: 1}}", "&a [*a]", "*a", "!!python/object/apply:os.system ['touch ran']", "!x y"),
    *(
        " ",
        "-",
        "--",
        "'",
        '"',
        "\\",
        "$HOME",
        "${model.lr}",
        "%s%n",
        "../../..",
        "a b",
        "\u00e4\u03bb\u2603",
        "\x1b[31m",
    ),
    *(
        "\ud800",
        "os.system",
        "torch.nn.Linear",
        "no.such.module",
        "mnist_cnn.cli.main.main",
        ".",
        "..",
        "a" * 4000,
        "\t",
    ),
    *(
        "[" * 3000,
        "- " * 3000,
        "a: " * 100,
        "? x",
        "yes: no",
        "@",
        "`",
        "0/0",
        "1,2",
        "(1, 2)",
        "1e",
        "--lr",
        "=",
        "\n",
    ),
]
VALUES = [
    "abc",
    "-1",
    "[1, 2]",
    "{a: 1}",
    "null",
    "'9'",
    "1e99",
    "true",
    "[[]]",
    "~",
    "!!binary aGk=",
    "9" * 5000,
    "''",
]


def cases(count: int, seed: int, folder: Path) -> Iterator[list[str]]:
    """Arguments that each are to end with status 0, 1 or 2 and a few lines at most.

    Args:
        count: How many.
        seed: Of the choice; the same one gives the same cases.
        folder: Where configs and other files are written; it exists.
    """
    choice = random.Random(seed)
    kinds = [_mistyped_command, _mistyped_flag, _odd_value, _odd_value, _odd_group, _odd_config, _odd_config, _mixed]
    for number in range(count):
        place = folder / f"case-{number}"
        place.mkdir(exist_ok=True)
        yield kinds[number % len(kinds)](choice, place)


def _mistyped(choice: random.Random, word: str) -> str:
    """A word with one or two slips of the finger."""
    for _ in range(choice.randint(1, 2)):
        at = choice.randrange(len(word) + 1)
        slips = [word[:at] + word[at + 1 :], word[:at] + choice.choice("abcdefxyz_-.=") + word[at:], word[::-1]]
        word = choice.choice([*slips, word[:at] + word[at:].upper(), word.replace("_", "-", 1)])
    return word


def _mistyped_command(choice: random.Random, place: Path) -> list[str]:
    words = [*(_mistyped(choice, name) for name in COMMANDS), *ODD, "", "evaluate", "eval", "val", "help", "-V"]
    rest = choice.choice([[], ["--help"], ["--config", "base"], ["--lr", "1"]])
    word = choice.choice(words)
    return ["--print_completion", word] if choice.random() < 0.1 else ["x" + word if word in COMMANDS else word, *rest]


def _mistyped_flag(choice: random.Random, place: Path) -> list[str]:
    flag = _mistyped(choice, choice.choice([*NUMBERS, *WHOLE, *NAMES, *GROUPS]))
    command = choice.choice(["fit", "fit", "fit", "validate", "test", "predict", "export", "figures", "networks"])
    return [command, *(SHORT if command == "fit" else []), flag, *choice.choice([[], ["1"], ["x"], ["[1]"]])]


def _odd_value(choice: random.Random, place: Path) -> list[str]:
    flag, value = choice.choice([*NUMBERS, *WHOLE, *NAMES]), choice.choice(ODD)
    return ["fit", *SHORT, *([f"{flag}={value}"] if choice.random() < 0.5 else [flag, value])]


def _odd_group(choice: random.Random, place: Path) -> list[str]:
    flag = choice.choice(GROUPS)
    if choice.random() < 0.3:
        return ["fit", *SHORT, flag, choice.choice(ODD)]
    if choice.random() < 0.5:
        return ["fit", *SHORT, flag, str(_config(choice, place))]
    names = ["lr", "lrr", "network", "batch_size", "callbacks", "class_path", "init_args", "", "0", "a.b", "max_epochs"]
    return ["fit", *SHORT, flag, f"{{{choice.choice(names)!r}: {choice.choice(VALUES)}}}"]


def _odd_config(choice: random.Random, place: Path) -> list[str]:
    command = choice.choice(["fit", "fit", "fit", "validate", "test"])
    return [command, "--config", str(_config(choice, place)), *(SHORT if command == "fit" else [])]


def _mixed(choice: random.Random, place: Path) -> list[str]:
    """Several oddities at once, in any order."""
    parts = [*SHORT]
    for kind in choice.sample([_mistyped_flag, _odd_value, _odd_group, _odd_config], 2):
        parts += [argument for argument in kind(choice, place)[1:] if argument not in SHORT]
    return ["fit", *parts]


def _config(choice: random.Random, place: Path) -> Path:
    """Something that is given as a config."""
    path = place / choice.choice(["some.yaml", "some.yml", "two words.yaml", "some", "\u00e4.yaml", "it's.yaml"])
    makers: list[Callable[[random.Random, Path], None]] = [_text, _text, _text, _damaged, _damaged, _damaged, _wrong]
    choice.choice([*makers, _wrong, _wrong, _no_file, _bytes, _parts])(choice, path)
    return path


def _text(choice: random.Random, path: Path) -> None:
    """YAML that would cost time or memory, or run code."""
    tenfold = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    texts = [
        "a0: &a0 [x, x]\n" + tenfold,
        "a: &a [*a]\n",
        "model: &m\n  network: *m\n",
        "model: {<<: &x {lr: 1}, <<: *x}\n",
        *(f"{opening * 3000}" for opening in ("[", "{", "- ", "{a: ", "? ", "a:\n ")),
        "model: " + "{a: " * 40 + "1" + "}" * 40,
        *(
            f"model:\n  lr: {number}\n"
            for number in ("9" * 5000, "0x" + "f" * 5000, "1" + "_1" * 5000, "1:" * 2000 + "1")
        ),
        *(
            f"model:\n  lr: !!python/{tag}\n"
            for tag in ("object/apply:os.system ['touch ran']", "name:os.system", "tuple [1]")
        ),
        "model:\n  lr: ${trainer.max_epochs}\n",
        "model:\n  lr: 1\n  lr: 2\n",
        "#" * 400_000,
        "a: " + "b" * 400_000,
        "\n".join(f"k{number}: 1" for number in range(30_000)),
        *(
            "",
            "\n",
            "null",
            "3",
            "- 1",
            "just words",
            "%YAML 9.9\n---\na: 1\n",
            "---\na: 1\n---\nb: 2\n",
            "\t",
            "a: \x01",
        ),
    ]
    path.write_text(choice.choice(texts), encoding="utf-8")


def _damaged(choice: random.Random, path: Path) -> None:
    """A config of the package with some of its bytes changed, missing or twice."""
    name = choice.choice(["base", "fast", "recipes/mnist_mlp", "recipes/mnist_cnn_gap", "recipes/fashion_cnn"])
    content = bytearray(find_config(name).read_bytes())
    for _ in range(choice.randint(1, 6)):
        at = choice.randrange(len(content))
        if choice.random() < 0.5:
            content[at] = choice.randrange(256)
        elif choice.random() < 0.5:
            del content[at : at + choice.randint(1, 30)]
        else:
            content[at:at] = content[at : at + choice.randint(1, 30)]
    path.write_bytes(bytes(content))


def _wrong(choice: random.Random, path: Path) -> None:
    """Values of another kind than the settings have."""
    settings = [
        "model",
        "data",
        "trainer",
        "pictures",
        "checkpoint",
        "seed_everything",
        "ckpt_path",
        "modl",
        "0",
        "config",
    ]
    inner = [
        "lr",
        "network",
        "class_path",
        "init_args",
        "callbacks",
        "logger",
        "max_epochs",
        "devices",
        "rotation",
        "x",
    ]
    outer, name, value = choice.choice(settings), choice.choice(inner), choice.choice(VALUES)
    texts = [f"{outer}: {value}\n", f"{outer}: {{{name}: {value}}}\n", f"{outer}: {{{name}: {{{name}: {value}}}}}\n"]
    path.write_text(choice.choice(texts), encoding=choice.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))


def _no_file(choice: random.Random, path: Path) -> None:
    """Nothing, a folder, a pipe that nobody writes to, a link to itself, or a device."""
    kind = choice.randrange(5)
    if kind == 1:
        path.mkdir(exist_ok=True)
    elif kind == 2 and hasattr(os, "mkfifo") and not path.exists():
        os.mkfifo(path)
    elif kind > 2 and not path.is_symlink() and not path.exists():
        path.symlink_to(path if kind == 3 else choice.choice(["/dev/zero", "/dev/null", "/dev/full", "/"]))


def _bytes(choice: random.Random, path: Path) -> None:
    beginning = choice.choice([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"PK\x03\x04", b"\x89PNG\r\n", b"a: "])
    path.write_bytes(beginning + choice.randbytes(choice.choice([0, 1, 7, 1000, 400_000])))


def _parts(choice: random.Random, path: Path) -> None:
    """Configs that name others beside them, themselves among them."""
    (path.parent / "part.yaml").write_text("model: part.yaml\n" if choice.random() < 0.5 else "lr: abc\n")
    many = "".join(f"k{number}: part.yaml\n" for number in range(60))
    path.write_text(choice.choice([f"model: {path.name}\n", "model: part.yaml\n", many, "data: part.yaml\n"]))
