"""Imports what a script is certain to import, for all programs that are then forked."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from gridfold.core.process import variables
from gridfold.identity import reads
from gridfold.identity.code import Following, Import
from gridfold.identity.executed import look_up
from gridfold.identity.leading_imports import leading_imports
from gridfold.identity.packages import is_installed
from gridfold.trainers.warm.main_module import new_main
from gridfold.trainers.warm.program import Ready, make_ready
from gridfold.trainers.warm.script import Script, script_of
from gridfold.trainers.warm.shelf import Shelf

# What libraries import when they are first used, such as for the first optimiser: each run would do it by itself.
_LATE = {"torch": "torch._dynamo"}
_OF_RUNS = ("GRIDFOLD_", "CUDA_VISIBLE_DEVICES")  # what the names of variables begin with in which runs differ
_COMPILED = (".py", ".so", ".pyc")


class _Arguments(list[str]):
    """The arguments of a script of which only the first is known.

    Attributes:
        are_read: whether others were asked for.
    """

    are_read = False

    def __getitem__(self, place: Any) -> Any:
        self.are_read |= place != 0
        return super().__getitem__(place)

    def __iter__(self) -> Iterator[str]:
        self.are_read = True
        return super().__iter__()

    def __len__(self) -> int:
        self.are_read = True
        return super().__len__()


def preload(arguments: Sequence[str], began: Collection[str], path: Sequence[str]) -> str:
    """Make this process ready for programs to be forked from it.

    Args:
        arguments: the command, maybe with placeholders behind the script.
        began: the modules that Python had imported before gridfold's.
        path: the folders that a program looks for modules in, but for that of the script.

    Returns:
        Why programs are to start cold; "" if they can be forked.
    """
    script = script_of(arguments)
    if isinstance(script, str):
        return script
    first = [] if sys.flags.safe_path else [script.folder]
    if name := _shadowed(first, {module.partition(".")[0] for module in {*sys.modules} - {*began}}):
        return f"a module beside the script has the name of another: '{name}'"
    shelf, heard, others = Shelf(), reads.start(), _others(began)
    heard.noted.clear()
    for file in {str(sys.modules[name].__file__) for name in others}:
        heard.matter(file)
    look_up(heard)
    shelf.put(others, dict(heard.noted))
    _open_input()
    why, late = _import(script, [*first, *path])
    look_up(heard)
    noted = dict(heard.noted)
    _import_late(late, shelf)
    shelf.begin()
    make_ready(Ready(script, path, noted, shelf.new))
    return why


def _shadowed(folders: Sequence[str], imported: Collection[str]) -> str:
    """A module in a folder that a program would import instead of one that was imported; "" if there is none."""
    for folder in folders:
        with suppress(OSError):
            for entry in os.scandir(folder):
                name, _, kind = entry.name.partition(".")
                if name in imported and (f".{kind}".endswith(_COMPILED) or Path(entry.path, "__init__.py").exists()):
                    return name
    return ""


def _others(began: Collection[str]) -> list[str]:
    """The installed modules that gridfold needs, and a program has to import for itself."""
    known = {*sys.stdlib_module_names, "gridfold", "__main__"}
    names = {*sys.modules} - {*began}
    names = {name for name in names if name.partition(".")[0] not in known}
    return [name for name in names if getattr(sys.modules[name], "__file__", None)]


def _open_input() -> None:
    """Let the standard input be empty, as that of a command is."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    raw = io.FileIO(0, closefd=False)
    raw.name = "<stdin>"
    before = sys.stdin
    sys.stdin = vars(sys)["__stdin__"] = io.TextIOWrapper(io.BufferedReader(raw), before.encoding, before.errors)
    sys.stdin.mode = "r"  # type: ignore[misc]


def _import(script: Script, path: Sequence[str]) -> tuple[str, list[str]]:
    """Import what a script does; why programs are to start cold, and what they may import later."""
    read: list[str] = []

    def tell(name: str) -> None:
        if name.startswith(_OF_RUNS):
            read.append(name)

    wanted = list(_leading(script, path))
    reads.start().noted.clear()
    with _as_in(script, path) as argv, variables.watching(tell), suppress(BaseException):
        for imported in wanted:
            _do(imported)
    if argv.are_read:
        return "one of its modules reads sys.argv when it is imported", []
    if read:
        return f"one of its modules reads {read[0]} when it is imported", []
    return "", [late for library, late in _LATE.items() if library in sys.modules]


@contextmanager
def _as_in(script: Script, path: Sequence[str]) -> Iterator[_Arguments]:
    """Let imports see what those of the script would see."""
    argv = _Arguments([script.argv[0]])
    before = sys.path[:], sys.argv, sys.modules["__main__"]
    main = new_main(script.file if script.is_file else None)
    sys.path[:], sys.argv, sys.modules["__main__"] = path, argv, main
    try:
        yield argv
    finally:
        sys.path[:], sys.argv, sys.modules["__main__"] = before


def _leading(script: Script, path: Sequence[str]) -> Iterator[Import]:
    if script.is_file:
        return leading_imports(script.file, path)
    spec = _main_of(script.what, path)
    package = spec.name.rpartition(".")[0] if spec else ""
    if spec is None or not spec.origin or is_installed(spec.origin):
        return iter([Import(package)] if package else [])
    return leading_imports(spec.origin, path, package)


def _main_of(module: str, path: Sequence[str]) -> ModuleSpec | None:
    """The module that runs if another is to be run."""
    following = Following(path, is_own=True)
    spec = following.spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return following.spec(f"{module}.__main__") if is_package else spec


def _do(imported: Import) -> None:
    module = importlib.import_module(imported.module)
    for name in imported.names:
        if name != "*" and not hasattr(module, name):
            importlib.import_module(f"{imported.module}.{name}")


def _import_late(names: Sequence[str], shelf: Shelf) -> None:
    """Import what may be imported later, and let nobody see it before."""
    heard, before = reads.start(), {*sys.modules}
    heard.noted.clear()
    with suppress(BaseException):
        for name in names:
            importlib.import_module(name)
    new = [name for name in {*sys.modules} - before if name.partition(".")[0] not in sys.stdlib_module_names]
    look_up(heard)
    if new:
        shelf.put(new, dict(heard.noted))
