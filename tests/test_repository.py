"""What git sees of a clone that is worked in."""

import subprocess

import pytest

from tests.support.commands import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a clone")


def git(*arguments: str) -> list[str]:
    """The lines that a git command prints."""
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.splitlines()


def test_what_commands_write_is_ignored_and_what_people_write_is_not() -> None:
    written = ["figures/kernels.png", "model.onnx", "out/other.onnx", "answers.csv", "answers.json", "inputs/photo.png"]
    written += ["lightning_logs/version_0/config.yaml", "data/MNIST/raw/x.gz", "runs.csv"]
    people = ["base.yaml", "my_networks.py", "mnist_cnn/evaluation/figures.py", "lightning_logs/reference/config.yaml"]
    assert git("check-ignore", "--no-index", *written, *people) == written


def test_nothing_that_is_kept_is_ignored() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []
