"""What the things that a result depends on are known by: plain values, files, code, and the machine."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import os
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FunctionType
from typing import Any

Known = Callable[[object], str | None]  # the address of what a stage has made

# Installed or not, loaded or not: what one process loads to compute a result, another need not load to read it.
_PACKAGES = (
    "gridfold",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "datasets",
    "jax",
    "tensorflow",
    "xgboost",
    "lightgbm",
)
# What tells numerical libraries which kernels to use, or how many threads; and the order of sets.
_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_",
    "MKL_",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTHONHASHSEED",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
_INSTALLED = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib"))  # noqa: PTH118


class UnknownError(Exception):
    """Nothing tells what a thing is by its content."""


def of_value(value: Any, known: Known = lambda _: None) -> str:
    """A hash of what a value is.

    Plain values, and dataclasses, lists and mappings of them, are known by content; a ``Path`` by the content and the
    name of the file or folder; what has a method ``stage_id`` by what that returns.

    Args:
        value: the value.
        known: gives the address of what a stage has made, which is then not looked into.

    Raises:
        UnknownError: none of these, or a file that cannot be read.
    """
    digest = hashlib.sha256()
    for piece in _pieces(value, known):
        digest.update(f"{len(piece)}:".encode() + piece)
    return digest.hexdigest()


def _pieces(value: Any, known: Known) -> Iterator[bytes]:
    """What tells a value from every other; types and orders count."""
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if address := known(value):
        yield address.encode()
    elif value is None or kind in (bool, int):
        yield repr(value).encode()
    elif kind is float:
        yield value.hex().encode()
    elif kind is str:
        yield value.encode("utf-8", "surrogatepass")
    elif kind is bytes:
        yield value
    elif kind in (date, datetime, time):
        yield value.isoformat().encode()
    elif isinstance(value, Path):
        yield from _file_pieces(value)
    else:
        yield from _parts(value, known)


def _parts(value: Any, known: Known) -> Iterator[bytes]:
    if hasattr(value, "stage_id") and not isinstance(value, type):
        yield str(value.stage_id()).encode()
        return
    if type(value) in (set, frozenset):
        yield from sorted(of_value(item, known).encode() for item in value)
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        parts = list(value.items())
    elif type(value) in (list, tuple):
        parts = value
    else:
        raise UnknownError(f"a {type(value).__qualname__}")
    yield str(len(parts)).encode()
    for part in parts:
        yield from _pieces(part, known)


def _file_pieces(path: Path) -> Iterator[bytes]:
    try:
        yield path.name.encode("utf-8", "surrogateescape")
        for file in sorted(_files_in(path)) if path.is_dir() else [path]:
            stat = file.stat()
            yield str(file.relative_to(path)).encode("utf-8", "surrogateescape")
            yield _content(str(file), stat.st_size, stat.st_mtime_ns, stat.st_ino).encode()
    except OSError as error:
        raise UnknownError(f"a file that cannot be read: {error}") from None


def _files_in(folder: Path) -> Iterator[Path]:
    """All files, those behind links to folders, too."""
    entered = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        place = Path(parent).stat()
        if (place.st_dev, place.st_ino) in entered:
            folders.clear()  # a link that leads back
        entered.add((place.st_dev, place.st_ino))
        yield from (file for file in map(Path(parent).joinpath, names) if file.is_file())


@cache
def _content(path: str, *_stamp: int) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_function(function: FunctionType, version: str) -> str:
    """A hash of a function's code: its name, and the source of its module and of the project's modules that it uses.

    Code that is installed counts by the versions of packages (see `of_machine`), or by ``version``.

    Raises:
        UnknownError: its source cannot be read, or does not say what it refers to.
    """
    if function.__closure__:
        raise UnknownError("what a nested function refers to around it")
    return of_value((function.__module__, function.__qualname__, version, _sources(function.__module__)))


@cache
def _sources(module: str) -> tuple[Path, ...]:
    """The file of a module, and of those that it imports, and so on, as far as they are not installed."""
    main = getattr(sys.modules["__main__"], "__file__", None) if module == "__main__" else None
    start = Path(main) if main else _file(module)
    if start is None:
        raise UnknownError(f"a function of {module}, which is no file of Python source")
    found, waiting = {module: start}, [module]
    while waiting:
        name = waiting.pop()
        for imported in _imports(name, found[name]):
            file = _file(imported)
            if file and imported not in found and not str(file).startswith(_INSTALLED):
                found[imported] = file
                waiting.append(imported)
    return tuple(file for _, file in sorted(found.items()))


def _imports(name: str, file: Path) -> Iterator[str]:
    """What may be modules of the imports in a file, also of those in its functions."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _statements(ast.parse(file.read_bytes()).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def _statements(body: Iterable[ast.stmt | ast.excepthandler | ast.match_case]) -> Iterator[ast.AST]:
    """All statements that are executed; imports are not in expressions, which are most of a tree."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            continue
        yield statement
        for inner in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from _statements(getattr(statement, inner, ()))


@cache
def _file(module: str) -> Path | None:
    """The source of a module, found without importing anything."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or (not rest and not spec.submodule_search_locations):
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
    for place in map(Path, spec.submodule_search_locations or ()):
        inside = place.joinpath(*rest)
        for file in (inside / "__init__.py", inside.with_name(f"{inside.name}.py")):
            if file.is_file() and (rest or file.name == "__init__.py"):
                return file
    return None


def of_machine(*, threads: bool) -> str:
    """A hash of what the bits of numbers may depend on beside code: versions, processor, GPUs, variables.

    Args:
        threads: whether the number of CPU threads counts.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_VARIABLES) and (threads or not name.endswith("_NUM_THREADS"))
    }
    return of_value((versions(_PACKAGES), _processor(), _gpus(), sorted(variables.items())))


@cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of Python and of packages, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _processor() -> tuple[str, ...]:
    """What libraries choose their kernels by."""
    lines = {platform.machine()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            lines |= {line.strip() for line in file if line.startswith(("model name", "flags", "Features"))}
    except OSError:
        pass  # another system than Linux
    return tuple(sorted(lines))


def _gpus() -> list[str]:
    """The kinds of NVIDIA GPUs that this process may see; which of them, where there are several kinds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    if visible in ("", "-1"):
        return []
    kinds = _kinds_of_gpus()
    return [*kinds, visible] if len(kinds) > 1 else list(kinds)


@cache
def _kinds_of_gpus() -> tuple[str, ...]:
    kinds = set()
    for file in Path("/proc/driver/nvidia/gpus").glob("*/information"):
        kinds |= {line for line in file.read_text(errors="replace").splitlines() if line.startswith("Model:")}
    return tuple(sorted(kinds))
