"""Turning the parser's messages into a sentence that names the flag, the value and what is allowed."""

import difflib
import re
from collections.abc import Iterable

TYPES = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a text"}


def explain(message: str, flags: Iterable[str], networks: Iterable[str]) -> str:
    """Say what is wrong with the arguments in one line.

    Args:
        message: What jsonargparse says, often over several lines.
        flags: All flags that the command knows.
        networks: Names of the networks that can be chosen.
    """
    if match := re.match(r"unrecognized arguments: (\S+)", message, re.IGNORECASE):
        flag = match[1].partition("=")[0]
        if not flag.startswith("-"):
            hint = f"; for a config write --config {flag}" if flag.endswith((".yaml", ".yml")) else ""
            return f"{flag} stands alone: every setting needs its flag{hint}"
        return f"unknown flag {flag}{_nearest(flag, flags)}"
    if match := re.search(r"does not accept option '([\w.]+)'", message):
        return f"unknown setting {match[1]} in a config{_nearest('--' + match[1], flags)}"
    if match := re.search(r'Linked "(.+?)" must be given via "(.+?)"', message):
        return f"--{match[1]} is set by --{match[2]}: give that one"
    if match := re.search(r"dot import path string: (\S+)", message):
        choices = ", ".join(networks)
        return (
            f"--model.network {match[1]}: there is no such network; choose one of {choices}, or a class's import path"
        )
    if match := re.search(r"Option '([\w.]+)' is not accepted", message):
        flag = f"--model.network.{match[1]}"
        return f"unknown flag {flag}{_nearest(flag, flags)}"
    keys = re.findall(r'[Kk]ey "([\w.]+)"', message)
    value = re.search(r"(?:Got|Given) value: (.*)", message)
    if keys and value:
        return f"--{'.'.join(keys).replace('.init_args', '')} {value[1]}: {_allowed(message)}"
    return " ".join(message.split())


def explain_trainer(message: str) -> str:
    """Say what is wrong with the settings of the Trainer in one line.

    Args:
        message: What Lightning says.
    """
    if "gpu backend" in message:
        return "--device gpu (or cuda): there is no GPU that torch can use on this machine; choose cpu or auto"
    if "MPSAccelerator" in message:
        return "--device mps: there is no Apple GPU that torch can use on this machine; choose cpu or auto"
    if match := re.search(r"`max_epochs`.*passed in (\S+?)\.?$", message):
        return f"--trainer.max_epochs {match[1]}: at least 0 is needed, or -1 for no end"
    if match := re.search(r"devices[^.]*?(-?\d+|\[\])", message):
        return f"--trainer.devices {match[1]}: a positive number of devices, or a list of their indices, is needed"
    if "enable_checkpointing" in message:
        return "--trainer.enable_checkpointing false: a run always keeps best.ckpt and last.ckpt; leave the flag out"
    if match := re.search(r"current_epoch=(\d+), but you have set Trainer\(max_epochs=(\d+)\)", message):
        return f"--trainer.max_epochs {match[2]}: the checkpoint has {match[1]} epochs behind it; ask for more"
    return " ".join(message.split())


def _allowed(message: str) -> str:
    """The choices or types that a message expects, in words."""
    message = re.sub(r"Given value type: \S+ \S+", "", message)
    choices = [c for group in re.findall(r"Literal\[(.*?)\]", message) for c in re.findall(r"[^' ,]+", group)]
    if choices:
        return f"choose one of {', '.join(dict.fromkeys(choices))}"
    if "Sequence" in message or "List" in message:
        return "a list is needed, such as '[8, 16, 32]'"
    types = [TYPES.get(name, name) for name in re.findall(r"<class '(\w+)'>", message) if name != "NoneType"]
    return f"{' or '.join(dict.fromkeys(types))} is needed" if types else "that is not allowed here"


def _nearest(flag: str, flags: Iterable[str]) -> str:
    near = difflib.get_close_matches(flag, list(flags), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
