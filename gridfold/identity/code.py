"""Which source files, and which packages, a piece of Python depends on: imports are followed without importing."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from pkgutil import get_importer
from types import FunctionType

from gridfold.identity import packages
from gridfold.identity.data import called, hash_of
from gridfold.identity.sources import Sources
from gridfold.identity.values import UnknownError, of_value

_CALLS = ("import_module", "__import__", "run_module")  # of which the first argument is the name of a module
_LINE = re.compile(r"^\s*(?:from\s+(\.*[\w.]*)\s+import\b|import\s+([\w., ]+))", re.MULTILINE)


@dataclass(frozen=True)
class Import:
    """An import statement: ``from {level dots}{module} import {names}``."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


def of_function(function: FunctionType, version: str) -> str:
    """A hash of a function's code: its name, and the source of its module and of the project's modules that it uses.

    Code that is installed counts by the versions of packages, or by ``version``.

    Raises:
        UnknownError: its source cannot be read, or does not say what it refers to.
    """
    if function.__closure__:
        raise UnknownError("what a nested function refers to around it")
    found = _sources(function.__module__)
    return of_value((function.__module__, function.__qualname__, version, dict(found.files), dict(found.packages)))


@cache
def _sources(module: str) -> Sources:
    """As `sources_of`, once a process."""
    found = sources_of(module)
    if not found.files:
        raise UnknownError(f"a function of {module}, which is no file of Python source")
    return found


def sources_of(module: str) -> Sources:
    """The source of a module that this process can import, and what that imports, and so on.

    Args:
        module: its name; ``__main__`` for what this process runs.
    """
    following = Following(sys.path, is_own=True, packages=packages.basic())
    main = getattr(sys.modules["__main__"], "__file__", None) if module == "__main__" else None
    if main:
        following.script(main)
    else:
        following.start(module)
    return following.found()


def sources_of_imports(statements: Iterable[str]) -> Sources:
    """The source of what some statements import in this process."""
    following = Following(sys.path, is_own=True, packages=packages.basic())
    following.code("\n".join(statements))
    return following.found()


@dataclass
class Following:
    """Follows imports.

    Attributes:
        path: the folders that modules are looked for in.
        is_own: whether it is this process that would import them, which may have finders of its own.
        files: the files that count by their content.
        packages: the installed packages, by the names of their distributions.
    """

    path: Sequence[str]
    is_own: bool = False
    files: set[str] = field(default_factory=set)
    packages: dict[str, str | None] = field(default_factory=dict)
    _room: str = ""  # the folder of what it started from, which counts although it is installed
    _counted: set[str] = field(default_factory=set)
    _seen: dict[str, ModuleSpec | None] = field(default_factory=dict)
    _waiting: list[tuple[str, str]] = field(default_factory=list)  # packages and files to look into

    def start(self, module: str) -> None:
        """Follow from a module, which counts itself wherever it is."""
        for name in (module.rpartition(".")[0], module):  # its package first
            spec = self.spec(name) if name else None
        if spec and spec.origin and packages.is_installed(spec.origin):
            self._room = os.path.join(os.path.dirname(spec.origin), "")
        self.module(module)
        self._follow()

    def script(self, file: str) -> None:
        """Follow from a script."""
        if file not in self.files:
            self.files.add(file)
            self._waiting.append(("", file))
            self._follow()

    def code(self, source: str) -> None:
        """Follow from source that is in no file."""
        for imported in _parsed(source.encode("utf-8", "surrogateescape")):
            self._imported("", imported)
        self._follow()

    def module(self, name: str) -> bool:
        """Count a module, and the packages that it is in; whether there is one."""
        parent = name.rpartition(".")[0]
        if parent and not self.module(parent):
            return False
        spec = self.spec(name)
        if spec is not None and name not in self._counted:
            self._counted.add(name)
            self._count(name, spec)
        return spec is not None

    def found(self) -> Sources:
        """What was found so far."""
        files = {called(file): hash_of(file) for file in sorted(self.files)}
        return Sources(files, dict(sorted(self.packages.items())))

    def _count(self, name: str, spec: ModuleSpec) -> None:
        file = spec.origin if spec.has_location else None
        if "." not in name and (place := next(iter(spec.submodule_search_locations or ()), file)):
            self._count_package(name, str(Path(place).parent))
        if file and self._is_followed(file):
            self.files.add(file)
            if file.endswith(".py"):
                self._waiting.append((_package(spec), file))

    def _is_followed(self, file: str) -> bool:
        return not packages.is_installed(file) or bool(self._room and file.startswith(self._room))

    def _count_package(self, module: str, folder: str) -> None:
        if known := packages.version_of(module, folder):
            self.packages[known[0]] = known[1]

    def _follow(self) -> None:
        while self._waiting:
            package, file = self._waiting.pop()
            for imported in imports(file):
                self._imported(package, imported)

    def _imported(self, package: str, imported: Import) -> None:
        above = package.split(".")[: package.count(".") + 2 - imported.level] if imported.level else []
        base = ".".join([*above, *([imported.module] if imported.module else [])])
        if base and self.module(base):
            spec = self._seen[base]
            for name in imported.names if spec and spec.submodule_search_locations is not None else ():
                self.module(f"{base}.{name}")

    def spec(self, name: str) -> ModuleSpec | None:
        """Where a module is, found without importing anything; its package has been found before."""
        if name not in self._seen:
            parent = name.rpartition(".")[0]
            above = self._seen.get(parent) or (self.spec(parent) if parent else None)
            path = list(above.submodule_search_locations or ()) if above else self.path
            spec = None if parent and above is None else _found(name, path)
            if spec is None and self.is_own and not parent:
                with suppress(ImportError, ValueError):
                    spec = importlib.util.find_spec(name)
            self._seen[name] = spec
        return self._seen[name]


