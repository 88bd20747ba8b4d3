"""Keeps the libraries from loading what nobody asked for, which takes most of a short command's time.

    defer_heavy_imports()  # before torch, Lightning or torchmetrics are imported
    import pytorch_lightning

`PACKAGES` tells which are deferred, and what their callers are given instead; see `mnist_cnn.deferral`.
"""

import functools
import importlib
import logging
import sys
from types import FunctionType, ModuleType
from typing import Any

from mnist_cnn.deferral import Package, defer, later


def defer_heavy_imports() -> None:
    """Defer what `PACKAGES` names and is not loaded yet. A second call does nothing."""
    defer(PACKAGES)


# --- torch._dynamo: torch.compile's tracer, with sympy, inductor and triton. Seen in torch 2.15.
#
# Every optimiser of torch.optim imports it when it is made, to mark functions that must not be traced, and Lightning
# for a class to compare with. Nothing is traced before it is loaded.

_LIGHTNING = ("lightning_fabric.", "pytorch_lightning.", "lightning.")


def _disable(function: Any = None, recursive: bool = True, **options: Any) -> Any:
    """torch._dynamo.disable, for functions of the libraries: they stay as they are until there is a tracer.

    torch._compile asks for no wrapping, and keeps the answer as `function.__dynamo_disable`. Others get a wrapper.
    """
    if not isinstance(function, FunctionType) or not str(function.__module__).startswith(("torch.", *_LIGHTNING)):
        return importlib.import_module("torch._dynamo.decorators").disable(function, recursive, **options)
    if options.get("wrapping") is False:
        _disabled.append((function, None, recursive, options))
        return function
    called = [function]

    wrapper = functools.wraps(function)(lambda *args, **kwargs: called[0](*args, **kwargs))
    _disabled.append((wrapper, called, recursive, options))
    return wrapper


class _LikeOptimizedModule(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        # There is nothing that torch.compile has wrapped before this is loaded.
        return isinstance(instance, getattr(sys.modules.get("torch._dynamo.eval_frame"), "OptimizedModule", ()))


class _OptimizedModule(metaclass=_LikeOptimizedModule):
    """torch._dynamo.OptimizedModule for Lightning, which asks of modules whether they were compiled."""


_disabled: list[tuple[Any, list[Any] | None, bool, dict[str, Any]]] = []


def _disable_for_good(dynamo: ModuleType) -> None:
    """Keep the tracer out of the functions that it must not trace, as it would have been without stand-ins."""
    for function, called, recursive, options in _disabled:
        if called is None:
            function.__dynamo_disable = dynamo.disable(function, recursive, **options)
        else:
            called[0] = dynamo.disable(called[0], recursive, **options)
            function.__dict__.update(called[0].__dict__)  # by which the tracer knows it
    _disabled.clear()


# --- torchmetrics: its root imports all domains' metrics, with scipy, matplotlib, torchvision. Seen in 1.4 to 1.9.

_ROOT = {"__version__": "__about__", "Metric": "metric", "MetricCollection": "collections"}
_ROOT |= dict.fromkeys(("MeanMetric", "SumMetric"), "aggregation")
_CLASSIFICATION = {"MulticlassAccuracy": "accuracy", "MulticlassF1Score": "f_beta"}
_CLASSIFICATION |= {"MulticlassCalibrationError": "calibration_error"}
_FUNCTIONAL = {f"multiclass_{name}": name for name in ("accuracy", "confusion_matrix", "calibration_error")}

PACKAGES: dict[str, Package] = {
    "torch._dynamo": Package(
        marks=("disable,", "graph_break,", "OptimizedModule,"),
        # Breaking the graph does nothing outside of tracing.
        stand_ins={"disable": _disable, "graph_break": lambda: None, "OptimizedModule": _OptimizedModule},
        callers=("torch._compile", "torch.compiler", "torch.optim.optimizer", *_LIGHTNING),
        when_loaded=_disable_for_good,
    ),
    # It imports triton. Lightning's summary of a model imports it, and calls it where it counts operations.
    "torch.utils.flop_counter": Package(
        marks=("class FlopCounterMode",),
        stand_ins={"FlopCounterMode": later("torch.utils.flop_counter", "FlopCounterMode")},
        callers=_LIGHTNING,
    ),
    "torchmetrics": Package(
        marks=("_logger = ",),
        releases=("1.4.", "1.5.", "1.6.", "1.7.", "1.8.", "1.9."),
        parts=frozenset({*_ROOT.values(), "classification", "functional", "utilities", "wrappers"}),
        elsewhere=_ROOT,
        stand_ins={"_logger": logging.getLogger("torchmetrics")},
        callers=("torchmetrics.",),
        first="utilities",
    ),
    "torchmetrics.classification": Package(
        parts=frozenset({"base", "stat_scores", *_CLASSIFICATION.values()}),
        elsewhere=_CLASSIFICATION,
    ),
    "torchmetrics.functional": Package(parts=frozenset({"classification"})),
    "torchmetrics.functional.classification": Package(
        parts=frozenset({"f_beta", "stat_scores", *_FUNCTIONAL.values()}),
        elsewhere=_FUNCTIONAL,
    ),
    "torchmetrics.wrappers": Package(parts=frozenset({"abstract", "running"})),
    "torchmetrics.utilities.plot": Package(
        # The types are for annotations only; these are torchmetrics' own where there is no matplotlib.
        stand_ins={
            "_AX_TYPE": object,
            "_PLOT_OUT_TYPE": tuple[object, object],
            "plot_single_or_multi_val": later("torchmetrics.utilities.plot", "plot_single_or_multi_val"),
        },
        callers=("torchmetrics.",),
    ),
}
