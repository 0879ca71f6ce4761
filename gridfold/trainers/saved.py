"""Functions that are in no module: of a notebook, of a script, of a function around them.

The processes of runs are no copies of the process that begins a search: that of a notebook has threads, and a copy of
it could wait forever for a lock that one of them held. So the function is saved beside the runs, with the values that
it uses as they are at that moment, and its name is that of the file. Whoever continues the search loads it, in a
notebook or not; commands that only look at results never do.
"""

from __future__ import annotations

import functools
import json
import linecache
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import cloudpickle

from gridfold.core.errors import ConfigError, cut
from gridfold.core.files import replace_bytes
from gridfold.core.values import plain, render
from gridfold.identity import reads
from gridfold.identity.live import FACTS, SAVED, LiveCode, facts_of, is_imported, variables
from gridfold.trainers.function import takes_config

FOLDER = ".functions"  # the folder beside the runs
_PATH = "gridfold.trainer"
_CACHED = type(functools.cache(len))
_MOST_CALLS = 20  # from the function to what cannot be saved
_loading: ContextVar[str] = ContextVar("loading", default="")  # the folder of the function that is being loaded


def name_of(trainer: Any, runs: Path) -> str | tuple[str, ...]:
    """The name of a trainer: ``module:function``, the arguments of a command, or where the function is now saved.

    Args:
        trainer: a function, an object with a method ``train``, a name, or a command.
        runs: the folder of runs.

    Raises:
        ConfigError: it is none of these, or it cannot be saved.
    """
    if isinstance(trainer, str):
        return trainer
    if isinstance(trainer, Sequence):
        return tuple(each if isinstance(each, str) else render(plain(each)) for each in trainer)
    check(trainer)
    if is_imported(trainer) and "." not in trainer.__qualname__:
        return f"{trainer.__module__}:{trainer.__qualname__}"
    called = label_of(trainer)
    return f"{os.path.relpath(_save(trainer, called, runs / FOLDER))}:{called}"


def check(trainer: Any) -> None:
    """Whether something can be called with a config, if it is a function.

    Raises:
        ConfigError: it cannot.
    """
    if isinstance(trainer, (str, Sequence)) or hasattr(trainer, "train"):
        return
    hint = "expected a function train(config, run) or train(config), 'module:function', or a command as a list"
    if not callable(trainer):
        raise ConfigError(f"not a trainer: {trainer!r:.80}", path="trainer", hint=hint)
    if not takes_config(trainer):
        problem = f"'{label_of(trainer)}' cannot be called with a config, or with a config and a run"
        raise ConfigError(problem, path="trainer", hint=hint)


def label_of(trainer: Any) -> str:
    """What a function, or another object, is called: a word."""
    name = getattr(trainer, "__name__", None) or type(trainer).__name__
    return re.sub(r"\W", "", str(name)) or "function"


@functools.cache
def load(file: str) -> Any:
    """The function that is saved in a file.

    Raises:
        ConfigError: it is not there, was saved by another version of Python, or what it uses cannot be imported.
    """
    folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 - a trainer may change to another folder
    if heard := reads.current():
        heard.leave_out(folder)  # what is in it is known by its name
    python = facts_of(file).get("python")
    if python != _python():
        problem = f"the function was saved by Python {python}, and this is {_python()}"
        raise ConfigError(problem, path=_PATH, where=file, hint=f"continue with Python {python}")
    token = _loading.set(folder)
    try:
        found = pickle.loads(Path(file).read_bytes())
    except Exception as error:
        problem = f"loading the function fails: {type(error).__name__}: {cut(str(error), 2_000)}"
        hint = "set PYTHONPATH to the folder of the module" if isinstance(error, ModuleNotFoundError) else ""
        raise ConfigError(problem, path=_PATH, where=file, hint=hint) from error
    finally:
        _loading.reset(token)
    _publish(found)
    return found


def _publish(found: Any) -> None:
    """Let classes and functions be found in ``__main__``, where they are from: to pickle an object looks there."""
    main = vars(sys.modules["__main__"])
    for name, value in getattr(found, "__globals__", {}).items():
        if getattr(value, "__module__", None) == "__main__" and getattr(value, "__qualname__", None) == name:
            main.setdefault(name, value)


