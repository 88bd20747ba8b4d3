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
        return f"unknown flag {flag}{_nearest(flag, flags)}"
    key = (re.search(r'[Kk]ey "([\w.]+)"', message) or [None, ""])[1]
    if key.endswith("model.network"):
        return _explain_network(message, flags, networks)
    if match := re.search(r"Expected a (.+?)\. Got value: (.*)", message):
        return f"--{key} {match[2]}: {_allowed(match[1])}"
    if match := re.search(r'Linked "(.+?)" must be given via "(.+?)"', message):
        return f"--{match[1]} is set by --{match[2]}: give that one"
    return " ".join(message.split())


def _explain_network(message: str, flags: Iterable[str], networks: Iterable[str]) -> str:
    if match := re.search(r"dot import path string: (\S+)", message):
        choices = ", ".join(networks)
        return f"--model.network {match[1]}: there is no such network; choose one of {choices}, or a class's import path"
    if match := re.search(r"Option '([\w.]+)' is not accepted", message):
        flag = f"--model.network.{match[1]}"
        return f"unknown flag {flag}{_nearest(flag, flags)}"
    if match := re.search(r"Expected a (.+?)\. Got value: (.*)", message):
        option = re.search(r'[Kk]ey "(?:model\.network\.)?(?:init_args\.)?(\w+)"(?!.*[Kk]ey)', message, re.DOTALL)
        return f"--model.network.{option[1] if option else ''} {match[2]}: {_allowed(match[1])}"
    return "--model.network: " + " ".join(message.split())


def _allowed(type_text: str) -> str:
    """What a type allows, in words."""
    if match := re.search(r"Literal\[(.*?)\]", type_text):
        choices = re.findall(r"[^' ,]+", match[1])
        return f"choose one of {', '.join(choices)}"
    names = re.findall(r"<class '(\w+)'>", type_text)
    return " or ".join(TYPES.get(name, name) for name in names) + " is needed" if names else f"{type_text} is needed"


def _nearest(flag: str, flags: Iterable[str]) -> str:
    near = difflib.get_close_matches(flag, list(flags), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
