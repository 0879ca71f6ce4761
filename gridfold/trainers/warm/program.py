"""The program of a command as a fork of this process, which was made ready for that (see ``preload``).

It sees nothing of that: arguments, path, streams, signals, exit and random numbers are as in a process of its own.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gridfold.core.process import seeding
from gridfold.identity import reads

if TYPE_CHECKING:
    from gridfold.trainers.warm.script import Script

UNBUFFERED = "PYTHONUNBUFFERED"  # lets a program write at once what it prints
# What tells a program that starts cold to say what it reads, and when.
_OF_COLD_PROGRAMS = ("PYTHONPATH", reads.TOLD, UNBUFFERED)


@dataclass(frozen=True)
class Ready:
    """What this process, or the one that it was forked from, was made ready for.

    Attributes:
        script: what runs.
        path: the folders of modules, but for that of the script.
        noted: what was read when modules were imported.
        new_modules: the names of the modules that have come since then.
    """

    script: Script
    path: Sequence[str]
    noted: Mapping[tuple[str, Any], Any] = field(default_factory=dict)
    new_modules: Callable[[], list[str]] = list


_ready: Ready | None = None
_held: Program | None = None


class Program:
    """A program under way, as ``subprocess.Popen`` has it.

    Args:
        pid: its process, a child of this one.
        go: where it is told to go on, if it waits for that.
    """

    def __init__(self, pid: int, go: int | None = None) -> None:
        self.pid = pid
        self._go = go
        self._code: int | None = None

    def go_on(self, changes: Mapping[str, str]) -> None:
        """Let it go on, with these variables of the environment."""
        if self._go is not None:
            with os.fdopen(self._go, "wb") as told:
                told.write(json.dumps(dict(changes)).encode())
        self._go = None

    def wait(self) -> int:
        """Wait for its end: its exit code, or minus the signal that ended it."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


def make_ready(ready: Ready) -> None:
    """From now on, programs can be forked from this process."""
    global _ready  # noqa: PLW0603 - a process has one
    _ready = ready


def make_cold() -> None:
    """From now on, this process starts programs that import for themselves."""
    global _ready  # noqa: PLW0603 - as above
    _ready = None


def is_ready() -> bool:
    """Whether programs can be forked from this process."""
    return _ready is not None


def start(arguments: Sequence[str], changes: Mapping[str, str], original: Sequence[str]) -> Program | None:
    """Start a program as a fork of this process; None if it is to start cold.

    Args:
        arguments: the command.
        changes: variables of the environment, beside those of this process.
        original: the command with the script that was made ready, if another one stands for that.
    """
    if _ready is None:
        return None
    script = _held or _script(arguments, original, _ready.script)
    if script is None:
        return None
    for (kind, name), known in _ready.noted.items():
        reads.start().note(kind, name, known)
    if isinstance(script, Program):  # it waits
        script.go_on(changes)
        return script
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        run(script, changes, lambda _: None)
    return Program(pid)


def _script(arguments: Sequence[str], original: Sequence[str], made_ready: Script) -> Script | None:
    from gridfold.trainers.warm.script import script_of  # the process of a function needs nothing of it

    script, like = map(script_of, (arguments, original))
    if isinstance(script, str) or isinstance(like, str) or not like.is_like(made_ready):
        return None
    return script


def hold() -> Mapping[str, str] | None:
    """Fork a program from this process, in the middle of its code, for `start` to let it go on.

    Returns:
        In the program, once it goes on: its variables. In this process, which looks after it from now on: None.
    """
    global _held  # noqa: PLW0603 - a process looks after one
    told, go = os.pipe()
    pid = os.fork()
    if pid:
        os.close(told)
        _held = Program(pid, go)
        return None
    os.close(go)
    with os.fdopen(told, "rb") as telling:
        said = telling.read()
    if not said:  # who looked after it is gone
        os._exit(1)
    return json.loads(said)  # type: ignore[no-any-return]


def take(changes: Mapping[str, str]) -> None:
    """In a program: have the variables of its run, and tell what is read."""
    os.environ.update({name: text for name, text in changes.items() if name not in _OF_COLD_PROGRAMS})
    if changes.get(UNBUFFERED) and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    if changes.get(reads.TOLD):
        reads.start().tell(changes[reads.TOLD])


def run(
    script: Script,
    changes: Mapping[str, str],
    before_end: Callable[[BaseException | None], object],
    before: Callable[[], object] = lambda: None,
) -> NoReturn:
    """Be the program, to its end.

    Args:
        script: what to run.
        changes: variables of the environment.
        before_end: called when the code has been executed, with what it has raised.
        before: called before the first line.
    """
    try:
        assert _ready
        take(changes)
        _be(script, _ready)
        from gridfold.trainers.warm import main_module  # there by now

        before()
        main_module.end(_execute(script, before_end), _ready.new_modules, is_file=script.is_file)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def _execute(script: Script, before_end: Callable[[BaseException | None], object]) -> list[BaseException]:
    from gridfold.trainers.warm import main_module

    run_it = main_module.run_file if script.is_file else main_module.run_module
    error = run_it(script.file if script.is_file else script.what)
    before_end(error)
    return [error] if error else []


def _be(script: Script, ready: Ready) -> None:
    """Have what a process of Python has at its first line."""
    from gridfold.trainers.warm.main_module import new_main  # there by now

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path[:] = [*([] if sys.flags.safe_path else [script.folder]), *ready.path]
    sys.argv = script.argv
    sys.orig_argv = list(script.words)
    sys.executable = script.python
    sys.modules["__main__"] = new_main(script.file if script.is_file else None)
    _forget_what_is_own()


def _forget_what_is_own() -> None:
    """Let libraries be as they are when they have just been imported."""
    seeding.begin_at_random(sys.modules)
    logging, processes = (sys.modules.get(name) for name in ("logging", "multiprocessing.process"))
    if logging:
        logging.Logger.manager.loggerDict.pop("gridfold", None)
    if processes:
        vars(processes)["ORIGINAL_DIR"] = str(Path.cwd())
