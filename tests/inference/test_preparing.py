"""Pictures for a network of own data are prepared as its training images were."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import mnist_cnn
from mnist_cnn.data.own.forming import formed
from mnist_cnn.data.own.source import Form
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import UserError
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.inference.export import export_onnx
from mnist_cnn.inference.pictures import to_network_input
from mnist_cnn.inference.preparing import prepared
from mnist_cnn.networks import CNN
from tests.inference.test_inputs import Table
from tests.support.checkpoints import write_checkpoint
from tests.support.pictures import seven

NAMES = ["cat", "Katze", "猫"]
SHAPE = (3, 12, 16)
RIGHT_SIDE_UP = 6  # EXIF: turn it clockwise by a quarter


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of coloured pictures that are not square."""
    network = CNN(channels=(4, 8), num_classes=3, in_channels=3)
    settings: dict[str, Any] = {"layout": "picture", "image_shape": SHAPE, "class_names": NAMES}
    return write_checkpoint(
        tmp_path_factory.mktemp("own") / "own.ckpt", network, "/home/ada/my photos", fingerprint="abc", **settings
    )


@pytest.fixture(scope="module")
def classifier(path: Path) -> CheckpointClassifier:
    return CheckpointClassifier(path)


def photo(width: int = 40, height: int = 30) -> Image.Image:
    """A picture with other colours in each part."""
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (3, 4, 3), np.uint8)).resize((width, height))


def test_a_picture_keeps_its_colours_and_gets_the_size_of_the_training_images(classifier: CheckpointClassifier) -> None:
    photo().save("photo.png")
    (answer,) = classifier.predict("photo.png")
    assert answer.image is not None
    assert np.array_equal(answer.image, formed(photo(), Form(*SHAPE)).transpose(1, 2, 0))
    expected = classifier.predict_proba(formed(photo(), Form(*SHAPE))[None])[0]
    assert answer.probability == pytest.approx(float(expected.max()))
    assert answer.label == NAMES[int(expected.argmax())]


def test_a_picture_is_upright_and_one_that_is_grey_or_empty_is_a_picture_too(classifier: CheckpointClassifier) -> None:
    exif = Image.Exif()
    exif[0x0112] = RIGHT_SIDE_UP
    file = io.BytesIO()
    photo().save(file, "PNG", exif=exif)
    expected = formed(photo().transpose(Image.Transpose.ROTATE_270), Form(*SHAPE))
    assert np.array_equal(prepared(file.getvalue(), "picture", SHAPE), expected)
    assert (prepared(Image.new("L", (40, 30), 7), "picture", SHAPE) == 7).all()
    assert not classifier.predict(Image.new("L", (40, 30), 255))[0].problem


IMAGES = np.random.default_rng(5).integers(0, 256, (4, *SHAPE), np.uint8)
GIVEN = {
    "channels first": IMAGES,
    "channels last": IMAGES.transpose(0, 2, 3, 1),
    "tensor": torch.from_numpy(IMAGES),
    "floats to 1": IMAGES / 255.0,
    "floats to 255": IMAGES.astype(np.float32),
    "16 bits": IMAGES.astype(np.uint16) * 257,
    "whole numbers": IMAGES.astype(np.int64),
    "rows": IMAGES.reshape(4, -1),
    "table": Table(IMAGES.reshape(4, -1)),
    "list of rows": list(IMAGES.reshape(4, -1)),
    "list of images": list(IMAGES),
    "list of pictures": [Image.fromarray(image.transpose(1, 2, 0)) for image in IMAGES],
}


@pytest.mark.parametrize("given", GIVEN)
def test_arrays_of_every_layout_are_the_same_images(classifier: CheckpointClassifier, given: str) -> None:
    answers = classifier.predict(GIVEN[given])
    seen = np.stack([answer.image for answer in answers if answer.image is not None])
    assert np.array_equal(seen.transpose(0, 3, 1, 2), IMAGES)
    assert [answer.index for answer in answers] == classifier.predict_proba(IMAGES).argmax(axis=1).tolist()


