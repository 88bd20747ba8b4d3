from pathlib import Path

from tests.support.commands import Cli


def test_configs_are_listed_with_a_line_each_and_copied_to_be_changed(cli: Cli) -> None:
    status, out, _ = cli("configs")
    assert status == 0
    assert {"base", "fast", "recipes/mnist_linear"} <= {line.split()[0] for line in out.splitlines() if line}
    assert cli("configs", "--copy", "fast")[0] == 0
    assert "muon" in Path("fast.yaml").read_text()
    status, _, err = cli("configs", "--copy", "fast")
    assert status == 1
    assert "fast.yaml is there already" in err
    assert cli("fit", "--config", "fast.yaml", "--print_config")[0] == 0


def test_an_unknown_config_is_named_with_those_that_there_are(cli: Cli) -> None:
    status, _, err = cli("configs", "--copy", "bse")
    assert status == 1
    assert "'bse'; choose one of base, fast" in err
    status, _, err = cli("fit", "--config", "bse")
    assert status == 2
    assert "--config bse: there is no such file, nor such a config" in err
