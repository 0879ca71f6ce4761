"""Stages: functions whose results are worth keeping, such as tokens and features.

What a result depends on in the config is recorded, not declared. The function gets a config that notes whatever is
looked at. The next time, the notes are followed: the first says what the function would look at first, what is seen
there leads to what it would look at next, and in the end to the result. So a look-up reads what the function itself
would read, in the same order, and never more: where the config stands for many runs, they are separated over that only.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from gridfold.core.errors import ConfigError
from gridfold.core.logs import logger

if TYPE_CHECKING:
    from gridfold.stages.cache import Cache
    from gridfold.stages.call import Call

P = ParamSpec("P")
R = TypeVar("R")

STAGES = ".stages"  # the folder beside the runs
LIMIT = "GRIDFOLD_STAGES_GB"
_DEFAULT_GIGABYTES = 20.0
_TRUSTED = f"{__name__.partition('.')[0]}."  # modules whose stages are told all that they depend on

_folder = ""
_used = False
_notes: list[str] = []  # which results were not kept, and why


def use(runs: str | os.PathLike[str]) -> None:
    """Keep the results of stages beside the runs in a folder, from now on in this process and its children."""
    global _folder  # noqa: PLW0603 - a process has one
    _folder = f"{runs}/{STAGES}"


def folder() -> str:
    """Where the results of stages are kept; "" outside of runs."""
    return _folder


def cache_in_use() -> Cache | None:
    """Where results are kept; None outside of runs, and where it is switched off.

    Raises:
        ConfigError: the limit is not a number.
    """
    from gridfold.stages.cache import Cache  # the processes of runs without stages do not need it

    given = os.environ.get(LIMIT, "")
    try:
        limit = float(given) if given else _DEFAULT_GIGABYTES
    except ValueError:
        raise ConfigError(f"expected a number of gigabytes, found '{given}'", where=LIMIT) from None
    return Cache(Path(_folder), int(limit * 1e9)) if _folder and limit > 0 else None


def was_used() -> bool:
    """Whether this process, or one that it was forked from, was given a result that was kept."""
    return _used


def notes() -> list[str]:
    """Which results this process, or one that it was forked from, could not keep, and why."""
    return list(_notes)


@overload
def stage(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def stage(*, version: str = "", any_threads: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def stage(function: Any = None, /, *, version: str = "", any_threads: bool = False) -> Any:
    """Keep what a function returns, for all runs in the same folder.

    Example::

        @gridfold.stage
        def features(config, texts):
            ...

    The first argument, if it is a mapping, is the config or a section of it: the function may only read it, and what
    it reads is what the result depends on. So are the files that it opens, the environment variables that it looks
    up, and the values of variables that it refers to, of its module and of others of the project. It depends on the
    other arguments, too: plain values, arrays and tensors count by content, a ``Path`` by what is in the file or
    folder. It depends on the source of the function's module, and of those of the project that it imports; on the
    versions of Python and of the packages that they import; on the kind of processor and GPU, and on the number of
    threads.

    Each caller gets a copy of the result. Where something of this cannot be told, or the function does more than to
    compute a result, it is called each time, and a line in the log and in the run's record says so.

    Args:
        function: a function of a module.
        version: to be changed when the function does something else that its source does not show.
        any_threads: the result is the same to the bit for any number of CPU threads.
    """
    if function is None:
        return functools.partial(stage, version=version, any_threads=any_threads)
    watched = not function.__module__.startswith(_TRUSTED)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        from gridfold.stages.call import Call  # as above

        has_config = bool(arguments) and isinstance(arguments[0], Mapping)
        config, others = (arguments[0], arguments[1:]) if has_config else (None, arguments)
        return _value(Call(function, version, any_threads, watched, config, others, named))

    return call


def _value(call: Call) -> Any:
    from gridfold.stages.call import outcome  # as above

    cache = cache_in_use()
    if not cache:
        return call.compute()
    found = outcome(call, cache)
    if found.problem:
        _say(f"the result of {call.function.__qualname__} is not kept: {found.problem}")
    global _used  # noqa: PLW0603 - as above
    _used = _used or found.found
    return found.value


def _say(note: str) -> None:
    """Once, in the log and in the record of whatever runs this process stands for."""
    if note not in _notes:
        _notes.append(note)
        logger().warning("%s", note)
