import shutil
import subprocess
from pathlib import Path

import pytest

from mnist_cnn.cli.commands import COMMANDS
from mnist_cnn.cli.completion import script
from tests.support.commands import Cli


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    """The script for each shell."""
    return {shell: script(shell) for shell in ("bash", "zsh", "fish")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_holds_commands_flags_and_values(scripts: dict[str, str], shell: str) -> None:
    words = set(scripts[shell].replace('"', " ").replace("'", " ").replace("(", " ").replace(")", " ").split())
    dashes = "" if shell == "fish" else "--"
    assert {"adamw", "MiniVGG", "fashion_mnist", "recipes/mnist_mlp", "EarlyStopping"} <= words
    assert {f"{dashes}{flag}" for flag in ("model.lr", "trainer.max_epochs", "lr", "top_k", "copy")} <= words
    assert all(command in scripts[shell] for command in COMMANDS)


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("f", ["fit", "figures"]),
        ("fit --trainer.max_e", ["--trainer.max_epochs"]),
        ("fit --network M", ["MLP", "MediumCNN", "MiniVGG"]),
        ("fit --network = Mi", ["MiniVGG"]),
        ("predict --to", ["--top_k"]),
        ("predict pictur", []),
        ("--print_completion z", ["zsh"]),
    ],
)
def test_bash_completes(scripts: dict[str, str], line: str, expected: list[str]) -> None:
    Path("completion").write_text(scripts["bash"])
    ask = f"COMP_WORDS=(mnist-cnn {line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))"
    program = f'source ./completion; complete -p mnist-cnn; {ask}; _mnist_cnn; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    registered, found = done.stdout.splitlines()
    assert registered.endswith("mnist-cnn")
    assert found.split() == expected


@pytest.mark.parametrize(("shell", "check"), [("zsh", "-n"), ("fish", "--no-execute")])
def test_the_scripts_of_other_shells_can_be_read(scripts: dict[str, str], shell: str, check: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    Path("completion").write_text(scripts[shell])
    subprocess.run([shell, check, "completion"], check=True)


def test_another_shell_is_refused_and_all_are_named(cli: Cli) -> None:
    for arguments in (["--print_completion", "tcsh"], ["--print_completion"], ["--print_completion=x"]):
        status, out, err = cli(*arguments)
        assert (status, out) == (2, "")
        assert "choose one of bash, zsh, fish" in err
    assert cli("--print_completion", "bash")[1].startswith("# Completion of mnist-cnn")
