"""Failures: what went wrong in a run, as its record has it, and which failures are one and the same."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import traceback
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from gridfold.core.errors import cut
from gridfold.core.values import encodable
from gridfold.identity import reads
from gridfold.runs.record import Record

# Faults of the machine: the same run may do well next time.
_KILLED = "Killed"
_TIMEOUT = "Timeout"
_LOST = "Lost"
_INFRASTRUCTURE_SIGNALS = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGPWR", "SIGXCPU")
_NUMBER = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?", re.IGNORECASE)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_MOST_CHARACTERS = {"message": 2_000, "traceback": 8_000, "output": 8_000}  # of the texts of a record

Error = Mapping[str, Any]


class ProgramFailed(Exception):  # noqa: N818 - it says what happened to the program
    """A program failed that is not this one, so what its record has is what the program said, and no traceback.

    Attributes:
        exit_code: None if a signal ended it.
        signal: the signal that ended it, such as "SIGKILL".
        output: the last lines that it printed.
    """

    exit_code: int | None
    signal: str | None
    output: str


def describe(error: BaseException) -> Error:
    """An exception as a record has it, whatever it says; long texts are cut.

    ``place`` is where the exception was raised. A command that failed also has ``exit_code`` or ``signal``, and the
    last lines of its ``output``.
    """
    cause = _first_of_group(error)
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": text_of(error) if cause is error else f"{text_of(error)}: {_named(cause)}",
        "traceback": _traceback(error),
        "place": _place(cause) or _place(error),
    }
    if isinstance(error, OSError) and isinstance(error.errno, int) and error.errno:
        described["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    if isinstance(error, ProgramFailed):
        said = {"place": "", "signal": error.signal, "exit_code": error.exit_code, "output": error.output}
        described |= {name: value for name, value in said.items() if value is not None}
    return {name: _fitting(name, said) if isinstance(said, str) else said for name, said in described.items()}


def text_of(error: BaseException) -> str:
    """What an exception says; whatever its ``__str__`` does, no exception comes of it."""
    try:
        return str(error)
    except BaseException as another:
        return f"it cannot say what is wrong: its __str__ raises {type(another).__name__}"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"


def _first_of_group(error: BaseException) -> BaseException:
    """The first exception of a group that is none itself; else the exception."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # it asks the exception for more than its text
        return "".join([*traceback.format_tb(error.__traceback__), _named(error)])


def _fitting(name: str, text: str) -> str:
    return encodable(cut(text, _MOST_CHARACTERS.get(name, _MOST_CHARACTERS["message"])))


def died(status: int, *, killed_for_memory: bool = False) -> Error:
    """The error of a run whose process ended without a result; ``status`` as ``os.waitstatus_to_exitcode`` gives it."""
    if status >= 0:
        return _plain("ProcessDied", f"exit code {status} without a result")
    name = signal_name(-status)
    if name not in _INFRASTRUCTURE_SIGNALS:
        return {**_plain("Crashed", f"crashed by {name}"), "signal": name}
    message = f"killed by the system for want of memory ({name})" if killed_for_memory else f"killed by {name}"
    return {**_plain(_KILLED, message), "signal": name}


def timed_out(seconds: float) -> Error:
    """The error of a run that took longer than it may."""
    return _plain(_TIMEOUT, f"not done after {seconds:g} s")


def out_of_time(limit: timedelta) -> Error:
    """The error of a run that had all the time of a job of an engine, and is no nearer to its end."""
    message = (
        f"not done in a job of {limit}, and no checkpoint to continue from in its directory; allow jobs more time "
        "(time=...), or let the trainer save a checkpoint in run.dir and continue from it"
    )
    return _plain("OutOfTime", message)


def lost(reason: str) -> Error:
    """The error of a run of which nothing more can be known."""
    return _plain(_LOST, reason)


def signature(error: Error) -> tuple[str, str]:
    """Equal for failures of one cause: the type, and where it was raised or, where that is not known, the message.

    Numbers in a message do not count: a command tells of the value that it was given.
    """
    return str(error["type"]), str(error.get("place") or _NUMBER.sub("#", error["message"]))


def headline(message: str) -> str:
    """The first line of what an exception says; with the next one, if that is what it announces."""
    first, _, rest = message.strip().partition("\n")
    following = rest.strip().partition("\n")[0]
    return f"{first} {following}" if first.endswith(":") and following else first


def is_infrastructure(error: Error) -> bool:
    """Whether the machine failed and not the run: it was killed from outside, timed out, or lost."""
    return error["type"] in (_TIMEOUT, _LOST) or error.get("signal") in _INFRASTRUCTURE_SIGNALS


def is_disk_full(error: Error, runs: Path = Path()) -> bool:
    """Whether the disk takes nothing more, as it is full or read-only, so that every other run would fail too.

    Args:
        error: of a run.
        runs: the folder of the runs: the directory of one may be read-only by itself.
    """
    if error.get("errno") == "EROFS":
        with contextlib.suppress(OSError):
            return bool(os.statvfs(runs).f_flag & os.ST_RDONLY)
    return error.get("errno") in {errno.errorcode[number] for number in _DISK_FULL}


def grouped(records: Iterable[Record]) -> list[list[Record]]:
    """The failed ones of some records, those of one signature together, the largest group first."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.state == "failed" and record.error:
            groups.setdefault(signature(record.error), []).append(record)
    return sorted(groups.values(), key=len, reverse=True)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time signal


def _plain(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": encodable(message), "traceback": "", "place": ""}


def _place(error: BaseException) -> str:
    """``file:line`` of the code that raised it; of the last of the user's files, if that was in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    here = Path(reads.origin())
    own = [frame for frame in frames if _is_own(Path(frame.filename), here)]
    frame = (own or frames)[-1]
    path = Path(frame.filename)
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{frame.lineno}"


def _is_own(file: Path, here: Path) -> bool:
    return file.is_relative_to(here) and not {"site-packages", "dist-packages"} & set(file.parts)
