"""`fit`, `validate` and `test`: LightningCLI reads the settings and builds the objects, plain functions train."""

import signal
import sys
from argparse import ArgumentError, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import DefaultHelpFormatter, get_loader, set_loader
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from mnist_cnn.cli.arguments import CHECKPOINT_FLAG, WEIGHTS_FLAG, Request
from mnist_cnn.cli.commands import COMMANDS, DEFAULT_NETWORK, short_flags_help
from mnist_cnn.cli.known_flags import KnownFlags
from mnist_cnn.cli.messages import ACCELERATORS, STRATEGIES, explain, explain_instance, explain_trainer
from mnist_cnn.configs import parse_yaml
from mnist_cnn.console import PROGRAM, short_path
from mnist_cnn.data.datamodule import MNISTDataModule
from mnist_cnn.data.reading import Reading
from mnist_cnn.data.registry import dataset_names, find_dataset
from mnist_cnn.errors import TrainerError, UsageError, UserError
from mnist_cnn.networks import arguments_from_data, find_network, import_network, known_networks
from mnist_cnn.networks.importing import own_errors_explained
from mnist_cnn.runs.checkpoint import Checkpoint
from mnist_cnn.runs.folders import Kind, find_checkpoint
from mnist_cnn.training import run
from mnist_cnn.training.checkpoints import LastCheckpoint
from mnist_cnn.training.classifier import ImageClassifier
from mnist_cnn.training.listing import lines_of
from mnist_cnn.training.quiet import quiet
from mnist_cnn.training.settings import TRAINER_DEFAULTS
from mnist_cnn.training.tensorboard import NetworkPictures
from mnist_cnn.training.trainer import Trainer

CHECKPOINT_HELP = (
    "checkpoint to go on from, or to evaluate: a file, a run's folder or name, 'best' or 'last' of the newest run, or "
    "'reference', the network that comes with the package"
)
WEIGHTS_HELP = (
    "checkpoint whose network a new run begins with: its weights, and its settings where no others are given; what "
    "makes the logits is new where the data have another number of classes"
)
NAME_HELP = "a name for the run, as `mnist-cnn runs` shows it and --ckpt_path takes it"
VALUES = "values of mnist-cnn"  # the name of our way of reading them, to jsonargparse


def fit(request: Request, arguments: Sequence[str]) -> int:
    """Train as is asked for; the arguments are those that the request was read from."""
    with _settings(request, arguments) as (settings, checkpoint):
        given, begins = settings.config_init, settings.request.weights is not None
        run.fit(
            settings.model,
            settings.datamodule,
            given.trainer.as_dict(),
            checkpoint=given.checkpoint,
            pictures=given.pictures,
            seed_everything=given.seed_everything,
            ckpt_path=None if begins else checkpoint,
            weights=checkpoint if begins else None,
            config=settings.as_yaml(),
            name=given.name,
        )
    return 0


def validate(request: Request, arguments: Sequence[str]) -> int:
    """Evaluate on the validation images and print the metrics."""
    with _settings(request, arguments) as (settings, checkpoint):
        trainer = settings.config_init.trainer.as_dict()
        _print(run.validate(settings.model, settings.datamodule, trainer, ckpt_path=checkpoint or "best"), settings)
    return 0


def test(request: Request, arguments: Sequence[str]) -> int:
    """Evaluate on the test images, print the metrics and say where they are kept."""
    with _settings(request, arguments) as (settings, checkpoint):
        given = settings.config_init
        result = run.test(
            settings.model,
            settings.datamodule,
            given.trainer.as_dict(),
            pictures=given.pictures,
            ckpt_path=checkpoint or "best",
        )
        _print(result, settings)
        is_first = getattr(rank_zero_only, "rank", 0) == 0  # of several processes the first one writes
    return 0 if result.record or not result.directory or not is_first else 1


def _load_value(text: str) -> Any:
    """Read a value as jsonargparse does, once it is known to be harmless."""
    parse_yaml(text, "")
    return get_loader("yaml")(text)


set_loader(VALUES, _load_value, exceptions=(UserError, yaml.YAMLError))


class HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description, for the table of short flags."""


class TrainingSettings(LightningCLI):
    """The settings of a command, parsed, and the classifier and data module that are built of them.

    Args:
        request: What is asked for.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        command = request.command
        super().__init__(
            ImageClassifier,
            MNISTDataModule,
            save_config_callback=None,  # training.run writes the config
            trainer_class=Trainer,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            parser_kwargs={
                "parser_mode": VALUES,
                "exit_on_error": False,
                "allow_abbrev": False,
                "formatter_class": HelpFormatter,
                "usage": f"{PROGRAM} {command} [--config FILE] [--flag VALUE ...]",
                "description": (
                    f"{command}: {COMMANDS[command].summary}.\n\nShort flags:\n{short_flags_help()}\n\nFlags beat "
                    f"config files, later files beat earlier ones, and both beat the settings of a checkpoint.\n"
                    f"The settings of a network: {PROGRAM} {command} --model.network.help CNN"
                ),
            },
            args=request.for_parser(),
            run=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,  # ImageClassifier records its hyperparameters itself
        )

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the settings of the classes; the Trainer's many come last."""
        parser.add_lightning_class_args(ImageClassifier, "model")
        parser.add_lightning_class_args(MNISTDataModule, "data")
        if self.request.command == "fit":
            parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
            parser.add_argument("--name", type=str | None, help=NAME_HELP)
        if self.request.command != "validate":
            parser.add_lightning_class_args(NetworkPictures, "pictures")
        parser.add_argument(CHECKPOINT_FLAG, type=str | None, help=CHECKPOINT_HELP)
        if self.request.command == "fit":
            parser.add_argument(WEIGHTS_FLAG, type=str | None, help=WEIGHTS_HELP)
        parser.add_lightning_class_args(Trainer, "trainer")
        parser.set_defaults({f"trainer.{name}": value for name, value in self.trainer_defaults.items()})

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is this project's own."""
        if not self.request.network:  # else its settings would pass to the other network
            parser.set_defaults({"model.network": {"class_path": DEFAULT_NETWORK}})
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the arguments.

        Raises:
            UsageError: for arguments that are not understood.
        """
        networks = {name: list(signature(net.__init__).parameters)[1:] for name, net in known_networks().items()}
        known = KnownFlags.of(parser, networks)
        known.keep(self.request.command)
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            flags = known.names()
            raise UsageError(explain(str(error), flags, networks, _classes())) from error
        seed = self.config.seed_everything
        if isinstance(seed, bool) or not 0 <= seed < 2**32:  # Lightning takes true for any seed, and false for none
            raise UsageError(f"--seed_everything {str(seed).lower()}: a whole number from 0 to {2**32 - 1} is needed")
        for name in ("dataset", "stand_in"):
            if (value := self.config.data[name]) is not None:
                try:
                    find_dataset(value)
                except UserError as error:
                    if name == "dataset" and self.request.data_of:
                        raise UserError(
                            f"{self.request.data_of} was trained on {value}, which is not there as seen from "
                            f"{Path.cwd()}: name its place with --data.dataset"
                        ) from error
                    raise UsageError(f"--data.{name}: {error}") from error

    def before_instantiate_classes(self) -> None:
        """Fill in what the data decide of the network, where nobody says otherwise."""
        spec = self.config.model.network
        data = self.config.data
        dataset = find_dataset(data.dataset, Reading.from_settings(data))
        dataset.refresh()
        network = find_network(spec.class_path)
        of_data = arguments_from_data(network, dataset.image_shape, len(dataset.class_names))
        for name, value in of_data.items():
            if not self.request.gives(name):
                spec.init_args[name] = value

    def instantiate_classes(self) -> None:
        """Build classifier and data module.

        Raises:
            UserError: also for what a network class of the user's raises.
        """
        with own_errors_explained(self.config.model.network.class_path):
            try:
                super().instantiate_classes()
            except ValueError as error:
                if said := explain_instance(str(error)):
                    raise UserError(said) from error
                raise

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Nothing: `training.run` builds the Trainer, as it knows where a run writes."""

    def as_yaml(self) -> str:
        """All settings, as a config holds them."""
        config = self.config.clone()
        # Where this start took its weights from, and what its run is called, are no settings.
        for flag in (CHECKPOINT_FLAG, WEIGHTS_FLAG, "--name"):
            config.pop(flag.removeprefix("--"), None)
        return self.parser.dump(config, skip_unset=False)