def test_one_array_is_one_image(classifier: CheckpointClassifier) -> None:
    for given in (IMAGES[0], IMAGES[0].transpose(1, 2, 0), IMAGES[0].reshape(-1), IMAGES[:1]):
        (answer,) = classifier.predict(given)
        assert answer.image is not None
        assert np.array_equal(answer.image, IMAGES[0].transpose(1, 2, 0))


def test_the_range_of_pixels_is_told_by_all_images_together(classifier: CheckpointClassifier) -> None:
    dark = IMAGES.astype(np.float64)
    dark[0] = 1
    image = classifier.predict(dark)[0].image
    assert image is not None
    assert image.max() == 1
    assert np.array_equal(prepared(np.ones(SHAPE, np.uint8), "picture", SHAPE), np.ones(SHAPE, np.uint8))


def test_values_that_are_no_pixels_are_refused(classifier: CheckpointClassifier) -> None:
    with pytest.raises(UserError, match=r"leave Normalize\(...\) out"):
        classifier.predict((IMAGES - 120.0) / 60)
    with pytest.raises(UserError, match="576 columns are needed"):
        classifier.predict(Table(IMAGES.reshape(4, -1)[:, 1:]))
    problems = classifier.predict([np.zeros((2, 2, 5)), np.full((9, 9), np.nan), np.zeros((0, 4)), np.array(["a"])])
    assert [answer.is_error for answer in problems] == [True] * 4


@pytest.mark.parametrize("layout", ["digit", "garment"])
@pytest.mark.parametrize("shape", [(1, 14, 14), (3, 28, 28), (3, 20, 10)])
def test_digits_of_another_size_are_laid_out_first(layout: Any, shape: tuple[int, int, int]) -> None:
    expected = formed(Image.fromarray(to_network_input(seven(), layout)), Form(*shape))
    for picture in (seven(), np.asarray(seven()), np.asarray(seven())[None], np.asarray(seven()) / 1000.0 - 3):
        assert np.abs(prepared(picture, layout, shape).astype(int) - expected).max() <= 1


def test_a_digit_becomes_the_image_that_training_has_of_it(tmp_path: Path) -> None:
    digits, _ = find_dataset("synthetic").read(tmp_path, "test", 20)
    for reading in (Reading(image_size=14), Reading(image_size=(20, 12), channels=3)):
        dataset = find_dataset("synthetic", reading)
        for digit, image in zip(digits.numpy(), dataset.read(tmp_path, "test", 20)[0].numpy(), strict=True):
            expected = formed(Image.fromarray(to_network_input(digit)), Form(*dataset.image_shape))
            assert np.array_equal(prepared(digit, "digit", dataset.image_shape), expected)
            assert not np.array_equal(to_network_input(digit), digit[0]) or np.array_equal(expected, image)


def test_digits_that_have_the_networks_size_stay_as_they_are() -> None:
    digit = formed(Image.fromarray(to_network_input(seven())), Form(1, 14, 14))
    for given in (digit, digit[0], digit.reshape(-1), Image.fromarray(digit[0]), Image.fromarray(255 - digit[0])):
        assert np.array_equal(prepared(given, "digit", (1, 14, 14)), digit)


def test_a_network_says_what_it_takes_and_an_exported_one_answers_the_same(
    classifier: CheckpointClassifier, tmp_path: Path
) -> None:
    assert export_onnx(classifier, tmp_path / "own.onnx") < 1e-5
    exported = mnist_cnn.load(tmp_path / "own.onnx")
    for each in (classifier, exported):
        assert (each.channels, each.image_size, each.image_shape) == (3, (12, 16), SHAPE)
        assert (each.layout, each.class_names, each.provenance.fingerprint) == ("picture", NAMES, "abc")
    assert exported.provenance.dataset == "my photos", "where they lie is nobody's business"
    for one, other in zip(classifier.predict([photo(), *IMAGES]), exported.predict([photo(), *IMAGES]), strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
        assert one.image is not None
        assert other.image is not None
        assert np.array_equal(one.image, other.image)
