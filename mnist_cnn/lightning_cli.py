"""`fit`, `validate` and `test`: LightningCLI with this project's callbacks, checkpoints and messages."""

import logging
import os
import shutil
import signal
import sys
import warnings
from argparse import ArgumentError, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any, cast

from jsonargparse import DefaultHelpFormatter
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from mnist_cnn.arguments import (
    changed_settings,
    checkpoint_configs,
    in_order,
    requested,
    requested_network,
    without,
    without_other_networks,
)
from mnist_cnn.callbacks.checkpoints import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint
from mnist_cnn.callbacks.loggers import MetricsCSVLogger, RunTensorBoardLogger
from mnist_cnn.callbacks.pictures import NetworkPictures
from mnist_cnn.callbacks.progress import ProgressBar
from mnist_cnn.callbacks.results import RunConfig, TestResults
from mnist_cnn.callbacks.summary import RunSummary
from mnist_cnn.classifier import ImageClassifier
from mnist_cnn.cli import COMMANDS, PROGRAM, SHORT_FLAGS, short_flags_help, short_path
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.datasets import find_dataset
from mnist_cnn.errors import UsageError, UserError
from mnist_cnn.networks import known_networks
from mnist_cnn.runs import find_checkpoint, is_last_of_run, list_runs, make_run_dir, read_checkpoint, run_dir_of
from mnist_cnn.trainer import Trainer, keep_freed_memory
from mnist_cnn.usage_errors import explain, explain_trainer

DEFAULT_NETWORK = {"class_path": "mnist_cnn.networks.CNN"}

TRAINER_DEFAULTS = {
    "max_epochs": 20,
    "devices": 1,  # several devices change the batch size that the optimiser sees: that should be asked for
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,  # RunSummary says it in a line
}


def run_training_command(command: str, arguments: list[str]) -> int:
    """Run `fit`, `validate` or `test` with full flags and return the exit status."""
    with warnings.catch_warnings():
        _quieten_lightning()
        return _run_training_command(command, arguments)


def _run_training_command(command: str, arguments: list[str]) -> int:
    arguments = in_order(arguments)
    root = Path(requested("trainer.default_root_dir", arguments) or ".")
    which = requested("ckpt_path", arguments)
    wants_help = any(argument in ("-h", "--help") or argument.endswith(".help") for argument in arguments)
    if which is None and command != "fit" and not wants_help:
        which = "best"
    checkpoint = find_checkpoint(which, root) if which is not None else None
    if checkpoint:
        arguments = [*without(arguments, "--ckpt_path"), "--ckpt_path", str(checkpoint)]
    # Processes that Lightning starts for several devices are given this command line again: "best" and "last" must mean
    # the same there.
    original, sys.argv[1:] = sys.argv[1:], [command, *arguments]
    if checkpoint:
        arguments = [*checkpoint_configs(checkpoint, command, arguments), *arguments]
    try:
        TrainingCLI(command, checkpoint, without_other_networks(arguments), root)
    except MisconfigurationException as error:
        raise UserError(explain_trainer(str(error))) from error
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # which Lightning turns into an exit
            raise KeyboardInterrupt from stop
        raise
    except SIGTERMException:  # before the first step, when there is nothing to save yet
        return 128 + signal.SIGTERM
    finally:
        sys.argv[1:] = original
    return 0


class HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description, for the table of short flags."""


class TrainingCLI(LightningCLI):
    """LightningCLI for one command.

    Args:
        command: "fit", "validate" or "test".
        checkpoint: The checkpoint to start from or to evaluate.
        arguments: Full flags; the checkpoint's settings come first, as a `--config`, so that all others beat them.
        root: The folder that holds lightning_logs.
    """

    def __init__(self, command: str, checkpoint: Path | None, arguments: list[str], root: Path) -> None:
        self.command, self.checkpoint, self.arguments, self.root = command, checkpoint, arguments, root
        self.run_dir: Path | None = None
        self.made_run_dir: Path | None = None
        options = {"exit_on_error": False, "allow_abbrev": False, "formatter_class": HelpFormatter}
        super().__init__(
            ImageClassifier,
            MNISTDataModule,
            save_config_callback=RunConfig,
            trainer_class=Trainer,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            parser_kwargs={**options, command: options},
            args=[command, *arguments],
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # ImageClassifier records its hyperparameters itself
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The one command that is asked for: building the parsers of the others would only take time."""
        return {self.command: LightningCLI.subcommands()[self.command]}

    def _set_seed(self) -> None:
        seed = self.config[self.command]["seed_everything"]
        if isinstance(seed, bool) or not 0 <= seed < 2**32:  # Lightning takes true for any seed, and false for none
            raise UsageError(f"--seed_everything {str(seed).lower()}: a whole number from 0 to {2**32 - 1} is needed")
        super()._set_seed()

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is this project's own."""
        if not requested_network(self.arguments):  # else its settings would pass to the other network
            parser.set_defaults({"model.network": DEFAULT_NETWORK})
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        if self.command == "fit":
            parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
        if self.command != "validate":
            parser.add_lightning_class_args(NetworkPictures, "pictures")

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.set_defaults({"weights_only": True})
        parser.usage = f"{PROGRAM} {subcommand} [--config FILE] [--flag VALUE ...]"
        parser.description = (
            f"{subcommand}: {COMMANDS[subcommand]}.\n\nShort flags:\n{short_flags_help()}\n\n"
            f"Flags beat config files, later files beat earlier ones, and both beat the settings of a checkpoint.\n"
            f"The settings of a network: {PROGRAM} {subcommand} --model.network.help CNN"
        )
        # The Trainer's many settings come last.
        groups: list[Any] = parser._action_groups  # type: ignore[assignment]
        groups.sort(key=lambda group: any(action.dest.startswith("trainer.") for action in group._group_actions))
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments.

        Raises:
            UsageError: for arguments that are not understood.
        """
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            networks = known_networks()
            flags = [option for action in self._parser(self.command)._actions for option in action.option_strings]
            flags += SHORT_FLAGS
            for network in networks.values():
                flags += [f"--model.network.{name}" for name in signature(network.__init__).parameters]
            raise UsageError(explain(str(error), flags, networks)) from error

    def _parse_ckpt_path(self) -> None:
        """Nothing: the checkpoint's settings came first, as a config. Lightning would let them beat the flags."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer with the run's directory, loggers and callbacks."""
        config = self.config_init[self.command].trainer
        given = config["callbacks"] or []
        config["callbacks"] = list(given) if isinstance(given, list | tuple) else [given]
        if config["enable_progress_bar"] is not False:
            config["callbacks"].append(ProgressBar())
        config["plugins"] = [*(config["plugins"] or []), AtomicCheckpointIO()]
        if self.command == "fit":
            config["callbacks"] += [RunSummary(), BestCheckpoint()]
            if config["logger"] in (None, True):
                config["logger"] = self._loggers()
        else:
            config["logger"] = False  # evaluating is no run
            if self.command == "test" and self.checkpoint:
                result = run_dir_of(self.checkpoint) / "test.json"
                config["callbacks"].append(TestResults(result, self.checkpoint))
        try:
            return cast(Trainer, super().instantiate_trainer(**kwargs))
        except (MisconfigurationException, ValueError) as error:
            self._discard_empty_run()
            raise UserError(explain_trainer(str(error))) from error

    def _loggers(self) -> list[Any]:
        """TensorBoard and CSV loggers: in the resumed run's directory, or in a new one.

        Going on from a checkpoint that is not a run's last would overwrite what came after it, so that is a new run.
        """
        if self.checkpoint and is_last_of_run(self.checkpoint):
            self.run_dir = run_dir_of(self.checkpoint)
            purge_step = int(read_checkpoint(self.checkpoint)["global_step"]) + 1
        else:
            self.run_dir, purge_step = self._new_run_dir(), None
        return [RunTensorBoardLogger(self.run_dir, purge_step, self.datamodule), MetricsCSVLogger(self.run_dir)]

    def fit(self, **kwargs: Any) -> None:
        """Train; a run that fails before its first step leaves no directory behind."""
        if self.checkpoint and self.trainer.is_global_zero:
            for change in changed_settings(self.checkpoint, self.config.fit.as_dict()):
                print(f"Changed  {change}", file=sys.stderr)
        keep_freed_memory()
        try:
            self._obtain_data()
            with _explained_misfit(self.checkpoint):
                self.trainer.fit(**kwargs)
        finally:
            self._discard_empty_run()

    def _obtain_data(self) -> None:
        """Get the data before other processes are started, which would wait for this one in vain if it failed."""
        if "LOCAL_RANK" not in os.environ:
            self.datamodule.obtain(["test"] if self.command == "test" else ["train"])

    def _new_run_dir(self) -> Path:
        """Make the directory of a new run. The other processes of the run write nothing and need none of their own."""
        if os.environ.get("LOCAL_RANK", "0") != "0" and (runs := list_runs(self.root)):
            return runs[-1]
        try:
            self.made_run_dir = make_run_dir(self.root)
        except OSError as error:
            raise UserError(f"no run can be kept in {self.root}: {error}; see --trainer.default_root_dir") from error
        return self.made_run_dir

    def _discard_empty_run(self) -> None:
        """Remove the directory that this process made for a run that never began."""
        if self.made_run_dir and not (self.made_run_dir / "config.yaml").exists():
            shutil.rmtree(self.made_run_dir, ignore_errors=True)
            with suppress(OSError):  # other runs are in it
                self.made_run_dir.parent.rmdir()

    def validate(self, **kwargs: Any) -> None:
        """Evaluate on the validation images and print the metrics."""
        self._obtain_data()
        with _explained_misfit(self.checkpoint):
            self.trainer.validate(**kwargs)
        self._print_metrics()

    def test(self, **kwargs: Any) -> None:
        """Evaluate on the test images, print the metrics and say where they are kept."""
        self._obtain_data()
        with _explained_misfit(self.checkpoint):
            self.trainer.test(**kwargs)
        self._print_metrics()
        if self.checkpoint and self.trainer.is_global_zero:
            print(f"Written to {short_path(run_dir_of(self.checkpoint) / 'test.json')}")

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        kwargs = super()._prepare_subcommand_kwargs(subcommand)
        if subcommand != "fit":
            kwargs["verbose"] = False  # Lightning's own table of the metrics
        return kwargs

    def _print_metrics(self) -> None:
        if not self.trainer.is_global_zero:
            return
        data: Any = self.datamodule
        print(f"Checkpoint  {short_path(self.checkpoint)}" if self.checkpoint else "")
        print(f"Data        {find_dataset(data.dataset_in_use).title}")
        for name, value in self.trainer.callback_metrics.items():
            print(f"{name:26} {float(value):.4f}")
        if notice := data.stand_in_notice():
            print(notice)
        elif (trained_on := self.model.provenance) and (wanted := trained_on["stand_in_for"]):
            print(f"*** The network was trained on {trained_on['dataset']} digits, not on {wanted}. ***")


@contextmanager
def _explained_misfit(checkpoint: Path | None) -> Iterator[None]:
    """Turn torch's long list of sizes into a sentence where the weights do not fit the network."""
    try:
        yield
    except RuntimeError as error:
        if "loading state_dict" not in str(error):
            raise
        raise UserError(
            f"the weights in {checkpoint} do not fit the network that the flags or configs ask for; "
            f"leave --model.network out to take the checkpoint's own"
        ) from error


def _quieten_lightning() -> None:
    """Silence what is no news to a user of this project, and show the warnings that are left without source code."""
    warnings.showwarning = lambda message, *_, **__: print(f"{PROGRAM}: warning: {message}", file=sys.stderr)
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # news for this project's makers
    for name in (
        "pytorch_lightning.utilities.rank_zero",
        "pytorch_lightning.trainer.connectors.checkpoint_connector",
        "lightning_fabric.utilities.seed",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.*",
        "You called `self.log.* but have no logger configured.*",
        ".*recommended to use .*sync_dist=True.*",  # torchmetrics has combined the processes already
        "The number of training batches .* is smaller than the logging interval.*",
        ".*callbacks used to create the checkpoint need to be provided.*",
        "Checkpoint directory .* exists and is not empty",
        ".*does not have many workers.*",
        ".*torch.jit.trace.*",
        "Converting a tensor to a Python .*",
        ".*You're using the WeightAveraging callback.*",
    ):
        warnings.filterwarnings("ignore", message=message)