def parser_of(command: str) -> LightningArgumentParser:
    """The parser of a training command."""
    with quiet():
        return TrainingSettings(Request(command)).parser


def values_of_flags() -> dict[str, list[str]]:
    """The names that flags can be given, beyond what their types say."""
    networks = list(known_networks())
    named = {f"--{name}": values for name, values in _classes().items()}
    datasets = {f"--data.{name}": list(dataset_names()) for name in ("dataset", "stand_in")}
    names = {"--trainer.strategy": list(STRATEGIES), "--trainer.accelerator": list(ACCELERATORS)}
    return named | datasets | names | dict.fromkeys(("--network", "--model.network", "--model.network.help"), networks)


def _classes() -> dict[str, list[str]]:
    """Names of the classes that the Trainer's settings can be given, by setting."""
    from pytorch_lightning import callbacks, loggers, profilers, strategies

    modules = {"callbacks": callbacks, "logger": loggers, "profiler": profilers, "strategy": strategies}
    return {f"trainer.{name}": [*module.__all__] for name, module in modules.items()}


@contextmanager
def _settings(request: Request, arguments: Sequence[str]) -> Iterator[tuple[TrainingSettings, Checkpoint | None]]:
    """The settings that the arguments of a command ask for, and the checkpoint to start from.

    Raises:
        UserError: for settings that Lightning does not take, in this project's words.
    """
    command = request.command
    if "." in request.network and not request.wants_help:
        import_network(request.network)  # in this project's words; the parser imports it too
    which = request.weights or request.ckpt_path or (None if command == "fit" or request.wants_help else "best")
    of_folder: Kind = "last" if command == "fit" and not request.weights else "best"
    checkpoint = Checkpoint.read(find_checkpoint(which, request.root, of_folder)) if which else None
    if checkpoint and request.weights:
        checkpoint.check_holds(None)
        request = request.with_network_of(checkpoint)
    elif checkpoint:
        request = request.behind(checkpoint)
    try:
        with quiet(), _relaunchable(request, arguments, checkpoint):
            yield TrainingSettings(request), checkpoint
    except (MisconfigurationException, TrainerError) as error:
        raise UserError(explain_trainer(str(error))) from error
    except SIGTERMException:  # before the first step, when there is nothing to save yet
        sys.exit(128 + signal.SIGTERM)


@contextmanager
def _relaunchable(request: Request, arguments: Sequence[str], checkpoint: Checkpoint | None) -> Iterator[None]:
    """Let the processes that Lightning starts for several devices find this command line in sys.argv.

    They read it again: "best" and "last" must mean the same there.
    """
    original = sys.argv[1:]
    flag = CHECKPOINT_FLAG if request.weights is None else WEIGHTS_FLAG
    sys.argv[1:] = [request.command, *arguments, *([flag, str(checkpoint.path)] if checkpoint else [])]
    try:
        yield
    finally:
        sys.argv[1:] = original


@rank_zero_only
def _print(result: run.Result, settings: TrainingSettings) -> None:
    """Print the metrics of an evaluation, with what they are of, and where they are kept."""
    data, trained_on = settings.datamodule, settings.model.provenance
    print(f"Checkpoint  {short_path(result.best_checkpoint)}")
    print(f"Data        {data.source.title}")
    part = "test" if settings.request.command == "test" else "val"
    seen, total = getattr(settings.model, f"{part}_metrics").images_seen, data.sizes()[part]
    print(f"Images      {seen:,}{f' of {total:,}' if seen != total else ''}")
    print(*lines_of(result.metrics), sep="\n")
    if notice := data.stand_in_notice():
        print(notice)
    elif trained_on and trained_on.stand_in_for:
        print(f"*** The network was trained on {trained_on.dataset} digits, not on {trained_on.stand_in_for}. ***")
    if result.record:
        print(f"Written to {short_path(result.record)}")
