"""Runs a script as ``__main__`` in the current process, to its end, as Python does in a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib.machinery
import io
import os
import runpy
import signal
import sys
from collections.abc import Callable, Sequence
from traceback import print_exception
from types import ModuleType, TracebackType
from typing import Any, NoReturn

from gridfold.identity.packages import is_installed

_FLUSH_FAILED = 120  # Python's exit code where what is left cannot be written
# What Python takes from ``sys`` before modules end: what is called then shall not import any more.
_TAKEN = ("path", "argv", "last_type", "last_value", "last_traceback", "path_hooks", "path_importer_cache", "meta_path")


def new_main(file: str | None) -> ModuleType:
    """A module ``__main__`` as it is before its first line; for a script, with its file."""
    main = ModuleType("__main__")
    vars(main).update(__annotations__={}, __builtins__=sys.modules["builtins"])
    if file:
        loader = importlib.machinery.SourceFileLoader("__main__", file)
        vars(main).update(__file__=file, __cached__=None, __loader__=loader)
    return main


def run_file(file: str) -> BaseException | None:
    """Execute a script in ``__main__``; what it raised."""
    try:
        with io.open_code(file) as source:
            code = compile(source.read(), file, "exec", dont_inherit=True)
        exec(code, vars(sys.modules["__main__"]))
    except BaseException as error:
        return error
    return None


def run_module(name: str) -> BaseException | None:
    """Execute a module as ``__main__``; what it raised."""
    try:
        runpy._run_module_as_main(name)  # type: ignore[attr-defined]  # what ``python -m`` calls
    except BaseException as error:
        return error
    return None


def end(came: list[BaseException], new_modules: Callable[[], list[str]], *, is_file: bool) -> NoReturn:
    """End this process as Python would, once the code has been executed.

    Args:
        came: what it raised.
        new_modules: the names of the modules that have come since it began.
        is_file: whether it was a script, not a module.
    """
    if is_file:
        _flush()
    error = came.pop() if came else None
    code = _conclude(error)
    if is_file and not isinstance(error, SystemExit):
        _forget_file()
    if threading := sys.modules.get("threading"):
        with contextlib.suppress(BaseException):
            threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    code = code if _flush() else _FLUSH_FAILED
    is_interrupt = type(error) is KeyboardInterrupt
    del error
    _end_modules(new_modules())
    _flush()
    ctypes.CDLL(None).fflush(None)
    if is_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


def _conclude(error: BaseException | None) -> int:
    """Tell of what the code raised; the exit code."""
    if error is None:
        return 0
    error.__traceback__ = _without_own(error.__traceback__)
    if isinstance(error, SystemExit):
        return _exit_code(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    hook = sys.excepthook
    try:
        hook(type(error), error, error.__traceback__)
    except SystemExit as exiting:
        return _exit_code(exiting)
    except BaseException as second:
        sys.stderr.write("Error in sys.excepthook:\n")
        _print(second)
        sys.stderr.write("\nOriginal exception was:\n")
        _print(error)
    return 1


def _exit_code(error: SystemExit) -> int:
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code if -(1 << 63) <= code < 1 << 63 else -1
    with contextlib.suppress(BaseException):
        sys.stderr.write(f"{code}\n")
    return 1


def _print(error: BaseException) -> None:
    print_exception(type(error), error, _without_own(error.__traceback__))


def _without_own(trace: TracebackType | None) -> TracebackType | None:
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _flush() -> bool:
    """Write what is left; whether that could be done with what the code prints to."""
    done = [_is_flushed(output) for output in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)]
    return all(done[:2])


def _is_flushed(output: Any) -> bool:
    with contextlib.suppress(BaseException):  # what stands for a stream need not know of that
        if output.closed:
            return True
    try:
        if output is not None:
            output.flush()
    except BaseException:
        return False
    return True


def _forget_file() -> None:
    names = vars(sys.modules.get("__main__"))
    for name in ("__file__", "__cached__"):
        names.pop(name, None)


def _end_modules(new: Sequence[str]) -> None:
    """Let go of what the user's modules hold: files are then written, and whoever wants to hears of the end."""
    own = [name for name in new if name in sys.modules and _is_own(sys.modules[name])]
    for name in _TAKEN:
        setattr(sys, name, None)
    for file in [each for each in gc.get_objects() if issubclass(type(each), (io.TextIOWrapper, io.BufferedWriter))]:
        with contextlib.suppress(BaseException):
            file.flush()  # in a cycle, what is below could be closed before
    dictionaries = [vars(sys.modules.pop(name)) for name in ("__main__", *own) if name in sys.modules]
    gc.collect()
    while dictionaries:
        _clear(dictionaries.pop())
    gc.collect()


def _is_own(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and not is_installed(file)


def _clear(names: dict[str, object]) -> None:
    """Let go of values, the last first: what they need when they end was there before them."""
    for name in reversed(list(names)):
        if name != "__builtins__":
            names[name] = None
