"""Results that were written down before the package had rooms come out the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import recorded
from tests.support.commands import Cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all cases give now."""
    return recorded.run_all(tmp_path_factory.mktemp("recorded"))


@pytest.mark.parametrize("name", [*recorded.CASES, "resumed"])
def test_weights_curves_and_test_results_are_those_that_were_recorded(results: dict[str, Any], name: str) -> None:
    record = json.loads(recorded.RECORD.read_text())
    found, expected = results[name], record[name]
    if recorded.conditions() == record["conditions"]:
        assert found == expected, "to the last bit"
        return
    for part in ("curves", "test"):  # another processor, or another release of torch, rounds differently
        assert found.get(part, {}).keys() == expected.get(part, {}).keys()
        for key, value in expected.get(part, {}).items():
            assert found[part][key] == pytest.approx(value, rel=0.05, abs=0.05)


def test_checkpoints_of_earlier_versions_are_tested_as_they_were_then(cli: Cli, tmp_path: Path) -> None:
    before = json.loads((recorded.FINISHED / "test.json").read_text())["metrics"]
    run = recorded.copy_run(recorded.FINISHED, tmp_path)
    assert cli("test", "--device", "cpu", "--trainer.enable_progress_bar", "false")[0] == 0
    found = json.loads((run / "test.json").read_text())["metrics"]
    assert found == pytest.approx(before, abs=1e-6)
    assert cli("figures")[0] == 0
    assert cli("export")[0] == 0
