"""`mnist-cnn --print_completion SHELL`: a script that completes commands, flags and values in a shell.

All words stand in the script, so that completing starts no Python.
"""

from argparse import Action
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from mnist_cnn.cli.commands import COMMANDS, DEVICES, SHELLS, SHORT_FLAGS
from mnist_cnn.console import PROGRAM
from mnist_cnn.errors import UsageError
from mnist_cnn.shipped import list_configs

Flags = Mapping[str, list[str]]  # with the values to choose from, where there are such
GLOBAL = ("--help", "--version", "--print_completion")


def print_script(arguments: Sequence[str]) -> int:
    """Print the script for the shell that the arguments name."""
    print(script("".join(arguments)))
    return 0


def script(shell: str) -> str:
    """The script for a shell.

    Raises:
        UsageError: for a shell that there is none for.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"--print_completion {shell or 'SHELL'}: choose one of {', '.join(SHELLS)}")
    return SCRIPTS[shell]({command: _flags_of(command) for command in COMMANDS})


def _flags_of(command: str) -> Flags:
    """The flags of a command."""
    if COMMANDS[command].module != "starting":
        from mnist_cnn.cli.parser import parser_of

        actions = parser_of(command)._actions
        return {name: list(map(str, action.choices or [])) for action in actions for name in action.option_strings}
    training: Any = import_module("mnist_cnn.cli.training")
    parser = training.parser_of(command)
    flags = {name: _choices(action) for action in parser._actions for name in action.option_strings if name[:1] == "-"}
    flags |= {short: flags[full] for short, full in SHORT_FLAGS.items() if full in flags}
    flags |= {name: list(list_configs()) for name in ("--config", "-c")}
    flags |= {"--device": list(DEVICES), "--ckpt_path": ["best", "last"]}
    return flags | training.values_of_flags()


def _choices(action: Action) -> list[str]:
    """The values that a flag can be given, where its type lists them."""
    found: list[Any] = []

    def walk(kind: Any) -> None:
        if get_origin(kind) is Literal:
            found.extend(get_args(kind))
        elif kind is bool:
            found.extend(("true", "false"))
        else:
            for part in get_args(kind):
                walk(part)

    walk(getattr(action, "_typehint", None))
    return list(dict.fromkeys(map(str, found)))


def _cases(lines: Iterable[tuple[str, str]], end: str) -> str:
    return "\n".join(f"        {pattern}) {action} {end}" for pattern, action in lines)


def _values(flags: Mapping[str, Flags]) -> dict[str, list[str]]:
    """The values of all commands' flags together, with those that have the same ones in one pattern."""
    all_flags = {name: values for of_command in flags.values() for name, values in of_command.items() if values}
    together: dict[tuple[str, ...], list[str]] = {SHELLS: ["--print_completion"]}
    for name, values in all_flags.items():
        together.setdefault(tuple(values), []).append(name)
    return {"|".join(names): list(values) for values, names in together.items()}


def _bash(flags: Mapping[str, Flags]) -> str:
    of_commands = _cases(((name, f'words="{" ".join(found)}"') for name, found in flags.items()), ";;")
    of_values = _cases(((pattern, f'words="{" ".join(values)}"') for pattern, values in _values(flags).items()), ";;")
    return f"""# Completion of {PROGRAM} for bash: read it in ~/.bashrc with `source FILE`.
_mnist_cnn() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=""
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=""
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    if (( COMP_CWORD == 1 )); then
        words="{" ".join((*COMMANDS, *GLOBAL))}"
    elif [[ $word == -* ]]; then
        case ${{COMP_WORDS[1]}} in
{of_commands}
        esac
    else
        case $before in
{of_values}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _mnist_cnn {PROGRAM}"""


def _zsh(flags: Mapping[str, Flags]) -> str:
    of_commands = _cases(((name, f"found=({' '.join(found)})") for name, found in flags.items()), ";;")
    of_values = _cases(((pattern, f"found=({' '.join(values)})") for pattern, values in _values(flags).items()), ";;")
    described = " ".join(f"'{name}:{command.summary}'" for name, command in COMMANDS.items())
    return f"""#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh: a file _{PROGRAM} in a folder of $fpath, or read with `source FILE`.
_mnist_cnn() {{
    local -a found
    if (( CURRENT == 2 )); then
        found=({described})
        _describe command found
        compadd -- {" ".join(GLOBAL)}
        return
    fi
    if [[ $PREFIX == -* ]]; then
        case $words[2] in
{of_commands}
        esac
    else
        case $words[CURRENT-1] in
{of_values}
        esac
        _files
    fi
    compadd -- $found
}}
if [[ $funcstack[1] == _{PROGRAM} ]]; then
    _mnist_cnn "$@"
else
    compdef _mnist_cnn {PROGRAM}
fi"""


def _fish(flags: Mapping[str, Flags]) -> str:
    lines = [
        f"# Completion of {PROGRAM} for fish: ~/.config/fish/completions/{PROGRAM}.fish",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l help",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l version",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -x -l print_completion -a '{' '.join(SHELLS)}'",
    ]
    for name, command in COMMANDS.items():
        lines.append(f"complete -c {PROGRAM} -n __fish_use_subcommand -f -a {name} -d '{command.summary}'")
    for name, found in flags.items():
        begin = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {name}'"
        for flag, values in found.items():
            letter = f"-s {flag[1:]}" if flag[1:2] != "-" else f"-l {flag[2:]}"
            lines.append(f"{begin} {letter}" + (f" -r -a '{' '.join(values)}'" if values else ""))
    return "\n".join(lines)


SCRIPTS: dict[str, Callable[[Mapping[str, Flags]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
