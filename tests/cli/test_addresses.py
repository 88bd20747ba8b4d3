"""Addresses where a path is needed: one line, and nothing is written."""

from pathlib import Path

import pytest

from tests.support.commands import TINY_RUN, Cli


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", *TINY_RUN, "--trainer.default_root_dir", "memory://here"),
        ("fit", *TINY_RUN, "--data.data_dir", "s3://bucket/data"),
        ("fit", "--config", "https://example.org/base.yaml"),
        ("test", "--ckpt_path", "s3://bucket/best.ckpt"),
        ("predict", "x.png", "--output", "memory://answers.csv"),
        ("figures", "--output", "s3://bucket/figures"),
        ("export", "--output", "s3://bucket/model.onnx"),
        ("datasets", "--data.data_dir", "s3://bucket/data"),
    ],
)
def test_an_address_is_refused_in_one_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    status, _, errors = cli(*arguments)
    assert status in (1, 2)
    assert "is an address" in errors
    assert "Traceback" not in errors
    assert not list(Path().iterdir())
