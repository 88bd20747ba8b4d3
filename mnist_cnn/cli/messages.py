"""Turning the parser's messages into a sentence that names the flag, the value and what is allowed."""

import difflib
import inspect
import re
import sys
from collections.abc import Iterable, Mapping

from mnist_cnn.errors import missing_package, shortened, shown

TYPES = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a text", "list": "a list"}
STRATEGIES = ("auto", "ddp", "ddp_spawn", "ddp_fork", "ddp_notebook", "fsdp", "deepspeed", "single_device", "xla")
ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps", "tpu")
NETWORK = "model.network"


def explain(
    message: str,
    flags: Iterable[str],
    networks: Iterable[str],
    classes: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """Say what is wrong with the arguments in one line.

    Args:
        message: What jsonargparse says, often over several lines.
        flags: All flags that the command knows.
        networks: Names of the networks that can be chosen.
        classes: Names of the classes that can be chosen for other settings, by setting, such as "trainer.callbacks".
    """
    if match := re.match(r"unrecognized arguments: (\S+)", message, re.IGNORECASE):
        return unknown_flag(match[1].partition("=")[0], flags)
    if match := re.search(r"(?:Group '([\w.]+)' )?does not accept option '([\w.]+)'", message):
        name = f"{match[1]}.{match[2]}" if match[1] else match[2]
        return unknown_config_setting(name, flags)
    if match := re.search(r'Linked "(.+?)" must be given via "(.+?)"', message):
        return f"--{match[1]} is set by --{match[2]}: give that one"
    if match := re.search(r"argument (?:.*/)?(--[\w.]+): expected one argument", message):
        return f"{match[1]}: a value is needed"
    if match := re.search(r"^Parser key \"([\w.]+)\":\s+Unable to load config '(.*)'", message):
        return f"--{match[1]} {shortened(match[2])}: settings are needed, such as '{{name: value}}', or a file of them"
    if of_class := _explain_class(message, {NETWORK: networks, **(classes or {})}):
        return of_class
    keys = re.findall(r'[Kk]ey "([\w.]+)"', message)
    value = re.search(r"(?:Got|Given) value: (.*)", message)
    if keys and value:
        name = ".".join(dict.fromkeys(keys)).replace(".init_args", "")
        nested = re.match(r"NestedArg\(key='([\w.]+)', val=", value[1])
        if nested and not name.endswith(f".{nested[1]}"):
            return f"unknown flag --{name}.{nested[1]}{_nearest(f'--{name}.{nested[1]}', flags)}"
        return f"--{name} {shown(value[1])}: {_allowed(message)}"
    return " ".join(message.split())


def _explain_class(message: str, classes: Mapping[str, Iterable[str]]) -> str:
    """What is wrong with a class that a setting names, or with the settings of that class; empty if that is not it."""
    if not (match := re.search(r'^(?:Parser key "([\w.]+)":|--([\w.]+)\.help:)', message)):
        return ""
    key = (match[1] or match[2]).partition(".init_args")[0]
    if match := re.search(r"Problem with given class_path '([\w.]+)':\s+(.*)", message):
        class_path, problem = match[1], match[2]
        if option := re.match(r"Option '([\w.]+)' is not accepted|unrecognized arguments: --([\w.]+)", problem):
            name = class_path.rpartition(".")[2]
            found = getattr(sys.modules.get(class_path.rpartition(".")[0]), name, None)  # the parser has imported it
            settings = list(inspect.signature(found.__init__).parameters)[1:] if found else []
            return unknown_class_setting(key, name, option[1] or option[2], settings)
        if missing := re.match(r"the following arguments are required: (.*)", problem):
            first = missing[1].partition(",")[0]
            return f"--{key} {class_path.rpartition('.')[2]}: it needs {missing[1]}; give --{key}.{first}"
        if inner := re.search(r'Parser key "([\w.]+)":\s+Expected (.*?)Got value: (.*)', message):
            if nested := re.match(r"NestedArg\(key='([\w.]+)', val=", inner[3]):
                return f"--{key}.{inner[1]}.{nested[1]}: {inner[1]} is a value, not settings"
            return f"--{key}.{inner[1]} {shown(inner[3])}: {_allowed(message)}"
        if "Parser key" not in problem:
            return f"--{key} {class_path}: {problem.strip()}"
    if match := re.search(r"dot import path string: (.*)", message):
        if "NestedArg" in message:
            nested = re.search(r"NestedArg\(key='([\w.]+)'", message)
            return f"--{key}.{nested[1] if nested else ''}: name the class first, by --{key} NAME"
        what = "network" if key == NETWORK else key.rpartition(".")[2].removesuffix("s")
        known = "" if key not in classes else f"; {choose(match[1], classes[key])}"
        wants = ", or a class's import path" if known and "did you mean" not in known else ""
        return f"--{key} {shortened(match[1])}: there is no such {what}{known}{wants}"
    if match := re.search(r"does not correspond to a subclass of (\w+)", message):
        value = re.search(r"Given value: (.*)|Import path (\S+\.\S+) ", message)
        return f"--{key} {shown((value[1] or value[2]) if value else '')}: that class is no {match[1]}"
    return ""


def unknown_flag(flag: str, flags: Iterable[str]) -> str:
    """Say that there is no such flag, and which is meant."""
    if flag.startswith("-"):
        return f"unknown flag {flag}{_nearest(flag, flags)}"
    hint = f"; for a config write --config {flag}" if flag.endswith((".yaml", ".yml")) else ""
    return f"{flag} stands alone: every setting needs its flag{hint}"


def unknown_config_setting(name: str, flags: Iterable[str]) -> str:
    """Say that a config has a setting that there is not, and which is meant."""
    return f"unknown setting {name} in a config{_nearest('--' + name, flags)}"


def unknown_class_setting(key: str, name: str, option: str, settings: Iterable[str]) -> str:
    """Say that a class has no such setting, and which it has."""
    names = list(settings)
    if name == "Callback":
        return f"--{key}.{option}: name the class first, by --{key} NAME"
    near = difflib.get_close_matches(option, names, n=1, cutoff=0.6)
    hint = f"; did you mean --{key}.{near[0]}?" if near else ""
    return f"--{key}.{option}: {name} has no such setting, but {', '.join(names) or 'none at all'}{hint}"


def explain_instance(message: str) -> str:
    """Say in one line why a class that a setting names cannot be made; empty if that is not what is wrong.

    Args:
        message: What jsonargparse says.
    """
    found = re.search(r"Problem with given class_path '([\w.]+)':\s+(.*?)\s*(?:\n|$)", message)
    class_path, problem = (found[1], found[2]) if found else ("", "")
    if not found and (value := re.search(r"Given value: .*?class_path='([\w.]+)'", message)):
        class_path = value[1]  # what its own code raised stands in the list of what was tried
        problem = next((tried for tried in re.findall(r"^\s*- (?!Expected)(.*)$", message, re.MULTILINE)), "")
    if not problem:
        return ""
    return missing_package(class_path, problem) or f"{class_path.rpartition('.')[2]} cannot be made: {problem}"


def explain_trainer(message: str) -> str:
    """Say what is wrong with the settings of the Trainer in one line.

    Args:
        message: What Lightning says.
    """
    if "gpu backend" in message:
        return "--device gpu (or cuda): there is no GPU that torch can use on this machine; choose cpu or auto"
    if "MPSAccelerator" in message:
        return "--device mps: there is no Apple GPU that torch can use on this machine; choose cpu or auto"
    if match := re.search(r"invalid (accelerator|strategy) name: `\w+=(.*?)`\.", message):
        known = STRATEGIES if match[1] == "strategy" else ACCELERATORS
        value = match[2].strip("'")
        return f"--trainer.{match[1]} {shown(value)}: {choose(value, known)}"
    if "`profiler`" in message and (match := re.search(r"one of \[(.*?)\]", message)):
        return f"--trainer.profiler: choose one of {match[1].replace(chr(39), '')}, or a class"
    if match := re.search(r"`val_check_interval` \((\d+)\).*training batches \((\d+)\)", message):
        return (
            f"--trainer.val_check_interval {match[1]}: an epoch has {match[2]} batches, so at most that; for more add "
            f"--trainer.check_val_every_n_epoch null, which counts over epochs"
        )
    if match := re.search(r"current_epoch=(\d+), but you have set Trainer\(max_epochs=(\d+)\)", message):
        return f"--trainer.max_epochs {match[2]}: the checkpoint has {match[1]} epochs behind it; ask for more"
    return " ".join(message.split())


def choose(value: str, choices: Iterable[str]) -> str:
    """The nearest of the choices to a value, or all of them."""
    names = list(choices)
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}"


