"""The options of a script, by the calls that declare them: argparse, click, absl."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from gridfold.trainers.starter.entry import UNKNOWN, Entry, Source, keywords, last_name, named

_SWITCHES = ("store_true", "store_false", "store_const")
_NO_VALUE = ("help", "version", "append", "append_const", "count", "extend")
_OF_OUTPUT = re.compile(r"(out|output|save|log|logging|checkpoint|ckpt|results?|run|work)[-_]?(dir|directory|folder)")
_NOT_OF_CONFIG = ("config", "run_dir")  # what a placeholder of these names stands for comes from the run
_ABSL = {"DEFINE_float", "DEFINE_integer", "DEFINE_string", "DEFINE_enum", "DEFINE_bool", "DEFINE_boolean"}


def declared(source: Source) -> Iterator[Entry]:
    """The options that a script declares one by one, in the order of its text."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = named(call)
        if name == "add_argument" and call.args:
            yield from _of_argparse(source, call)
        elif name in ("option", "argument") and _is_decorator(source.tree, call):
            yield from _of_click(source, call, is_positional=name == "argument")
        elif name in _ABSL and len(call.args) > 1:
            yield from _of_absl(source, call)


def subcommands(source: Source) -> list[str]:
    """The commands that a script has, of which one must be named before its options."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and named(node) == "add_parser"]
    of_argparse = [source.text(call.args[0]) for call in calls if call.args]
    functions = source.functions.values()
    decorated = [(each, function.name) for function in functions for each in function.decorator_list]
    of_click = [_command_name(source, each, name) for each, name in decorated if _adds_command(each)]
    is_group = len(of_click) > 1 or any(last_name(each) in ("group", "callback") for each, _ in decorated)
    return [*filter(None, of_argparse), *(of_click if is_group else [])]


def _adds_command(decorator: ast.expr) -> bool:
    """Whether a decorator makes a function a command of a group of click, or of an app of typer."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr == "command" and last_name(called.value) != "click"


def _command_name(source: Source, decorator: ast.expr, function: str) -> str:
    given = source.text(decorator.args[0]) if isinstance(decorator, ast.Call) and decorator.args else ""
    return given or function.replace("_", "-")


def passed(flag: str, value: Any, said: str, *, is_required: bool = False) -> Entry:
    """An option with a value: left out if that is null.

    Args:
        flag: as it is passed, such as ``--learning-rate``.
        value: its default; `UNKNOWN` if it has none, or that is computed.
        said: what is to know of it.
        is_required: whether the program asks for it.
    """
    path, placeholder = path_of(flag), _optional(flag)
    if is_output(path) and not isinstance(value, bool):
        return output(flag, said)
    is_own = path not in _NOT_OF_CONFIG  # else this placeholder means something of the run
    if is_own and (is_required or (isinstance(value, (int, float, str)) and not isinstance(value, bool))):
        is_negative = isinstance(value, (int, float)) and value < 0  # a parser may take -1e-5 for a flag
        words = (f"{flag}={{{path}}}",) if is_negative else (flag, f"{{{path}}}")
        return Entry(path, words, UNKNOWN if is_required else value, said, is_required)
    if not placeholder:
        return Entry(path, said=told(f"to pass it, add {flag}", said))
    return Entry(path, (placeholder,), None if value is UNKNOWN else value, said)


def is_output(name: str) -> bool:
    """Whether an option is the folder that a program writes to, by its name: runs would write to one."""
    return _OF_OUTPUT.fullmatch(name) is not None


def output(flag: str, said: str = "") -> Entry:
    """The option for the folder that a program writes to."""
    return Entry(path_of(flag), (flag, "{run_dir}"), said=told("each run gets its own directory, {run_dir}", said))


def path_of(flag: str) -> str:
    """Where the value of an option stands in the config."""
    return flag.lstrip("-").replace("-", "_")


def switch(flag: str, said: str) -> Entry:
    """An option without a value: null leaves it out, true passes it."""
    placeholder, said = _optional(flag), told("true passes it", said)
    return Entry(path_of(flag), (placeholder,), None, said) if placeholder else Entry(path_of(flag), said=said)


def _optional(flag: str) -> str:
    """The placeholder of an option that is left out if its value is null; "" if none gives this flag."""
    path = path_of(flag)
    for style, name in (("plain", path), ("dash", path.replace("_", "-"))):
        if flag == f"--{name}":
            return f"{{args:{style}:{path}}}"
    return ""


def told(*parts: str) -> str:
    """Some remarks as one."""
    return "; ".join(part for part in parts if part)


