"""Classes of Lightning's that take a package which is not installed."""

import pytest

from mnist_cnn.cli.messages import explain_instance
from mnist_cnn.errors import UserError
from mnist_cnn.training.settings import instantiated

LOGGER = "pytorch_lightning.loggers.WandbLogger"
MISSING = "Requirement 'wandb>=0.12.10' not met. HINT: Try running `pip install -U 'wandb>=0.12.10'`"
SENTENCE = "WandbLogger takes the package wandb, which is not installed: pip install wandb"


def test_the_command_that_installs_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*args: object, **kwargs: object) -> None:
        raise ModuleNotFoundError(MISSING)

    monkeypatch.setattr(f"{LOGGER}.__init__", without)
    with pytest.raises(UserError, match=SENTENCE):
        instantiated({"class_path": LOGGER})
    message = f"Does not validate\n  - Problem with given class_path '{LOGGER}':\n    {MISSING}\n  - Expected a bool"
    assert explain_instance(message) == SENTENCE
    rich = "`RichProgressBar` requires `rich` >= 10.2.2. Install it by running `pip install -U rich`."
    assert explain_instance(f"- Problem with given class_path 'x.RichProgressBar': {rich}").endswith("pip install rich")
    assert explain_instance("something else") == ""


def test_what_its_own_code_raises_is_one_line() -> None:
    message = f"Subtypes: [Logger]\nErrors:\n  - No server\n  - Expected a bool\nGiven value: N(class_path='{LOGGER}')"
    assert explain_instance(message) == "WandbLogger cannot be made: No server"