def _allowed(message: str) -> str:
    """The choices or types that a message expects, in words."""
    message = re.sub(r"Given value type: \S+ \S+", "", message)
    types = [TYPES.get(name, name) for name in re.findall(r"<class '(\w+)'>", message) if name != "NoneType"]
    choices = [c for group in re.findall(r"Literal\[(.*?)\]", message) for c in re.findall(r"[^' ,]+", group)]
    if choices:
        if TYPES["bool"] in types:
            choices = ["true", "false", *choices]
        return f"choose one of {', '.join(dict.fromkeys(choices))}"
    if "Sequence" in message or "List" in message:
        return "a list is needed, such as '[8, 16, 32]'"
    return f"{' or '.join(dict.fromkeys(types))} is needed" if types else "that is not allowed here"


def _nearest(flag: str, flags: Iterable[str]) -> str:
    """The flag that is meant: one with the same last part, or else the nearest."""
    known = list(flags)
    last = flag.lstrip("-").replace("-", "_")
    same = [name for name in known if name.rpartition(".")[2] == last and "." in name]
    near = same or difflib.get_close_matches(flag, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def is_switch(argument: str) -> bool:
    """Whether an argument begins a flag, rather than being a value."""
    return argument.startswith("--") and argument != "--" and " " not in argument.partition("=")[0]
