"""Python's garbage collector, while libraries are imported and at the end of the process."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
