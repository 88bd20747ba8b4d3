"""Write what TensorBoard shows of the shipped run anew, from what is kept of that run: nothing is trained.

    python benchmarks/reference_events.py

Curves come from the run's event file as it is, with their times, the network from its best checkpoint, the pictures
from real validation images and the projector from a test. Weights, metrics.csv and test.json stay as they are. MNIST
has to be in the folder that MNIST_CNN_DATA names, or in data/.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.evaluation.evaluation import Evaluation
from mnist_cnn.inference.classifier import CheckpointClassifier
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.training.loggers import SHOWN_AS, RunTensorBoardLogger
from mnist_cnn.training.run import test
from mnist_cnn.training.tensorboard import write_pictures

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "lightning_logs" / "reference"
EVENTS = "events.out.tfevents.reference"  # by itself the writer would put the machine's name in it


def main() -> None:
    """Write event file and projector."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, default=REFERENCE, help="the run's directory")
    run_dir = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lightning_logs" / "reference"
        shutil.copytree(run_dir, copy, ignore=shutil.ignore_patterns("events.*", "projector"))
        write_events(run_dir, copy)
        write_projector(copy)
        shutil.copyfile(copy / EVENTS, run_dir / EVENTS)
        shutil.rmtree(run_dir / "projector", ignore_errors=True)
        shutil.copytree(copy / "projector", run_dir / "projector")
    size = sum(path.stat().st_size for path in run_dir.rglob("*") if path.is_file())
    print(f"{run_dir}: {size / 1e6:.2f} MB")


def write_events(run_dir: Path, copy: Path) -> None:
    """Write curves, hyperparameters, graph and pictures of a run into a copy of its directory."""
    checkpoint = copy / "checkpoints" / "best.ckpt"
    classifier = CheckpointClassifier(checkpoint)
    settings = yaml.safe_load((copy / "config.yaml").read_text())
    trainer = SimpleNamespace(max_epochs=settings["trainer"]["max_epochs"])
    data = SimpleNamespace(dataset_in_use=settings["data"]["dataset"], stand_in_for=None, trainer=trainer)
    logger = RunTensorBoardLogger(copy, data=data)
    logger.log_hyperparams(yaml.safe_load((copy / "hparams.yaml").read_text()))
    classifier.model.example_input_array = torch.zeros(1, *classifier.image_shape)
    classifier.model.device = torch.device("cpu")
    logger.log_graph(classifier.model)
    curves = EventAccumulator(str(run_dir), size_guidance={"scalars": 0})
    curves.Reload()
    for name in curves.Tags()["scalars"]:
        if (shown := SHOWN_AS.get(name, name)) is not None:
            for point in curves.Scalars(name):
                logger.experiment.add_scalar(shown, point.value, point.step, walltime=point.wall_time)
    images, labels = validation_images(copy)
    results = Evaluation(classifier.predict_proba(images.numpy()), labels, classifier.class_names)
    write_pictures([logger.experiment], classifier.model, results, images, Checkpoint.read(checkpoint).global_step)
    logger.experiment.close()
    (written,) = copy.glob("events.*")
    written.rename(copy / EVENTS)


def validation_images(run_dir: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The images that the run was validated on, and their labels."""
    settings: dict[str, Any] = yaml.safe_load((run_dir / "config.yaml").read_text())
    data = MNISTDataModule(**settings["data"])
    data.prepare_data()
    data.setup("validate")
    batches = list(data.val_dataloader())
    return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])


def write_projector(copy: Path) -> None:
    """Have a test write the projector, and make it small."""
    test(ckpt_path=copy / "checkpoints" / "best.ckpt", trainer={"accelerator": "cpu"})
    for path in (copy / "projector").glob("events.*"):
        path.rename(path.with_name(EVENTS))
    for path in (copy / "projector").rglob("*.png"):
        Image.open(path).convert("L").save(path, optimize=True)


if __name__ == "__main__":
    main()
