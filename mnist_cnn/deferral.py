"""Packages that are imported as empty modules, and run their own code when somebody needs it.

    defer({"torchmetrics": Package(marks=..., elsewhere=...)})  # before it is imported

A deferred package answers the few names that light callers take of it. At any other name, and at the import of any
submodule that is not listed, the package's own code runs in that very module, so that nobody is left with a stand-in:
what is deferred works as ever, only later.

Nothing is deferred where a package looks otherwise than those that a `Package` was written for: it loads as always.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
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


def defer(packages: Mapping[str, Package]) -> None:
    """Defer packages, as far as they are not loaded yet. A second call does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(packages))


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


def later(module: str, name: str) -> Callable[..., Any]:
    """A stand-in for a function, or for a class that is only called: it loads the module when it is called."""
    return lambda *args, **kwargs: getattr(importlib.import_module(module), name)(*args, **kwargs)
