"""What a file of Python takes: a script its options, or a training function what it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.trainers.bindings import bindings
from gridfold.trainers.starter.entry import UNKNOWN, Entry, Found, Source
from gridfold.trainers.starter.options import declared, subcommands
from gridfold.trainers.starter.reads import read
from gridfold.trainers.starter.signatures import made

_NUMBERS = (int, float, bool)


def source_of(file: Path) -> Source:
    """The source of a file.

    Raises:
        ConfigError: it is not there, or is no Python.
    """
    try:
        return Source.of(ast.parse(file.read_bytes()))
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(file), hint=nearest_file(file)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f"{file}:{getattr(error, 'lineno', None) or 1}"
        raise ConfigError(f"cannot be read as Python: {getattr(error, 'msg', error)}", where=where) from None


def function_of(source: Source, name: str, file: Path) -> ast.FunctionDef:
    """A function of a file.

    Raises:
        ConfigError: it has none of that name.
    """
    if name not in source.functions:
        hint = nearest(name, source.functions)
        raise ConfigError(f"no function '{name}' at its top level", where=str(file), hint=hint)
    return source.functions[name]


def training_function(source: Source) -> str:
    """The function of a file that trains a config by what it is called and takes; "" if there is none."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "train":
            arguments = [each.arg for each in node.args.args]
            if arguments[:1] in (["config"], ["cfg"], ["conf"]) and arguments[1:] in ([], ["run"]):
                return node.name
    return ""


def of_function(source: Source, function: ast.FunctionDef) -> Found:
    """What a training function reads."""
    entries = read(source, function)
    remarks = () if entries else ("no key that the function reads was found: write those that it needs",)
    return Found(tuple(entries), remarks)


def of_script(source: Source, file: Path) -> Found:
    """What a script takes: its options, which may be declared in a module beside it; or else its constants."""
    if _uses_hydra(source.tree):
        return Found(
            (),
            ("{args:hydra} passes what varies: write keys of the script's own config, with a list",),
            ("{args:hydra}",),
        )
    found = options_of(source, file)
    entries = _unique([each for each in found if isinstance(each, Entry)])
    remarks = [each for each in found if isinstance(each, str)]
    if not found:
        entries = [_constant(path, value) for path, value in _constants(source.tree).items()]
        remarks = [
            "the script declares no options: these are its constants; each run gets a copy with other values"
            if entries
            else "the script declares no options: {config} passes the path of the run's config, whose keys go below; "
            f"if it reads a YAML file of its own, search with that: --config FILE -- python {file} {{config}}"
        ]
    if names := subcommands(source):
        remarks.append(
            f"the script has subcommands ({', '.join(names)}): write the one to run where it belongs in trainer, and "
            "take out the options of the others"
        )
    return Found(tuple(entries), tuple(remarks), () if found or entries else ("{config}",))


def options_of(source: Source, file: Path) -> list[Entry | str]:
    """The options that a script declares, or else a module beside it that it imports; a text is a remark."""
    each = ([*declared(part), *made(part)] for part in (source, *_beside(source, file)))
    return next(filter(None, each), [])


def _beside(source: Source, file: Path) -> Iterator[Source]:
    """The modules in the folder of a script that it imports."""
    for node in ast.walk(source.tree):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            path = file.parent.joinpath(*name.split(".")).with_suffix(".py")
            with suppress(ConfigError):
                if name and path.is_file():
                    yield source_of(path)


def _uses_hydra(tree: ast.Module) -> bool:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(ast.unparse(each).startswith("hydra.main") for node in functions for each in node.decorator_list)


def _unique(entries: Sequence[Entry]) -> list[Entry]:
    """One of each path: subcommands share options."""
    return [*{entry.path: entry for entry in reversed(entries)}.values()][::-1]


def _constant(path: str, value: object) -> Entry:
    return Entry(path, (f"{{set:{path}}}",), value)


def _constants(tree: ast.Module) -> dict[str, object]:
    """The constants of a script that ``--set`` can change: numbers, and texts that are no paths."""
    found: dict[str, list[object]] = {}
    for each in bindings(tree):
        if not each.is_local:
            value = Source(tree).value(each.value) if each.value is not None else UNKNOWN
            found.setdefault(each.path, []).append(value)
    return {
        path: values[0]
        for path, values in found.items()
        if len(values) == 1 and isinstance(values[0], _NUMBERS) and not path.rpartition(".")[2].startswith("_")
    }
