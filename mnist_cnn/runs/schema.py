"""What a checkpoint of this project may hold under which name; all of it is looked at before any is used."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mnist_cnn.errors import UserError
from mnist_cnn.runs.outline import FLOATS, Other, TensorOutline
from mnist_cnn.runs.provenance import Provenance

# What this project adds to Lightning's own entries.
PROVENANCE = "provenance"
METRICS = "metrics"
TRAINING_METRICS = "train_metrics"
CONDITIONS = "conditions"
# Lightning's entries that are looked into. With weight averaging, the weights are the averages.
EPOCH = "epoch"
GLOBAL_STEP = "global_step"
WEIGHTS = "state_dict"
CURRENT_WEIGHTS = "current_model_state"
LOOPS = "loops"
CALLBACKS = "callbacks"
OPTIMIZERS = "optimizer_states"
SCHEDULES = "lr_schedulers"
HYPERPARAMETERS = "hyper_parameters"
DATA_HYPERPARAMETERS = "datamodule_hyper_parameters"

DEEPEST = 32
MOST_VALUES = 500_000
LONGEST_TEXT = 100_000
MOST_ARGUMENTS = 1000  # of a network, the numbers in its lists counted
MOST_CHANNELS = 4096
LARGEST_COUNT = 2**53
# What loops and the data's position count, wherever it stands among their states.
COUNTS = ("ready", "started", "processed", "completed", "epoch", "position", "_batches_that_stepped")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what could steer a terminal


def problem_of(contents: Mapping[Any, Any], sizes: Mapping[str, int], largest: int) -> str | None:
    """Say what is wrong with a checkpoint of this project, or None.

    Args:
        contents: Its outline.
        sizes: Bytes of each tensor's record.
        largest: The most bytes that all its tensors together may take.
    """
    tensors: list[TensorOutline] = []
    if problem := _problem_of_values(contents, tensors):
        return problem
    if problem := _problem_of_tensors(tensors, sizes, largest):
        return problem
    for key, (is_right, wanted) in ENTRIES.items():
        if key in contents and not is_right(contents[key]):
            return f"{key} is not {wanted}"
    try:
        Provenance.from_plain(contents.get(PROVENANCE))
    except UserError as error:
        return str(error)
    missing = [key for key in (EPOCH, GLOBAL_STEP) if key not in contents]
    return f"{missing[0]} is missing" if missing else None


def names_a_network(contents: Any) -> bool:
    """Whether contents are those of a checkpoint of this project at all."""
    settings = contents.get(HYPERPARAMETERS) if isinstance(contents, dict) else None
    network = settings.get("network") if isinstance(settings, dict) else None
    return isinstance(network, dict) and "class_path" in network and WEIGHTS in contents


def _problem_of_values(contents: Any, tensors: list[TensorOutline]) -> str | None:
    """Go through all values, and collect the tensors. What refers to itself is deeper than anything."""
    waiting: list[tuple[Any, int]] = [(contents, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_VALUES:
            return "its values are nested too deeply, or are too many"
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, Other):
            waiting.append((value.holds, depth + 1))
        elif isinstance(value, TensorOutline):
            tensors.append(value)
        elif type(value) in (list, tuple):
            waiting += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                return "it holds a text of more than 100,000 letters"
        elif not (value is None or type(value) in (bool, int, float)):
            return "it holds a value of a kind that has no place there"
    return None


def _problem_of_tensors(tensors: Iterable[TensorOutline], sizes: Mapping[str, int], largest: int) -> str | None:
    total = 0
    for tensor in tensors:
        if sizes.get(tensor.key) != tensor.count * tensor.item_size:
            return "a tensor's record is missing or of another size"
        total += tensor.nbytes
    return f"its tensors take more than {largest // 1_000_000:,} MB together" if total > largest else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST_COUNT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not CONTROL.search(value)


def _is_plain(value: Any) -> bool:
    """Whether a setting is one that a config can hold."""
    if isinstance(value, dict):
        return all(_is_text(name) and _is_plain(item) for name, item in value.items())
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float) or _is_text(value)


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and _is_plain(value)


def _is_model(value: Any) -> bool:
    if not _is_settings(value):
        return False
    network = value["network"]
    arguments = network.get("init_args") or {}
    is_named = isinstance(network["class_path"], str) and re.fullmatch(r"\w+(\.\w+)*", network["class_path"])
    channels = arguments.get("in_channels", 1) if isinstance(arguments, dict) else None
    return (
        bool(is_named)
        and isinstance(arguments, dict)
        and _count_values(arguments) <= MOST_ARGUMENTS
        and type(channels) is int
        and 1 <= channels <= MOST_CHANNELS
    )


def _count_values(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_count_values, value.values()))
    return sum(map(_count_values, value)) if isinstance(value, list | tuple) else 1


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(tensor, TensorOutline) for name, tensor in value.items()
    )


def _is_weights(value: Any) -> bool:
    if not _is_state(value) or not {"mean", "std"} <= value.keys():
        return False
    mean, std = value["mean"], value["std"]
    is_per_channel = mean.shape == () or (len(mean.shape) == 3 and mean.shape[1:] == (1, 1))
    return is_per_channel and mean.shape == std.shape and {mean.storage, std.storage} <= set(FLOATS)


def _is_metrics(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(_is_number, value.values())))


def _is_list_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def _is_progress(value: Any) -> bool:
    """Whether the state of loops counts with whole numbers, at any depth."""
    if isinstance(value, list):
        return all(map(_is_progress, value))
    if not isinstance(value, dict):
        return value is None or type(value) in (bool, int, float) or _is_text(value)
    return all(_is_count(item) if name in COUNTS else _is_progress(item) for name, item in value.items())


def _is_schedule(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    counts = [value[name] for name in ("last_epoch", "_step_count") if name in value]
    rates = [value[name] for name in ("base_lrs", "_last_lr") if name in value]
    return all(map(_is_count, counts)) and all(map(_is_list_of(_is_number), rates))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_optimizer(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() >= {"state", "param_groups"}:
        return False
    state, groups = value["state"], value["param_groups"]
    return (
        isinstance(state, dict)
        and all(isinstance(of_parameter, dict) for of_parameter in state.values())
        and _is_list_of(_is_mapping)(groups)
        and all(_is_list_of(_is_count)(group.get("params")) for group in groups)
    )


ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    EPOCH: (_is_count, "a whole number"),
    GLOBAL_STEP: (_is_count, "a whole number"),
    HYPERPARAMETERS: (_is_model, "the settings of a model with a network"),
    DATA_HYPERPARAMETERS: (_is_settings, "settings"),
    WEIGHTS: (_is_weights, "weights by name, with mean and std of the pixels"),
    CURRENT_WEIGHTS: (_is_state, "weights by name"),
    METRICS: (_is_metrics, "numbers by name"),
    TRAINING_METRICS: (_is_list_of(_is_state), "a list of metrics"),
    CONDITIONS: (_is_settings, "settings"),
    LOOPS: (lambda value: _is_mapping(value) and _is_progress(value), "what has been done so far"),
    CALLBACKS: (_is_mapping, "settings"),
    OPTIMIZERS: (_is_list_of(_is_optimizer), "a list of optimisers' states"),
    SCHEDULES: (_is_list_of(_is_schedule), "a list of schedules' states"),
}
