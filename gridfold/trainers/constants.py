"""The constants of a Python script with other values, in a copy that runs as the script itself would."""

from __future__ import annotations

import ast
import io
import math
import re
import shlex
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.identity.programs import PythonCall
from gridfold.trainers.bindings import Binding, bindings
from gridfold.trainers.placeholders import SETTING, constants_in, value_at

COPY = ".script"  # the folder in a run directory
_PYTHON = re.compile(r"python[\d.]*|pypy[\d.]*")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BREAKS = re.compile(r"\r\n|\r|\n")
_MOST_SHOWN = 100
_START = """\
# Runs {original!r} with the text of {edited!r}

def _run(start, original, folder, edited, scope):
    import os
    import sys
    from types import ModuleType

    class Script(ModuleType):
        # Whoever starts this program again, as multiprocessing does, has to start it from here.
        __file__ = property(lambda _: start, lambda *_: None)

    if getattr(sys.modules.get("__main__"), "__dict__", None) is scope:
        sys.modules["__main__"].__class__ = Script
    if sys.path[:1] == [os.path.dirname(os.path.realpath(start))]:
        sys.path[0] = folder
    scope.update(__file__=original, __doc__=None)
    del scope["_run"]
    with open(edited, "rb") as file:
        source = file.read()
    exec(compile(source, original, "exec", dont_inherit=True), scope)


_run(__file__, {original!r}, {folder!r}, {edited!r}, globals())
"""


@dataclass(frozen=True)
class Change:
    """A line of the script, as it stands and as it is in the copy."""

    where: str
    before: str
    after: str


