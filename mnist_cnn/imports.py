"""Keeps the libraries from loading what nobody asked for, which takes most of a short command's time.

    defer_heavy_imports()  # before torch, Lightning or torchmetrics are imported
    import pytorch_lightning

A package that is named in `PACKAGES` is then imported as an empty module, which answers the few names that light
callers take of it. At any other name, and at the import of any submodule that is not listed, the package's own code
runs in that very module, so that nobody is left with a stand-in: what is deferred works as ever, only later.

Nothing is deferred where a package looks otherwise than those that this was written for: then it loads as always.
"""

import atexit
import functools
import gc
import importlib
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.util import spec_from_loader
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PROBED = ("__path__", "__file__", "__cached__", "__wrapped__", "__warningregistry__")


@dataclass(frozen=True)
class Package:
    """What of a package can be had before its own code has run.

    Attributes:
        marks: What stands in its source: where it does not, nothing is deferred.
        releases: Beginnings of the versions that are deferred: where parts import each other, their order matters.
        parts: Submodules that are imported without it. Any other loads it first.
        elsewhere: Names that it takes from submodules of its own, with these.
        stand_ins: Makes what `callers` are given instead of the package's own objects, by name.
        callers: Beginnings of the names of the modules that know how to do with a stand-in.
        first: Submodule that has to be imported before any other, as the package's own code would see to it.
        when_loaded: What puts right the traces of stand-ins, once the package's own code has run.
    """

    marks: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    parts: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, Any] = field(default_factory=dict)
    callers: tuple[str, ...] = ()
    first: str = ""
    when_loaded: Callable[[ModuleType], None] | None = None


def defer_heavy_imports() -> None:
    """Defer what `PACKAGES` names and is not loaded yet. A second call does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(PACKAGES))


@contextmanager
def spared_collector() -> Iterator[None]:
    """Let the garbage collector rest while libraries are imported, and leave what they made alone from then on.

    It would look through hundreds of thousands of objects that stay for good: again and again while they come, and
    several times more at the end of the process. Does nothing where torch is loaded already.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    atexit.register(_freeze_unless_counted)
    try:
        yield
    finally:
        _freeze_unless_counted()
        gc.enable()


def _freeze_unless_counted() -> None:
    """Spare the collector, unless a library built with nanobind is there, which reports what is left at the end."""
    extensions = [
        module for module in list(sys.modules.values()) if str(getattr(module, "__file__", "")).endswith(".so")
    ]
    if not any(type(value).__module__ == "nanobind" for module in extensions for value in list(vars(module).values())):
        gc.freeze()


class _DeferredModule(ModuleType):
    """A package whose own code has not run yet."""

    def __getattr__(self, name: str) -> Any:
        deferral: _Deferral = self.__dict__["__loader__"]
        package = deferral.package
        if name in package.elsewhere:
            return getattr(importlib.import_module(f"{self.__name__}.{package.elsewhere[name]}"), name)
        if name in package.stand_ins and _caller().startswith(package.callers):
            return package.stand_ins[name]
        # Those names are asked of every module, in the course of imports and by those who look through all modules.
        if name in PROBED or isinstance(module := deferral.load(), _DeferredModule):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(module, name)

    def __dir__(self) -> list[str]:
        self.__dict__["__loader__"].load()
        return list(super().__dir__())


class _Deferral(Loader):
    """Makes the empty module at the first import, and runs the package's own code in it at the second.

    The second import is an ordinary one, under the import system's own locks: threads that come the same way
    wait for its end. Those that first ask by different ways, at the same moment, may meet Python's error of a circular
    import.

    Args:
        package: What can be had before.
        loader: The package's own loader.
    """

    def __init__(self, package: Package, loader: Any) -> None:
        self.package, self.loader = package, loader
        self.module: _DeferredModule | None = None
        self.is_waiting = [True]  # popped by whoever loads it: of several threads one

    def __getattr__(self, name: str) -> Any:  # get_source, get_resource_reader and whatever else a loader can do
        return getattr(self.__dict__["loader"], name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self.module = self.module or _DeferredModule(spec.name)
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        if self.is_waiting:
            if self.package.first:
                importlib.import_module(f"{module.__name__}.{self.package.first}")
            return
        module.__class__ = ModuleType
        module.__loader__ = self.loader
        if module.__spec__:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        if self.package.when_loaded:
            self.package.when_loaded(module)

    def load(self) -> ModuleType:
        """Run the package's own code, or wait for the thread that does; returns what is a complete package then."""
        assert self.module is not None
        name = self.module.__name__
        with suppress(IndexError):  # another thread was first
            self.is_waiting.pop()
            sys.modules.pop(name, None)
        return importlib.import_module(name)


class _Loaded(Loader):
    """Gives a module that is loaded already, for an import that had begun before it was."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__spec__"] = self.spec  # torch's configs refuse to have it assigned


class _Finder(MetaPathFinder):
    """Finds the packages that are to be deferred, and sees to it that they are loaded before their submodules."""

    def __init__(self, packages: Mapping[str, Package]) -> None:
        self.packages = packages
        self.deferrals: dict[str, _Deferral] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in self.packages and target is None:
            return self._find_deferred(name, path)
        parent, _, child = name.rpartition(".")
        deferral = self.deferrals.get(parent)
        if deferral is None or not deferral.is_waiting or child in deferral.package.parts:
            return None
        deferral.load()
        if name not in sys.modules:
            return None
        # The package has imported it meanwhile. The import system would now make a second module of it, unless it is
        # absent for as long as it takes to find it; other threads wait for the lock of its name.
        module = sys.modules.pop(name)
        return spec_from_loader(name, _Loaded(module), origin=getattr(module, "__file__", None))

    def _find_deferred(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        deferral = self.deferrals.get(name)
        if deferral and (deferral.is_waiting or type(deferral.module) is not _DeferredModule):
            return None  # somebody has taken it out of sys.modules to import it anew
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        if deferral is None:
            if not self._can_be_deferred(name, spec.origin or ""):
                return None
            deferral = self.deferrals[name] = _Deferral(self.packages[name], spec.loader)
        spec.loader = deferral
        return spec

    def _can_be_deferred(self, name: str, origin: str) -> bool:
        """Whether a package looks like those that this was written for, and its parents are still deferred as well."""
        above = [package for package in self.packages if name.startswith(f"{package}.")]
        if above:  # what is loaded, or being so, counts on the usual order
            return all(package in self.deferrals and self.deferrals[package].is_waiting for package in above)
        package = self.packages[name]
        try:
            if package.releases and not version(name).startswith(package.releases):
                return False
        except PackageNotFoundError:  # copied from somewhere, rather than installed
            return False
        source = Path(origin).read_text(encoding="utf-8") if Path(origin).is_file() else ""
        return all(mark in source for mark in package.marks)


def _caller() -> str:
    """Name of the module that asks for an attribute, be it by a `from ... import`."""
    frame: Any = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") == "importlib._bootstrap":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame else ""


def _later(module: str, name: str) -> Callable[..., Any]:
    """A stand-in for a function, or for a class that is only called: it loads the module when it is called."""
    return lambda *args, **kwargs: getattr(importlib.import_module(module), name)(*args, **kwargs)


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
        stand_ins={"FlopCounterMode": _later("torch.utils.flop_counter", "FlopCounterMode")},
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
            "plot_single_or_multi_val": _later("torchmetrics.utilities.plot", "plot_single_or_multi_val"),
        },
        callers=("torchmetrics.",),
    ),
}
