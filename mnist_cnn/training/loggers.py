"""The loggers of a run: TensorBoard events and a CSV file in its directory, and whichever the user brings."""

import warnings
from argparse import Namespace
from collections.abc import Collection, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.core.module import _jit_is_scripting
from pytorch_lightning.core.saving import save_hparams_to_yaml
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard.summary import hparams

from mnist_cnn.files import class_name, flatten, written_whole
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.folders import run_dir_of
from mnist_cnn.training.csv_logger import MetricsCSVLogger
from mnist_cnn.training.graph import named_graph

# The scalars that the HPARAMS tab shows beside the hyperparameters: their last values in the run.
HPARAMS_METRICS = ("val/loss", "val/accuracy", "val/f1_macro", "val/calibration_error")

# TensorBoard sorts its groups by name: train/ and val/ come first, then val_class/ and the pictures. The number of the
# epoch, which would stand before them, is no curve.
SHOWN_AS = {"lr": "train/lr", "epoch": None}
# What its page CUSTOM SCALARS draws together.
CHARTS = {
    "learning curves": {
        "loss": ["Multiline", ["^train/loss$", "^val/loss$"]],
        "accuracy": ["Multiline", ["^train/accuracy$", "^val/accuracy$"]],
        "accuracy of each class (validation)": ["Multiline", ["^val_class/.*"]],
        "learning rate": ["Multiline", ["^train/lr$"]],
    }
}


def loggers_of_run(
    given: Any, run_dir: Path | None, start: Checkpoint | None, data: Any, title: str = ""
) -> list[Logger] | bool:
    """The loggers of a run, those that are asked for first; the CSV file is written whatever they are.

    Args:
        given: What the Trainer's setting `logger` says: none, one or several, or true for TensorBoard.
        run_dir: The run's directory; None where nothing is kept.
        start: The checkpoint that the run starts from.
        data: The data module.
        title: The name that the run was given, if it was.
    """
    if run_dir is None:
        return given if given not in (None, True) else False
    resumes = start is not None and run_dir == run_dir_of(start.path)
    if given in (None, True):
        purge_step = start.global_step + 1 if start and resumes else None
        loggers: list[Any] = [RunTensorBoardLogger(run_dir, purge_step, data, title)]
    else:
        loggers = list(given) if isinstance(given, list | tuple) else [given] if given else []
        loggers = [_beside(run_dir, logger) for logger in loggers]
    return [*loggers, MetricsCSVLogger(run_dir, resumes)]


def _beside(run_dir: Path, logger: Any) -> Any:
    """A logger of Lightning's that would make a run of its own beside this one: it writes into this one instead."""
    is_lightnings = isinstance(logger, TensorBoardLogger | CSVLogger) and logger._version is None
    if is_lightnings and Path(logger.root_dir).resolve() == run_dir.parent.resolve():
        # Its metrics.csv is another one than ours.
        logger._version = run_dir.name if isinstance(logger, TensorBoardLogger) else f"{run_dir.name}/csv"
    return logger