def _save(trainer: Any, called: str, folder: Path) -> Path:
    """Save a function, unless it is there; the file."""
    with BytesIO() as file:
        pickler = _Pickler(file)
        try:
            pickler.dump(trainer)
        except Exception as error:
            raise _not_saved(trainer, called, error) from error
        content = file.getvalue()
    found = LiveCode.of(trainer, {**_reducers(), **_by_content()}, content)
    place = folder / f"{called}_{found.digest[:12]}"
    if not (place / SAVED).exists():
        facts = json.dumps({"python": _python(), "imports": found.imports, "untold": found.untold}, indent=1) + "\n"
        _write(place, {**pickler.sources, FACTS: facts.encode(), SAVED: content})
    return place / SAVED


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a function; the last one makes it complete. Another process may do the same."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_bytes(place / name, [content])
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(place)) from None


def _reduce_cached(cached: Any) -> Any:
    """A function with a cache: without what is in it."""
    if is_imported(cached):
        return cached.__reduce__()
    return _make_cached, (cached.__wrapped__, cached.cache_parameters())


def _make_cached(function: Callable[..., Any], how: Mapping[str, Any]) -> Any:
    return functools.lru_cache(**how)(function)


def _reducers() -> dict[type, Callable[[Any], Any]]:
    """How objects are taken apart, by type, also as packages have registered it that are imported by now."""
    return {**cloudpickle.Pickler.dispatch_table, _CACHED: _reduce_cached}


def _by_content() -> dict[type, Callable[[Any], Any]]:
    """What objects are known by whose pickles are never the same twice: of tensors, they have addresses in memory."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}

    def content(tensor: Any) -> Any:
        numbers = tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()
        said = str(tensor.dtype), tuple(tensor.shape), str(tensor.device), tensor.requires_grad
        return type(tensor), (*said, numbers)

    return {torch.Tensor: content, torch.nn.Parameter: content}


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Saves the source of code that is in no module, so that messages and the sharing report can show its lines.

    Attributes:
        sources: the files of source, by name.
    """

    def __init__(self, file: BytesIO) -> None:
        self.sources: dict[str, bytes] = {}
        self._names = {file: file for file in _files_of_modules()}  # what files of code are called for the runs
        self.dispatch_table = {**_reducers(), CodeType: self._reduce_code}
        super().__init__(file)  # which looks for the table

    def _reduce_code(self, code: CodeType) -> tuple[Callable[..., CodeType], tuple[Any, ...]]:
        _, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
        return _make_code, (self._name_of(code.co_filename), *arguments)

    def _name_of(self, file: str) -> str:
        if file not in self._names:
            name = Path(file).name if Path(file).is_file() else f"cell_{len(self.sources) + 1}.py"
            text = "".join(linecache.getlines(file))
            if not text or name in self.sources:
                name = file
            else:
                self.sources[name] = text.encode("utf-8", "surrogatepass")
            self._names[file] = name
        return self._names[file]


def _files_of_modules() -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if name != "__main__" and isinstance(file, str):
            yield file


def _make_code(file: str, *arguments: Any) -> CodeType:
    """Code, with the file that its source is in: cloudpickle leaves that out, and what has none is nobody's code."""
    path = file if file.startswith("<") else os.path.join(_loading.get(), file)  # noqa: PTH118 - it may be absolute
    return CodeType(*arguments).replace(co_filename=path)


def _not_saved(trainer: Any, called: str, error: Exception) -> ConfigError:
    path = list(_path_to_unsaved(trainer, 0))
    said = f"{type(error).__name__}: {cut(' '.join(str(error).split()), 300)}"
    if not path:
        return ConfigError(f"'{called}' cannot be saved for the processes of the runs: {said}", path="trainer")
    through = "".join(f" by way of '{name}'" for name in path[:-1])
    problem = f"'{called}' uses '{path[-1]}'{through}, which cannot be saved for the processes of the runs: {said}"
    return ConfigError(problem, path="trainer", hint=f"make '{path[-1]}' inside the function")


def _path_to_unsaved(value: Any, depth: int) -> Iterator[str]:
    """The name of the variable that cannot be saved, behind those of the functions that lead to it."""
    if not isinstance(value, FunctionType) or depth > _MOST_CALLS:
        return
    for name, each in variables(value).items():
        if each is not value and not _can_be_saved(each):
            yield name
            yield from _path_to_unsaved(each, depth + 1)
            return


def _can_be_saved(value: Any) -> bool:
    try:
        _Pickler(BytesIO()).dump(value)
    except Exception:
        return False
    return True


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