def _found(name: str, path: Sequence[str]) -> ModuleSpec | None:
    """As the import system finds it in folders; that cannot do a package without ``__init__.py`` in another."""
    portions: list[str] = []
    for folder in path:
        with suppress(ImportError, ValueError, OSError):
            finder = get_importer(folder or os.getcwd())
            spec = finder.find_spec(name) if finder else None
            if spec and spec.loader:
                return spec
            portions.extend(spec.submodule_search_locations or () if spec else ())
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = portions
    return spec if portions else None


def _package(spec: ModuleSpec) -> str:
    return spec.name if spec.submodule_search_locations is not None else spec.name.rpartition(".")[0]


def imports(file: str) -> Sequence[Import]:
    """The imports in a file, also those in its functions; none if it cannot be read."""
    try:
        stat = os.stat(file)
        return _imports(file, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return ()


@cache
def _imports(file: str, *_stamp: int) -> Sequence[Import]:
    return _parsed(Path(file).read_bytes())


def _parsed(source: bytes) -> Sequence[Import]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(_in_text(source.decode("utf-8", "replace")))  # of another version of Python, perhaps
    found = list(_of_statements(tree.body))
    if any(name.encode() in source for name in _CALLS):
        found.extend(_of_calls(tree))
    return tuple(found)


def _of_statements(body: Iterable[ast.stmt | ast.excepthandler | ast.match_case]) -> Iterator[Import]:
    """All statements that are executed; imports are not in expressions, which are most of a tree."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            yield from _of_statements(statement.orelse)
            continue
        if isinstance(statement, ast.Import):
            yield from (Import(alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            names = tuple(alias.name for alias in statement.names)
            yield Import(statement.module or "", statement.level, names)
        for inner in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from _of_statements(getattr(statement, inner, ()))


def _of_calls(tree: ast.AST) -> Iterator[Import]:
    """Modules that a call imports, as in ``importlib.import_module("helper")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called_as = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = node.args[0].value
            if called_as in _CALLS and isinstance(name, str):
                yield Import(name.lstrip("."), len(name) - len(name.lstrip(".")))


def _in_text(text: str) -> Iterator[Import]:
    for base, names in _LINE.findall(text):
        for name in [base] if base else names.split(","):
            plain = name.split(" as ")[0].strip()
            yield Import(plain.lstrip("."), len(plain) - len(plain.lstrip(".")))
