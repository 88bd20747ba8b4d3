"""Recipes in use; that all of them are valid is tested in test_main.py."""

import json
from pathlib import Path

from PIL import Image

from tests.support.checkpoints import contents_of
from tests.support.commands import Cli

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 60, 210), "grey": (120, 120, 120)}


def test_the_recipe_for_colours_learns_from_a_folder_of_pictures_of_ones_own(cli: Cli) -> None:
    for split, count in (("train", 30), ("test", 5)):
        for name, (red, green, blue) in COLOURS.items():
            folder = Path("pictures", split, name)
            folder.mkdir(parents=True)
            for number in range(count):
                colour = (red - number, green, min(blue + number, 255))
                Image.new("RGB", (16, 16), colour).save(folder / f"{number:04}.png")
    flags = ["--batch-size", "36", "--epochs", "4", "--device", "cpu", "--trainer.enable_progress_bar", "false"]
    status, out, err = cli("fit", "--config", "recipes/cifar10", "--data.dataset", "pictures", *flags)
    assert status == 0, err
    assert "108 training and 12 validation images" in out
    run = Path("lightning_logs", "version_0")
    spec = contents_of(run / "checkpoints" / "best.ckpt")["hyper_parameters"]["network"]
    arguments = spec["init_args"]
    assert (arguments["in_channels"], arguments["num_classes"]) == (3, len(COLOURS))
    assert cli("test", "--ckpt_path", str(run))[0] == 0
    assert json.loads((run / "test.json").read_text())["metrics"]["test/accuracy"] >= 0.9
