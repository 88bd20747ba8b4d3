import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.commands import Cli


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with test images, in which a training cat is a test image too, and another one is called a dog."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 3)):
        for label in ("cat", "dog"):
            folder = Path("pets") / split / label
            folder.mkdir(parents=True)
            for number in range(count if label == "cat" else count // 3):
                pixels = random.integers(0, 256, (10, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    shutil.copy("pets/train/cat/0.png", "pets/test/cat/leaked.png")
    shutil.copy("pets/train/cat/1.png", "pets/train/dog/wrong.png")
    Path("pets/train/cat/broken.png").write_bytes(b"nothing")
    return Path("pets")


def test_what_is_in_a_folder_is_said_before_it_is_trained_on(cli: Cli, pets: Path) -> None:
    status, out, err = cli("datasets", "pets", "--sheet", "sheet.png")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert status == 0
    assert "Images 22 of 10x12 pixels (height x width), in colour" in lines
    assert "Splits 17 training, 5 test; fit takes validation images from training" in lines
    assert any(line.startswith("cat 12 4 ██") for line in lines)
    assert any(line.startswith("dog 5 1 ██") for line in lines)
    assert "broken.png" in out
    assert "in training and among the test images: 1;" in err
    assert "the same image under different classes: 1" in err
    assert "Next mnist-cnn fit --data.dataset pets" in lines
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 12 * 12


def test_a_known_data_set_is_described_by_its_name(cli: Cli) -> None:
    status, out, _ = cli("datasets", "synthetic")
    assert status == 0
    assert "60,000 training, 10,000 test" in out
    assert "of 28x28 pixels" in out


def test_many_classes_do_not_flood_the_list(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = cli("datasets")
    assert status == 0
    lines = out.split("\n\n")[0].splitlines()
    assert max(map(len, lines)) <= 80
    start = next(number for number, line in enumerate(lines) if line.startswith("emnist_byclass"))
    assert "62: 0, 1, 2, 3, ..., x, y, z;" in lines[start]
    assert lines[start + 1].strip() == "images of 1x28x28"


def test_the_size_and_channels_that_fit_would_use_are_shown(cli: Cli, pets: Path) -> None:
    assert (
        "of 8x8 pixels (height x width), grey"
        in cli("datasets", "pets", "--data.image_size", "8", "--data.channels", "1")[1]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere' is not known, and no file or folder has that path"),
        (["--sheet", "sheet.png"], "name the data set that it is to show"),
        (["synthetic", "--sheet", "sheet.txt"], "the name must end in"),
    ],
)
def test_what_cannot_be_described_is_answered_in_a_line(cli: Cli, arguments: list[str], said: str) -> None:
    status, out, err = cli("datasets", *arguments)
    assert status != 0
    assert said in err
    assert not out
