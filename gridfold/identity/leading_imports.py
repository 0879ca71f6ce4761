"""What a script is certain to import, before it does anything that an import could notice.

Only what stands at the top level counts, up to the first statement that may do more than define or import: what sets a
variable of the environment, or the path, may change what the next import does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridfold.identity.code import Following, Import
from gridfold.identity.packages import is_installed

_MAIN = "__name__ == '__main__'"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Pass)
_PLAIN = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Name, ast.UnaryOp, ast.expr_context, ast.unaryop)


def leading_imports(file: str, path: Sequence[str], package: str = "") -> Iterator[Import]:
    """The imports of installed modules, in the order in which the script does them; also by way of the user's modules.

    Args:
        file: the script.
        path: the folders that it looks for modules in.
        package: the package that it is in, if it is run as a module.
    """
    return _Leading(path).of_main(file, package)


class _Leading:
    """Follows imports in order.

    Attributes:
        goes_on: whether nothing was met that ends it.
    """

    def __init__(self, path: Sequence[str]) -> None:
        self._following = Following(path, is_own=True)
        self._seen: set[str] = set()
        self.goes_on = True

    def of_main(self, file: str, package: str) -> Iterator[Import]:
        for name in _packages(package):
            yield from self._module(name)
        if self.goes_on:
            yield from self._file(file, package, is_main=True)

    def _file(self, file: str, package: str, *, is_main: bool = False) -> Iterator[Import]:
        try:
            body = ast.parse(Path(file).read_bytes()).body
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            body = [ast.Break()]  # whatever it is, it ends here
        yield from self._body(body, package, is_main=is_main)

    def _body(self, body: Sequence[ast.stmt], package: str, *, is_main: bool) -> Iterator[Import]:
        for statement in body:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    yield from self._imported(package, Import(alias.name))
            elif isinstance(statement, ast.ImportFrom):
                names = tuple(alias.name for alias in statement.names)
                yield from self._imported(package, Import(statement.module or "", statement.level, names))
            elif isinstance(statement, ast.If) and ast.unparse(statement.test) == _MAIN:
                yield from self._body(statement.body if is_main else statement.orelse, package, is_main=is_main)
            elif not _is_harmless(statement):
                self.goes_on = False
            if not self.goes_on:
                return

    def _imported(self, package: str, imported: Import) -> Iterator[Import]:
        if not self.goes_on:
            return
        base = _absolute(package, imported)
        spec = self._following.spec(base) if base else None
        if spec is None:
            self.goes_on = base in ("__future__", "__main__")
        elif _is_of_packages(spec.origin):
            yield Import(base, 0, imported.names)
        else:
            for name in _packages(base):
                yield from self._module(name)
            for name in imported.names:
                if spec.submodule_search_locations is not None and self._following.spec(f"{base}.{name}"):
                    yield from self._module(f"{base}.{name}")

    def _module(self, name: str) -> Iterator[Import]:
        """What a module of the user's imports, the first time."""
        if name in self._seen or not self.goes_on:
            return
        self._seen.add(name)
        spec = self._following.spec(name)
        if spec is None or (spec.origin and not spec.origin.endswith(".py")):
            self.goes_on = False
        elif spec.origin:
            is_package = spec.submodule_search_locations is not None
            yield from self._file(spec.origin, name if is_package else name.rpartition(".")[0])


def _absolute(package: str, imported: Import) -> str:
    if not imported.level:
        return imported.module
    parts = package.split(".") if package else []
    above = parts[: len(parts) + 1 - imported.level]
    return ".".join([*above, imported.module] if imported.module else above)


def _packages(name: str) -> Iterator[str]:
    """A module after the packages that it is in."""
    parts = name.split(".") if name else []
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _is_of_packages(origin: str | None) -> bool:
    return origin in ("built-in", "frozen") or bool(origin and is_installed(origin))


def _is_harmless(statement: ast.stmt) -> bool:
    """Whether a statement only defines something."""
    if isinstance(statement, ast.ClassDef):
        return all(map(_is_harmless, statement.body))
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test).endswith("TYPE_CHECKING") and not statement.orelse
    if isinstance(statement, ast.Assign) and not all(isinstance(target, ast.Name) for target in statement.targets):
        return False
    if isinstance(statement, ast.AnnAssign) and not isinstance(statement.target, ast.Name):
        return False
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr)):
        return statement.value is None or all(isinstance(node, _PLAIN) for node in ast.walk(statement.value))
    return isinstance(statement, _DEFINITIONS)
