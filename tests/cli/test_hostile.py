from pathlib import Path

import pytest

from mnist_cnn import configs
from tests.support.commands import Cli
from tests.support.hostile import commands

COUNT = 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The odd command lines."""
    return list(commands.cases(COUNT, 13, tmp_path_factory.mktemp("hostile")))


@pytest.mark.parametrize("number", range(COUNT))
def test_odd_command_lines_end_with_a_sentence(
    cli: Cli, made: list[list[str]], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configs, "PATIENCE", 0.2)
    status, out, err = cli(*made[number])
    assert status in (0, 1, 2)
    assert "Traceback" not in out + err
    assert status == 0 or 1 <= len(err.strip().splitlines()) <= 3
    assert not Path("ran").exists()
    assert not list(Path().glob("lightning_logs/*")) or status == 0
