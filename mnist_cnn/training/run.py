"""One run as plain functions: objects or settings in, a Result out.

result = fit(**read_settings(Path("configs/base.yaml")))
print(result.best_checkpoint, result.metrics["val/accuracy"])
print(test(ckpt_path=result.best_checkpoint).metrics["test/accuracy"])

They can be called many times in one process and leave no trace in it: signals, warnings, random numbers and the C
library's memory are as they were.
"""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ProgressBar as AnyProgressBar
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from mnist_cnn.console import labelled, remark, say
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.registry import find_dataset
from mnist_cnn.errors import TrainerError, UserError
from mnist_cnn.files import expanded, merged, remove_parts
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.folders import Kind, find_checkpoint, run_dir_of
from mnist_cnn.runs.lock import RunLock
from mnist_cnn.runs.names import check_name, name_of
from mnist_cnn.runs.results import TEST_FILE, stale_notice
from mnist_cnn.shipped import reference_run
from mnist_cnn.training.adaptation import explained, without_finders
from mnist_cnn.training.checkpoints import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint, keep_checkpoints_in
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.training.directory import run_directory
from mnist_cnn.training.endings import training_explained
from mnist_cnn.training.isolation import no_trace
from mnist_cnn.training.launchers import check_launcher
from mnist_cnn.training.limits import check_trainer
from mnist_cnn.training.loggers import loggers_of_run
from mnist_cnn.training.processes import watched
from mnist_cnn.training.progress import EpochLines, ProgressBar
from mnist_cnn.training.restoring import check_resumable, restored_or_explained
from mnist_cnn.training.results import RunConfig, TestResults
from mnist_cnn.training.resume import changed_settings
from mnist_cnn.training.settings import TRAINER_DEFAULTS, Settings, as_config, behind, build, instantiated
from mnist_cnn.training.storage import StillOurs, ended_in_a_sentence
from mnist_cnn.training.summary import RunSummary
from mnist_cnn.training.tensorboard import NetworkPictures
from mnist_cnn.training.timing import RunClock, Stopwatch
from mnist_cnn.training.trainer import Trainer, is_processor
from mnist_cnn.training.weights import take_weights


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    Attributes:
        directory: The run's directory; None where nothing was kept.
        best_checkpoint: After `fit`, the epoch with the lowest validation loss; else the checkpoint that was evaluated.
        metrics: Those of that checkpoint by name, such as "val/accuracy".
        record: After `test`, the file that the metrics are kept in; None where it could not be written.
    """

    directory: Path | None = None
    best_checkpoint: Path | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    record: Path | None = None


def fit(
    model: ImageClassifier | Settings | None = None,
    data: MNISTDataModule | Settings | None = None,
    trainer: Settings | None = None,
    *,
    checkpoint: LastCheckpoint | Settings | None = None,
    pictures: NetworkPictures | Settings | None = None,
    seed_everything: int | None = None,
    ckpt_path: str | Path | Checkpoint | None = None,
    weights: str | Path | Checkpoint | None = None,
    config: str | None = None,
    name: str | None = None,
) -> Result:
    """Train a network. The arguments have the names that a config has, so that `fit(**config)` does what it says.

    Args:
        model: The classifier, or its settings.
        data: The data module, or its settings.
        trainer: Settings of the Trainer, which may hold objects.
        checkpoint: When to write `last.ckpt`.
        pictures: What TensorBoard shows.
        seed_everything: Seed of what is built here and of the data's order; objects that are given have theirs. By
            default the checkpoint's, or 0.
        ckpt_path: Checkpoint to go on from: a file, a run's folder (its last), "best" or "last" of the newest run, or
            "reference" for the network that comes with the package. Its settings count where none are given.
        weights: Checkpoint whose network a new run begins with: its weights alone, and the network's settings where
            none are given. What makes the logits begins anew where the data have another number of classes.
        config: All settings as YAML, for the run's config.yaml; by default what is known of them.
        name: A name for the run; a resumed one keeps the name that it has, unless it is given another.

    Raises:
        UserError: for settings that do not fit together, and for files that cannot be used.
        RunInterrupted: if a signal asked the run to stop; it is saved.
    """
    if name is not None:
        check_name(name)
    if ckpt_path is not None and weights is not None:
        raise UserError("ckpt_path goes on with a run, and weights begins a new one: give one of them")
    root = _root(trainer)
    start = _find(ckpt_path, root, "last")
    source = _find(weights, root, "best", "--weights")
    seed = seed_everything if seed_everything is not None else start.settings()["seed_everything"] if start else 0
    if start:
        check_resumable(start)
        model, data, trainer = behind(start, model, data, trainer)
    if source:
        source.check_holds(None)
        if not isinstance(model, ImageClassifier):
            model = merged({"network": source.network_for_other_data()}, model or {})
    settings = {**TRAINER_DEFAULTS, **(trainer or {})}
    with no_trace():
        classifier, module = build(model, data, seed)
        if source:
            taken = take_weights(classifier, source, find_dataset(module.dataset, module.reading).image_shape)
            say(labelled("Weights", taken))
        last = checkpoint if isinstance(checkpoint, LastCheckpoint) else LastCheckpoint(**(checkpoint or {}))
        drawing = pictures if isinstance(pictures, NetworkPictures) else NetworkPictures(**(pictures or {}))
        text = config or as_config(classifier, module, trainer or {}, last, drawing, seed)
        return _train(classifier, module, settings, [last, drawing], start, text, name)


def _train(
    classifier: ImageClassifier,
    module: MNISTDataModule,
    settings: dict[str, Any],
    callbacks: list[Callback],
    start: Checkpoint | None,
    config: str,
    name: str | None,
) -> Result:
    best, clock = BestCheckpoint(), RunClock(Stopwatch())
    callbacks = [clock, RunSummary(clock.stopwatch, module.seconds_spent), EpochLines(clock), best, *callbacks]
    if not settings.get("fast_dev_run"):
        callbacks.append(RunConfig(config, name))
    if settings.get("default_root_dir"):
        settings["default_root_dir"] = str(_root(settings))
    with run_directory(_root(settings), start) as make, ExitStack() as held:
        run_dir = None if settings.get("fast_dev_run") else make()
        title = name or (name_of(run_dir) if run_dir else "")
        settings["logger"] = loggers_of_run(settings.get("logger"), run_dir, start, module, title)
        lightning = _make_trainer(settings, callbacks, start, clock)
        lightning.run_dir = run_dir
        if run_dir and lightning.is_global_zero:
            lightning.callbacks.append(StillOurs(held.enter_context(RunLock(run_dir))))  # type: ignore[attr-defined]
            remove_parts(run_dir)  # of a kill while a file was written
        keep_checkpoints_in(run_dir, lightning.checkpoint_callbacks)
        if start and lightning.is_global_zero:
            for change in changed_settings(start, yaml.safe_load(config)):
                say(labelled("Changed", change), sys.stderr)
        _obtain(module, "train")
        path = str(start.path) if start else None
        watch = watched(lightning, run_dir)
        with (
            watch,
            training_explained(start),
            restored_or_explained(start),
            explained(lightning),
            ended_in_a_sentence(run_dir),
        ):
            lightning.fit(classifier, datamodule=module, ckpt_path=path, weights_only=True)
        if run_dir and lightning.is_global_zero and (notice := stale_notice(run_dir)):
            remark(notice)
    return _result_of_fit(lightning, best)


def validate(
    model: ImageClassifier | Settings | None = None,
    data: MNISTDataModule | Settings | None = None,
    trainer: Settings | None = None,
    *,
    ckpt_path: str | Path | Checkpoint = "best",
) -> Result:
    """Evaluate a checkpoint on the validation images; arguments as for `fit`, by default what the checkpoint says."""
    return _evaluate("validate", model, data, trainer, ckpt_path, [])


def test(
    model: ImageClassifier | Settings | None = None,
    data: MNISTDataModule | Settings | None = None,
    trainer: Settings | None = None,
    *,
    pictures: NetworkPictures | Settings | None = None,
    ckpt_path: str | Path | Checkpoint = "best",
) -> Result:
    """Evaluate a checkpoint on the test images and write `test.json` beside it; arguments as for `validate`."""
    drawing = pictures if isinstance(pictures, NetworkPictures) else NetworkPictures(**(pictures or {}))
    return _evaluate("test", model, data, trainer, ckpt_path, [drawing])


def _evaluate(
    kind: str,
    model: ImageClassifier | Settings | None,
    data: MNISTDataModule | Settings | None,
    trainer: Settings | None,
    ckpt_path: str | Path | Checkpoint,
    callbacks: list[Callback],
) -> Result:
    start = _find(ckpt_path, _root(trainer), "best")
    assert start is not None
    model, data, _ = behind(start, model, data, None, resumes=False)
    settings = {**TRAINER_DEFAULTS, **(trainer or {}), "logger": False}  # evaluating is no run
    run_dir = run_dir_of(start.path)
    kept = TestResults(run_dir / TEST_FILE, start.path)
    is_shipped = run_dir.resolve() == reference_run().resolve()  # what comes with the package stays as it came
    callbacks = [kept, *callbacks] if kind == "test" and not is_shipped else []
    with no_trace():
        classifier, module = build(model, data, start.settings()["seed_everything"])
        lightning = _make_trainer(settings, callbacks, start)
        _obtain(module, "test" if kind == "test" else "train")
        evaluate = lightning.test if kind == "test" else lightning.validate
        with training_explained(start), restored_or_explained(start), explained(lightning):
            evaluate(classifier, datamodule=module, ckpt_path=str(start.path), verbose=False, weights_only=True)
        metrics = {name: float(value) for name, value in lightning.callback_metrics.items()}
        return Result(None if is_shipped else run_dir, start.path, metrics, kept.path if kept.is_written else None)


def _find(
    ckpt_path: str | Path | Checkpoint | None, root: Path, of_folder: Kind, flag: str = "--ckpt_path"
) -> Checkpoint | None:
    if ckpt_path is None or isinstance(ckpt_path, Checkpoint):
        return ckpt_path
    return Checkpoint.read(find_checkpoint(str(ckpt_path), root, of_folder, flag))


def _make_trainer(
    settings: dict[str, Any], callbacks: list[Callback], start: Checkpoint | None, clock: RunClock | None = None
) -> Trainer:
    """The Trainer with this project's callbacks, and with checkpoints that are written whole.

    A progress bar that is among the callbacks takes the place of this project's, whether that is switched off or not.

    Raises:
        UserError: for settings that no run can have.
        TrainerError: for settings that Lightning does not take.
    """
    check_trainer(settings, is_processor(settings.get("accelerator", "auto")))
    check_launcher(settings)
    settings = {name: instantiated(value) for name, value in settings.items()}
    given, plugins = (_as_list(settings.pop(name, None)) for name in ("callbacks", "plugins"))
    given = without_finders(given) if start else given
    if any(isinstance(callback, AnyProgressBar) for callback in given):
        settings["enable_progress_bar"] = True
    elif settings.get("enable_progress_bar") is not False:
        callbacks = [*callbacks, ProgressBar(clock)]  # drawn below what the others print
    plugins.append(AtomicCheckpointIO(start, clock.stopwatch if clock else None))
    try:
        return Trainer(**settings, callbacks=[*given, *callbacks], plugins=plugins)
    except (MisconfigurationException, ValueError, TypeError, ImportError) as error:
        raise TrainerError(str(error)) from error


def _root(trainer: Settings | None) -> Path:
    """The folder that holds lightning_logs."""
    return expanded((trainer or {}).get("default_root_dir") or ".")


def _as_list(given: Any) -> list[Any]:
    """What may be one, several or none."""
    return list(given) if isinstance(given, list | tuple) else [given] if given is not None else []


def _obtain(module: MNISTDataModule, split: Any) -> None:
    """Get the data before other processes are started, which would wait for this one in vain if it failed."""
    if "LOCAL_RANK" not in os.environ:
        module.obtain([split])


def _result_of_fit(lightning: Trainer, best: BestCheckpoint) -> Result:
    path = Path(best.best_model_path) if best.best_model_path else None
    metrics = {name: float(value) for name, value in lightning.callback_metrics.items()}
    if path and path.is_file():
        try:
            metrics = Checkpoint.read(path).metrics
        except UserError as error:  # as of a network larger than is read from anywhere
            metrics = {}
            remark(f"warning: {error}")
    return Result(lightning.run_dir, path, metrics)