def _of_argparse(source: Source, call: ast.Call) -> Iterator[Entry]:
    flags = [text for each in call.args if (text := source.text(each))]
    if not flags:
        return
    given = keywords(call)
    action, flag = last_name(given.get("action")) or source.text(given.get("action")), _long(flags)
    said = told(_choices(source, given.get("choices")), _help(source, given))
    value = source.value(given["default"]) if "default" in given else None
    if action in _NO_VALUE or flag in ("-h", "--help"):
        return
    if not flag.startswith("-"):
        yield from _positional(flag, given, source, said)
    elif action in _SWITCHES:
        yield switch(flag, said)
    elif action == "BooleanOptionalAction":
        yield passed(flag, value, told("false passes --no-…", said))
    elif last_name(given.get("type")) == "bool":
        yield Entry(path_of(flag), said="not passed: type=bool takes any text for true")
    elif isinstance(value, bool):  # its type reads a text, such as strtobool
        yield Entry(path_of(flag), (flag, f"{{{path_of(flag)}}}"), value, said)
    else:
        required = source.value(given.get("required")) is True
        yield passed(flag, value, told(_computed(given, value), said), is_required=required)


def _positional(name: str, given: dict[str, ast.expr], source: Source, said: str) -> Iterator[Entry]:
    value = source.value(given["default"]) if "default" in given else UNKNOWN
    if value is UNKNOWN or value is None:
        is_needed = source.text(given.get("nargs")) not in ("?", "*")
        yield Entry(name, (f"{{{name}}}",) if is_needed else (), UNKNOWN, said, is_needed)
    else:
        yield Entry(name, (f"{{{name}}}",), value, said)


def _of_click(source: Source, call: ast.Call, *, is_positional: bool) -> Iterator[Entry]:
    texts = [text for each in call.args if (text := source.text(each))]
    if not texts:
        return
    given, flag = keywords(call), _long(texts)
    value = source.value(given["default"]) if "default" in given else None
    said = told(_choices(source, _first(given.get("type"))), source.text(given.get("help")))
    required = source.value(given.get("required")) is True
    if is_positional:
        yield from _positional(texts[0], given, source, said)
    elif "/" in flag:
        on, off = (part.strip() for part in flag.split("/", 1))
        usual = off == f"--no-{on.lstrip('-')}"
        yield passed(on, value, told("false passes --no-…", said)) if usual else switch(on, said)
    elif source.value(given.get("is_flag")) is True or isinstance(value, bool):
        yield switch(flag, said)
    elif source.value(given.get("multiple")) is not True:
        yield passed(flag, value, told(_computed(given, value), said), is_required=required)


def _of_absl(source: Source, call: ast.Call) -> Iterator[Entry]:
    name, default = source.text(call.args[0]), source.value(call.args[1])
    help_at = 3 if named(call) == "DEFINE_enum" else 2
    said = source.text(call.args[help_at]) if len(call.args) > help_at else ""
    if named(call) == "DEFINE_enum" and len(call.args) > 2:
        said = told(_choices(source, call.args[2]), said)
    if isinstance(default, bool):
        yield Entry(name, (f"{{args:underscore:{name}}}",), default, said)
    else:
        yield passed(f"--{name}", None if default is UNKNOWN else default, said)


def _long(flags: Sequence[str]) -> str:
    """The flag to pass: the first long one, or else the first."""
    return next((each for each in flags if each.startswith("--")), flags[0])


def _first(node: ast.expr | None) -> ast.expr | None:
    """The choices of ``click.Choice([...])``."""
    return node.args[0] if isinstance(node, ast.Call) and named(node) == "Choice" and node.args else None


def _choices(source: Source, node: ast.expr | None) -> str:
    found = source.value(node) if node is not None else UNKNOWN
    names = sorted(map(str, found)) if isinstance(found, set) else found if isinstance(found, list) else []
    return f"one of {', '.join(map(str, names))}" if names else ""


def _computed(given: dict[str, ast.expr], value: Any) -> str:
    if "default" not in given or value is not UNKNOWN:
        return ""
    return f"null: its default, {' '.join(ast.unparse(given['default']).split()):.60}"


def _is_decorator(tree: ast.Module, call: ast.Call) -> bool:
    """Whether a call decorates a function: other things have methods of these names."""
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return any(call in function.decorator_list for function in functions)


def _help(source: Source, given: dict[str, ast.expr]) -> str:
    """What an option says of itself, without its default, which stands beside it."""
    said = source.text(given.get("help")).replace("%%", "%")
    return re.sub(r"\s*[(\[,;]?\s*(?i:default)\s*[:=]?\s*%\(default\)s[)\]]?", "", said)
