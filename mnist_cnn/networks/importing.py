"""Networks from outside the package: importing the class that a user names, and saying where theirs fails."""

import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from mnist_cnn.errors import UserError
from mnist_cnn.networks.base import Network, check_complete, find_network, is_network, known_networks

WAY_OUT = "derive it from mnist_cnn.Network and set self.num_classes in its __init__"


def import_network(network: str | type[Network]) -> type[Network]:
    """The class of a network that a user names; its module is imported.

    Args:
        network: The class, the name of one of this project's, or an import path such as "my_networks.MyCNN".

    Raises:
        UserError: if there is no such module or class, importing it fails, or it is no `Network`.
    """
    if isinstance(network, type):
        return _checked(network, f"{network.__module__}.{network.__qualname__}")
    if network in known_networks() or is_network(network):
        return find_network(network)
    module_name, _, name = network.rpartition(".")
    if not module_name:
        known = ", ".join(known_networks())
        raise UserError(
            f"--network {network}: there is no such network; choose one of {known}, or a class's import path"
        )
    module = _import(network, module_name)
    if not hasattr(module, name):
        found = [key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, nn.Module)]
        offers = f"; it has {', '.join(found)}" if found else ""
        raise UserError(f"--network {network}: there is no class {name} in {module_name}{offers}")
    return _checked(getattr(module, name), network)


@contextmanager
def own_errors_explained(network: str) -> Iterator[None]:
    """Say in a sentence that a user's class cannot be built, and in which line of theirs.

    Raises:
        UserError: in the place of any other error.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"--network {network} cannot be built: {_described(error)}") from error


def _import(network: str, module_name: str) -> object:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UserError(
                f"--network {network}: there is no module {error.name}; it is looked for in {Path.cwd()} and among "
                f"the installed packages"
            ) from error
        raise UserError(f"--network {network}: importing {module_name} fails: {_described(error)}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"--network {network}: importing {module_name} fails: {_described(error)}") from error


def _checked(found: object, name: str) -> type[Network]:
    if isinstance(found, type) and issubclass(found, Network) and found is not Network:
        check_complete(found)
        return found
    kind = "a plain nn.Module" if isinstance(found, type) and issubclass(found, nn.Module) else "no network"
    raise UserError(f"--network {name} is {kind}: {WAY_OUT}")


def _described(error: BaseException) -> str:
    """An error in a line, with the line of the user's own file that it comes from."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename:
        text = (error.text or "").strip()
        return f"{said.partition(' (')[0]} ({Path(error.filename).name}, line {error.lineno}: {text})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
    return said + place


def _is_users(filename: str) -> bool:
    """Whether a file is neither of this package, nor of an installed one, nor of Python itself."""
    path = Path(filename)
    package = Path(__file__).parent.parent
    return not (
        filename.startswith("<")
        or path.is_relative_to(package)
        or path.is_relative_to(Path(traceback.__file__).parent)
        or "site-packages" in path.parts
    )