class ScriptText:
    """The source of a script.

    Args:
        source: what is in the file.
        name: of the file, for messages.

    Raises:
        ConfigError: it is no Python.
    """

    def __init__(self, source: bytes, name: str) -> None:
        self._name = name
        try:
            tree = ast.parse(source)
            self._encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
            self._text = source.decode(self._encoding)
        except (SyntaxError, ValueError, RecursionError) as error:
            where = f"{name}:{getattr(error, 'lineno', None) or 1}"
            raise ConfigError(f"cannot be read as Python: {getattr(error, 'msg', error)}", where=where) from None
        self._lines = _LINES.findall(self._text)
        self._bindings = list(bindings(tree))

    def with_values(self, values: Mapping[str, Any]) -> tuple[bytes, list[Change]]:
        """The source with other values of constants, and the lines that differ; all other text stays as it is.

        Raises:
            ConfigError: a name is not there, or is no constant that is assigned once.
        """
        found = {path: self._find(path) for path in values}
        edits = sorted((*self._span(node), path) for path, node in found.items())
        pieces, position = [], 0
        for start, end, path in edits:
            if start < position:
                raise ConfigError("cannot be set together with what holds it", path=path, where=self._name)
            pieces += [self._text[position:start], _written(values[path], found[path], self._text[start:end])]
            position = end
        text = "".join([*pieces, self._text[position:]])
        changes = self._changes(dict.fromkeys(found[path].lineno for _, _, path in edits), _LINES.findall(text))
        return text.encode(self._encoding), changes

    def _changes(self, lines: Mapping[int, Any], after: Sequence[str]) -> list[Change]:
        return [Change(f"{self._name}:{at}", self._lines[at - 1].strip(), after[at - 1].strip()) for at in lines]

    def _find(self, path: str) -> ast.expr:
        for each in (*_holders(path), path):
            self._check_once(each, path)
        found = self._of(path)
        if not found:
            known = {each.path for each in self._bindings if each.value is not None}
            raise ConfigError("no such constant in the script", path=path, where=self._name, hint=nearest(path, known))
        if found[0].value is None:
            where, line = f"{self._name}:{found[0].line}", self._lines[found[0].line - 1].strip()
            hint = f"in the line: {line:.{_MOST_SHOWN}}\n--set takes a constant that is assigned once, at the top level"
            raise ConfigError(found[0].why_not, path=path, where=where, hint=hint)
        return found[0].value

    def _of(self, path: str) -> list[Binding]:
        """The bindings of a path; those of variables of functions, if there is no other."""
        found = [each for each in self._bindings if each.path == path]
        return [each for each in found if not each.is_local] or found[:1]

    def _check_once(self, path: str, wanted: str) -> None:
        if len(found := self._of(path)) > 1:
            *lines, last = sorted({each.line for each in found})
            places = f"lines {', '.join(map(str, lines))} and {last}" if lines else f"line {last}"
            problem = f"{'' if path == wanted else f'{path} '}gets a value more than once, in {places}"
            raise ConfigError(problem, path=wanted, where=self._name, hint="assign it once, at the top level")

    def _span(self, node: ast.expr) -> tuple[int, int]:
        """Where the text of a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """A place in the text: Python counts the bytes of a line in UTF-8."""
        return sum(map(len, self._lines[: line - 1])) + len(self._lines[line - 1].encode()[:column].decode())


def changes(arguments: Sequence[str], config: Mapping[str, Any]) -> list[Change]:
    """The lines of the script of a command that are others in a run.

    Raises:
        ConfigError: a constant cannot be set.
    """
    names = constants_in(arguments)
    line = [argument for argument in arguments if not constants_in([argument])]
    return _edited(Path(line[_place(line)]), names, config)[1] if names else []


def with_copy(
    command: Sequence[str], arguments: Sequence[str], config: Mapping[str, Any], folder: Path
) -> Sequence[str]:
    """The arguments of a run that start the copy of the script, which this writes into the run's directory.

    Args:
        command: the command, with its placeholders.
        arguments: those of the run.
        config: the run's.
        folder: the run directory.
    """
    names = constants_in(command)
    if not names:
        return arguments
    place = _place(arguments)
    original = Path(arguments[place]).absolute()
    source, _ = _edited(original, names, config)
    edited = folder / COPY / original.name
    start = edited.parent / "start" / edited.name
    start.parent.mkdir(parents=True, exist_ok=True)
    edited.write_bytes(source)
    paths = {"original": str(original), "folder": str(original.resolve().parent), "edited": str(edited)}
    start.write_text(_START.format(**paths), encoding="utf-8")
    return [*arguments[:place], str(start), *arguments[place + 1 :]]


def _edited(script: Path, names: Sequence[str], config: Mapping[str, Any]) -> tuple[bytes, list[Change]]:
    try:
        source = script.read_bytes()
    except OSError as error:
        hint = nearest_file(script)
        raise ConfigError(f"cannot be read: {error.strerror}", path=SETTING, where=str(script), hint=hint) from None
    return ScriptText(source, str(script)).with_values({name: value_at(config, name) for name in names})


def _place(arguments: Sequence[str]) -> int:
    """Where the script stands in a command.

    Raises:
        ConfigError: the command is not Python with a script.
    """
    call = PythonCall.of(arguments[1:])
    if not _PYTHON.fullmatch(Path(arguments[0]).name) or call.kind or not call.what:
        found = shlex.join(arguments)
        problem = (
            f"--set changes a script that Python is given, such as: python train.py; found: {found:.{_MOST_SHOWN}}"
        )
        hint = "give the file of the module instead of -m" if call.kind == "m" else ""
        raise ConfigError(problem, path=SETTING, hint=hint)
    return 1 + len(call.options)


def _holders(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _written(value: Any, node: ast.expr, text: str) -> str:
    """A value as Python has it, over as many lines as the text that it replaces, so that all others keep theirs."""
    written = _literal(value)
    if isinstance(value, list) and isinstance(node, ast.Tuple):
        written = f"({written[1:-1]}{',' if len(value) == 1 else ''})"
    elif isinstance(value, list) and isinstance(node, ast.Set):
        written = f"{{{written[1:-1]}}}" if value else "set()"
    breaks = "".join(_BREAKS.findall(text))
    return f"({written}{breaks})" if breaks else written


def _literal(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    return repr(value)
