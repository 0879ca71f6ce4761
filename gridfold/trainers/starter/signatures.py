"""The options of a script that a library makes of a function or a dataclass: typer, fire, tyro, HfArgumentParser."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gridfold.trainers.starter.entry import UNKNOWN, Entry, Source, keywords, last_name, named
from gridfold.trainers.starter.options import is_output, output, passed, switch, told

_OF_DATACLASSES = {
    "HfArgumentParser": "underscore",
    "cli": "dash",
    "parse": "underscore",
    "add_arguments": "underscore",
}
_MOST_DEEP = 5


def made(source: Source) -> Iterator[Entry | str]:
    """The options that are made of functions and dataclasses; a text is a remark."""
    for function in source.functions.values():
        if any(last_name(each) in ("command", "main") and _is_typer(each) for each in function.decorator_list):
            yield from _of_function(source, function, "typer")
    for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
        given = [last_name(each) for each in _arguments(call)]
        if ast.unparse(call.func) in ("typer.run", "fire.Fire", "Fire") and given and given[0] in source.functions:
            library = "typer" if named(call) == "run" else "fire"
            yield from _of_function(source, source.functions[given[0]], library)
        elif style := _OF_DATACLASSES.get(named(call)):
            for name in given:
                yield from _of_name(source, name, style)


def _of_name(source: Source, name: str, style: str) -> Iterator[Entry | str]:
    """The options of what a parser is given."""
    if name in source.classes:
        yield from _of_class(source, name, style)
    elif name in source.functions:
        yield from _of_function(source, source.functions[name], "tyro")
    elif name.endswith("Arguments"):
        if name.endswith("TrainingArguments"):
            yield output("--output_dir")
        yield f'{name} is not in this file: to pass a field of it, add "{{args:{style}:FIELD}}" to the command'


def _is_typer(decorator: ast.expr) -> bool:
    """``@app.command()`` of typer; click's has options of its own, beside it."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(function, ast.Attribute) and last_name(function.value) not in ("click", "hydra")


def _arguments(call: ast.Call) -> list[ast.expr]:
    """What is passed to a call, of a tuple or a list what is in it."""
    found = []
    for each in call.args:
        found += each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each]
    return found


def _of_function(source: Source, function: ast.FunctionDef, library: str) -> Iterator[Entry]:
    by_place = [*function.args.posonlyargs, *function.args.args]
    defaults = [None] * (len(by_place) - len(function.args.defaults)) + [*function.args.defaults]
    arguments = zip([*by_place, *function.args.kwonlyargs], [*defaults, *function.args.kw_defaults], strict=True)
    for argument, default in arguments:
        if argument.arg in ("self", "ctx"):
            continue
        value, said, is_positional = _default(source, argument.annotation, default)
        yield from _of_parameter(argument.arg, value, said, library, is_positional=is_positional)


def _of_parameter(name: str, value: object, said: str, library: str, *, is_positional: bool) -> Iterator[Entry]:
    if is_positional and library == "typer":
        yield Entry(name, (f"{{{name}}}",), value, said, value is UNKNOWN)
    elif isinstance(value, list) and library == "typer":
        yield Entry(name, said=told("not passed: of several values each has the flag before it", said))
    elif isinstance(value, bool) and library == "fire":
        yield switch(f"--{name}", said)
    else:
        flag = f"--{name}" if library == "fire" else f"--{name.replace('_', '-')}"
        yield passed(flag, value, said, is_required=value is UNKNOWN)


def _default(source: Source, annotation: ast.expr | None, default: ast.expr | None) -> tuple[object, str, bool]:
    """The default of a parameter, what is said of it, and whether it has none, or is an argument of typer."""
    noted = [node for node in ast.walk(annotation) if _is_note(node)] if annotation else []
    said = next((source.text(keywords(each).get("help")) for each in noted if isinstance(each, ast.Call)), "")
    if isinstance(default, ast.Call) and _is_note(default):
        noted, said = [default], source.text(keywords(default).get("help"))
        default = default.args[0] if default.args else keywords(default).get("default")
    kinds = {named(each) for each in noted if isinstance(each, ast.Call)}
    is_missing = default is None or (isinstance(default, ast.Constant) and default.value is ...)
    value = UNKNOWN if is_missing else source.value(default)
    if value is UNKNOWN and default is not None and not is_missing:
        value, said = None, told(f"null: its default, {ast.unparse(default):.60}", said)
    return value, said, "Argument" in kinds or (is_missing and "Option" not in kinds)


def _is_note(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and named(node) in ("Option", "Argument")


def _of_class(source: Source, name: str, style: str, prefix: str = "") -> Iterator[Entry]:
    """The fields of a dataclass, with those of its bases and of dataclasses in it."""
    if prefix.count(".") > _MOST_DEEP:
        return
    for base in map(last_name, source.classes[name].bases):
        if base in source.classes and base != name:
            yield from _of_class(source, base, style, prefix)
    for statement in source.classes[name].body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        path, inner = f"{prefix}{statement.target.id}", last_name(statement.annotation)
        if inner in source.classes:
            yield from _of_class(source, inner, style, f"{path}.")
        else:
            yield _of_field(source, path, statement.value, style)


def _of_field(source: Source, path: str, default: ast.expr | None, style: str) -> Entry:
    said, given = "", keywords(default) if isinstance(default, ast.Call) else {}
    if isinstance(default, ast.Call):
        metadata = given.get("metadata")
        pairs = zip(metadata.keys, metadata.values, strict=True) if isinstance(metadata, ast.Dict) else ()
        said = next((source.text(value) for key, value in pairs if source.value(key) == "help"), "")
        said = said or source.text(given.get("help"))
        default = given.get("default", given.get("default_factory"))
    if is_output(path.rpartition(".")[2]):
        return output(f"--{path.replace('_', '-') if style == 'dash' else path}", said)
    value = source.value(default.body if isinstance(default, ast.Lambda) else default)
    placeholder = f"{{args:{style}:{path}}}"
    if default is None:
        return Entry(path, (placeholder,), UNKNOWN, said, is_required=True)
    if value is UNKNOWN:
        return Entry(path, (placeholder,), None, told(f"null: its default, {ast.unparse(default):.60}", said))
    return Entry(path, (placeholder,), value, said)