class RunTensorBoardLogger(TensorBoardLogger):
    """TensorBoard events of one run, with the graph of the network and a filled HPARAMS tab.

    Args:
        run_dir: The run's directory.
        purge_step: On a resume, the first step whose earlier events TensorBoard should forget.
        data: The data module, whose data set in use stands beside the hyperparameters: it may be a stand-in.
        title: The name that the run was given, if it was.
    """

    def __init__(self, run_dir: Path, purge_step: int | None = None, data: Any = None, title: str = "") -> None:
        self._data, self._title = data, title
        self._are_kept = False
        super().__init__(
            save_dir=str(run_dir.parent.parent),
            name=run_dir.parent.name,
            version=run_dir.name,
            log_graph=purge_step is None,  # a resumed run has its graph already
            default_hp_metric=False,
            purge_step=purge_step,
        )

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, metrics: dict[str, Any] | None = None, step: int | None = None
    ) -> None:
        """Write the hyperparameters and the names of the metrics that belong to them.

        TensorBoard fills in the values from the scalars of the same names. Lightning would write first values of its
        own for them, which would stand in the curves.
        """
        flat = flatten(vars(params) if isinstance(params, Namespace) else params)
        if self._data is not None:
            flat["dataset_in_use"] = self._data.dataset_in_use
        super().log_hyperparams(flat)
        first = self._shown_first(flat)
        others = {name: str(v) if isinstance(v, list) or v is None else v for name, v in flat.items()}
        writer = self.experiment._get_file_writer()
        experiment, *session = hparams({**first, **others}, dict.fromkeys(HPARAMS_METRICS, 0.0))
        for summary in (_with_first(experiment, first), *session):
            writer.add_summary(summary)
        if self._log_graph:  # a resumed run has its charts already
            self.experiment.add_custom_scalars(CHARTS)

    def _shown_first(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """What people compare runs by: name, data, network, learning rate, epochs and dropout, where there are any."""
        found: dict[str, Any] = {
            "name": self._title,
            "lr": flat.get("lr"),
            "network": class_name(flat.get("network.class_path") or ""),
            "dropout": flat.get("network.init_args.dropout"),
        }
        if self._data is not None:
            wanted = self._data.stand_in_for
            found["data"] = self._data.dataset_in_use + (f" (stand-in for {wanted})" if wanted else "")
            found["epochs"] = getattr(self._data.trainer, "max_epochs", None)
        return {name: value for name, value in found.items() if value not in (None, "")}

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write scalars, by the names that TensorBoard shows them under."""
        shown = {SHOWN_AS.get(name, name): value for name, value in metrics.items()}
        try:
            super().log_metrics({name: value for name, value in shown.items() if name is not None}, step)
        except ValueError as error:
            if isinstance(error.__cause__, OSError):  # of which Lightning makes a mistake in the value's type
                raise error.__cause__ from None
            raise

    @rank_zero_only
    def save(self) -> None:
        """Have the events written, and the hyperparameters in hparams.yaml, whole, unless they are there already."""
        self.experiment.flush()
        path = Path(self.log_dir) / self.NAME_HPARAMS_FILE
        if self._are_kept or not path.parent.is_dir():
            return
        if not path.is_file() or not path.stat().st_size:
            with written_whole(path) as part:
                save_hparams_to_yaml(part, self.hparams)
        self._are_kept = True

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is left; of a run that failed, if that can still be written: the disk may be what failed."""
        with suppress(OSError) if status != "success" else nullcontext():
            super().finalize(status)

    @rank_zero_only
    def log_graph(self, model: Any, input_array: Any | None = None) -> None:
        """Write the graph of the network as it evaluates; one that cannot be traced is a warning and no more."""
        if not self._log_graph:
            return
        was_training = model.training
        try:
            self._trace(model.eval(), input_array)
        except Exception as error:  # tracing a network of anyone's ends in errors of any kind
            reason = " ".join(str(error).split())
            rank_zero_warn(
                f"TensorBoard shows no graph: the network cannot be traced ({type(error).__name__}: {reason})"
            )
        model.train(was_training)

    def _trace(self, model: Any, input_array: Any | None) -> None:
        """Write the graph that running the network shows.

        Traced here, as what Lightning calls lets the tracer check its work: that takes a second, nearly all of it for
        importing what compares tensors of many machines.
        """
        images = (model.example_input_array if input_array is None else input_array).to(model.device)
        with _jit_is_scripting(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the tracer is to be replaced, and that this is traced already
            traced = torch.jit.trace(model, images, check_trace=False)
            self.experiment._get_file_writer().add_graph(named_graph(model, traced, images))


def _with_first(experiment: Any, first: Collection[str]) -> Any:
    """The description of the hyperparameters, with some of them marked to be shown first.

    TensorBoard sorts them by name, but those before the others that are said to differ between runs.
    """
    plugin = experiment.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    for info in content.experiment.hparam_infos:
        info.differs = info.name in first
    plugin.content = content.SerializeToString()
    return experiment
